"""Every kind of samples that a picture file can hold, against numpy on the raw samples."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from cnnlab_core.errors import ImageError
from cnnlab_core.images import open_image

RNG = np.random.default_rng(0)
SIZE = (20, 24)
INTEGERS = ("uint8", "uint16", "uint32", "int8", "int16", "int32")
FLOATS = ("float16", "float32", "float64")


def tiff(samples, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


def png(samples, depth, colour_type, clear=b"", palette=None):
    """A PNG of samples (H, W) or (H, W, channels), packed by hand."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row for row in packed(samples, depth))
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)),
            b"" if palette is None else chunk(b"PLTE", palette.astype(np.uint8).tobytes()),
            chunk(b"tRNS", clear) if clear else b"",
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def packed(samples, depth):
    """The bytes of each row, samples of ``depth`` bits one after the other."""
    bits = samples.reshape(len(samples), -1, 1) >> np.arange(depth - 1, -1, -1) & 1
    return [row.tobytes() for row in np.packbits(bits.reshape(len(samples), -1).astype(np.uint8), axis=1)]


def packed_tiff(samples, depth, photometric):
    """A grey TIFF whose samples have any number of bits."""
    data = b"".join(packed(samples, depth))
    height, width = samples.shape
    tags = [(256, width), (257, height), (258, depth), (259, 1), (262, photometric), (273, 8), (277, 1), (278, height)]
    tags.append((279, len(data)))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    start = struct.pack("<4sI", b"II*\0", 8 + len(data))
    return start + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def random_samples(kind, shape=SIZE):
    """Samples that run through the whole range of their kind, and the shares (0 black to 1 white) that they are."""
    if kind in FLOATS:
        samples = RNG.random(shape).astype(kind)
        return samples, samples.astype(np.float64)
    lowest, highest = np.iinfo(kind).min, np.iinfo(kind).max
    samples = RNG.integers(lowest, highest, shape, dtype=kind, endpoint=True)
    samples.flat[:2] = lowest, highest
    return samples, (samples.astype(np.float64) - lowest) / (float(highest) - lowest)


def over_white(shares, alpha):
    return shares * alpha + 1 - alpha


def assert_shows(content, shares, within=0):
    """The opened picture is ``shares`` (H, W) or (H, W, 3) of 255, rounded; within so many levels."""
    shown = np.asarray(open_image(content)).astype(int)
    wanted = np.rint(np.clip(shares, 0, 1) * 255).astype(int)
    wanted = wanted if wanted.ndim == 3 else np.repeat(wanted[..., None], 3, -1)
    assert shown.shape == wanted.shape
    assert np.abs(shown - wanted).max() <= within


@pytest.mark.parametrize("kind", [*INTEGERS, *FLOATS])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_a_grey_tiff_of_every_kind_of_number(kind, photometric):
    samples, shares = random_samples(kind)
    shares = shares if photometric == "minisblack" else 1 - shares
    ways = [{}, {"compression": "zlib"}, {"compression": "zlib", "predictor": True}, {"tile": (16, 16)}]
    ways += [{"bigtiff": True}, {"rowsperstrip": 7}]
    for way in ways:
        if way.get("predictor") and kind in FLOATS:
            continue  # tifffile alone doesn't write it: see the test of Pillow's compressions
        for order in "<>":
            assert_shows(tiff(samples, photometric=photometric, byteorder=order, **way), shares)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("depth", [1, 2, 4, 6, 8, 10, 12, 14])
def test_a_grey_tiff_of_every_depth(depth, photometric):
    samples = RNG.integers(0, 2**depth, SIZE)
    shares = samples / (2**depth - 1)
    assert_shows(packed_tiff(samples, depth, photometric), shares if photometric else 1 - shares)


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32", "float32", "float64"])
def test_a_colour_tiff_with_and_without_alpha(kind, planes):
    samples, shares = random_samples(kind, (*SIZE, 4))
    colours, alpha = shares[..., :3], shares[..., 3:]

    def stored(samples, **options):
        samples = samples if planes == "contig" else np.moveaxis(samples, -1, 0)
        return tiff(samples, photometric="rgb", planarconfig=planes, **options)

    assert_shows(stored(samples[..., :3]), colours)
    assert_shows(stored(samples, extrasamples=["unassalpha"]), over_white(colours, alpha), within=1)
    if kind != "uint32":  # which is stretched to the range that it has
        most = 1 if kind in FLOATS else np.iinfo(kind).max
        times_alpha = (colours * alpha * most).astype(kind)
        content = stored(np.concatenate([times_alpha, samples[..., 3:]], -1), extrasamples=["assocalpha"])
        assert_shows(content, times_alpha / most + 1 - alpha, within=2)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_other_tiffs_ink_alpha_and_palettes(kind):
    inks, shares = random_samples(kind, (*SIZE, 4))
    assert_shows(tiff(inks, photometric="separated"), (1 - shares[..., :3]) * (1 - shares[..., 3:]), within=1)
    grey, shares = random_samples(kind, (*SIZE, 2))
    content = tiff(grey, photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"])
    assert_shows(content, over_white(shares[..., 0], shares[..., 1]), within=1)
    colours = RNG.integers(0, 256, (3, 256))
    index = RNG.integers(0, 256, SIZE, dtype=np.uint8)
    content = tiff(index, photometric="palette", colormap=(colours * 257).astype(np.uint16))
    assert_shows(content, np.moveaxis(colours[:, index], 0, -1) / 255)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma", "zstd"])
@pytest.mark.parametrize("kind", ["uint16", "int32", "float32"])
def test_what_libtiff_packs(kind, compression):
    samples, shares = random_samples(kind)
    for predictor in (1, 3 if kind == "float32" else 2):
        if predictor > 1 and compression == "packbits":
            continue
        file = io.BytesIO()
        Image.fromarray(samples).save(file, "TIFF", compression=compression, tiffinfo={317: predictor})
        assert_shows(file.getvalue(), shares)


def test_numbers_that_dont_fill_their_range():
    ramp = np.linspace(-1000, 3000, 480).reshape(SIZE)
    for kind in ("int16", "int32", "float32", "float64"):
        stored = ramp.astype(kind)
        assert_shows(tiff(stored), (stored.astype(np.float64) + 1000) / 4000)
    small = RNG.integers(0, 1000, SIZE)
    for kind in ("uint16", "int16", "uint32", "int32"):  # of 16 bits, as far as anybody can tell
        assert_shows(tiff(small.astype(kind)), small / 65535)
    assert_shows(tiff(np.full(SIZE, 7.5)), np.zeros(SIZE))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_deep_tiff_is_turned_upright(orientation):
    samples, shares = random_samples("uint16")
    turned = {1: shares, 3: shares[::-1, ::-1], 6: shares.T[:, ::-1], 8: shares.T[::-1]}[orientation]
    assert_shows(tiff(samples, extratags=[(274, "H", 1, orientation, True)]), turned)


def test_what_cant_be_read_is_named():
    grey = tiff(np.ones(SIZE, np.float32))
    with pytest.raises(ImageError, match="NaN"):
        open_image(tiff(np.full(SIZE, np.nan)))
    for tag, value, says in ((258, 24, "24-bit floats"), (259, 7, "compression of number 7"), (262, 8, "colour space")):
        at = grey.index(struct.pack("<HH", tag, 3)) + 8
        with pytest.raises(ImageError, match=says):
            open_image(grey[:at] + struct.pack("<H", value) + grey[at + 2 :])
    with pytest.raises(ImageError, match="64-bit numbers of a strange kind"):
        open_image(tiff(np.ones(SIZE, np.complex64)))
    wide = grey.index(struct.pack("<HH", 256, 4)) + 8
    with pytest.raises(ImageError, match="megapixels"):
        open_image(grey[:wide] + struct.pack("<I", 10**7) + grey[wide + 4 :])
    for cut in range(0, len(grey), 37):
        with pytest.raises(ImageError):
            open_image(grey[:cut])


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_grey_png_of_every_depth_with_a_transparent_grey(depth):
    samples = RNG.integers(0, 2**depth, SIZE)
    shares = samples / (2**depth - 1)
    assert_shows(png(samples, depth, 0), shares)
    for clear in {0, int(samples[3, 3]), 2**depth - 1}:
        content = png(samples, depth, 0, struct.pack(">H", clear))
        assert_shows(content, np.where(samples == clear, 1, shares))


@pytest.mark.parametrize("depth", [8, 16])
def test_a_colour_png_of_every_depth_with_a_transparent_colour(depth):
    most = 2**depth - 1
    samples = RNG.integers(0, most + 1, (*SIZE, 3))
    assert_shows(png(samples, depth, 2), samples / most)
    clear = samples[3, 3]
    samples[5:8, 5:8] = clear
    samples[0, 0] = clear ^ [0, 0, 1]  # nearly the transparent colour, but not it
    shares = np.where((samples == clear).all(-1, keepdims=True), 1, samples / most)
    assert_shows(png(samples, depth, 2, struct.pack(">HHH", *clear)), shares)
    for channels, colour_type in ((2, 4), (4, 6)):
        samples = RNG.integers(0, most + 1, (*SIZE, channels))
        shares = over_white(samples[..., :-1] / most, samples[..., -1:] / most)
        assert_shows(png(samples, depth, colour_type), np.broadcast_to(shares, (*SIZE, 3)), within=int(depth == 8))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_png_with_transparency(depth):
    colours = RNG.integers(0, 256, (2**depth, 3))
    alpha = RNG.integers(0, 256, 2**depth, dtype=np.uint8)
    samples = RNG.integers(0, 2**depth, SIZE)
    assert_shows(png(samples, depth, 3, palette=colours), colours[samples] / 255)
    content = png(samples, depth, 3, alpha.tobytes(), colours)
    assert_shows(content, over_white(colours[samples] / 255, alpha[samples][..., None] / 255), within=1)
    first = png(samples, depth, 3, b"\0", colours)  # a table shorter than the palette
    assert_shows(first, np.where(samples[..., None] == 0, 1, colours[samples] / 255))


@pytest.mark.parametrize("most", [1, 15, 255, 1023, 4095, 65535])
@pytest.mark.parametrize("channels", [1, 3])
def test_netpbm_of_every_depth(most, channels):
    samples = RNG.integers(0, most + 1, (*SIZE, channels))
    body = samples.astype(">u2" if most > 255 else "u1").tobytes()
    head = f"P{5 if channels == 1 else 6}\n{SIZE[1]} {SIZE[0]}\n{most}\n".encode()
    assert_shows(head + body, np.broadcast_to(samples / most, (*SIZE, 3)))


def test_jpegs_of_inks_by_either_transform():
    """Adobe stores inks inverted; with its transform 2 the first three are YCbCr (Adobe technical note 5116)."""
    stored = (200, 90, 160, 30)  # C, M, Y, K, or what becomes Y, Cb, Cr, K
    file = io.BytesIO()
    Image.new("CMYK", (32, 32), stored).save(file, "JPEG", quality=100)
    plain = file.getvalue()
    c, m, y, k = np.array(stored) / 255
    assert_shows(plain, np.full((32, 32, 3), [(1 - c) * (1 - k), (1 - m) * (1 - k), (1 - y) * (1 - k)]), within=2)
    adobe = plain.index(b"Adobe") + 11
    luma, blue, red = 255 - 200, 255 - 90 - 128, 255 - 160 - 128  # the numbers in the file are inverted
    inks = [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue]  # 255 - the stored ones
    ycck = plain[:adobe] + b"\x02" + plain[adobe + 1 :]
    assert_shows(ycck, np.full((32, 32, 3), (1 - np.clip(inks, 0, 255) / 255) * (1 - k)), within=3)
