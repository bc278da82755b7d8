"""Any file ends in an upright RGB picture or in a sentence; pixels and bytes agree."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
import torch
from hostile import (
    bit_flipped,
    icon_of,
    icon_of_bitmap,
    jpeg_of_scans,
    png_claiming,
    webp_canvas,
    webp_claiming,
)
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from cnnlab_core.errors import ImageError
from cnnlab_core.images import (
    label_picture,
    open_image,
    png,
    sample_images,
    square,
    thumbnail,
    to_picture,
    to_tensor,
    to_uint8,
)

RNG = np.random.default_rng(0)
PHOTO = Image.fromarray(RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8))
ALL_MODES = [
    "1",
    "L",
    "P",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "LA",
    "La",
    "RGBa",
    "RGBX",
    "PA",
    "I;16",
]


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


PNG, JPEG = saved(PHOTO, "PNG"), saved(PHOTO, "JPEG")
DEEP = saved(Image.fromarray(RNG.integers(0, 65536, (40, 60), dtype=np.uint16)), "TIFF", compression="tiff_lzw")
GIF, WEBP, BMP, TIFF = (saved(PHOTO, kind) for kind in ("GIF", "WEBP", "BMP", "TIFF"))

REFUSED = {
    "nothing": (b"", "empty"),
    "text named .png": (b"Dear reader,\nthis is a letter.", "holds text"),
    "umlauts": ("Grüße aus München".encode() * 40, "holds text"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "svg with a prolog": (b"<?xml version='1.0'?><svg/>", "SVG"),
    "html": (b"<!DOCTYPE html><p>hello", "web page"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "PDF"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50), "HEIC"),
    "heif": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(50), "HEIC"),
    "zip": (b"PK\x03\x04" + bytes(100), "not a picture"),
    "elf": (b"\x7fELF\x02\x01\x01" + bytes(100), "not a picture"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "text"),
    "zeros": (bytes(1000), "not a picture"),
    "one byte": (b"\x89", "not a picture"),
    "png signature alone": (PNG[:8], ""),
    "png without data": (png_claiming(50, 50), "damaged"),
    "png that ends in the data": (PNG[: len(PNG) // 2], "damaged"),
    "jpeg that ends in the data": (JPEG[: len(JPEG) // 2], "damaged"),
    "jpeg header alone": (JPEG[:20], ""),
    "webp cut": (WEBP[: len(WEBP) // 2], ""),
    "bmp cut": (BMP[: len(BMP) // 2], "damaged"),
    "tiff cut": (TIFF[: len(TIFF) // 2], ""),
    "bomb of 41 megapixels": (png_claiming(41_000, 1000), "41 megapixels"),
    "bomb of 100 megapixels": (png_claiming(10_000, 10_000), "100 megapixels"),
    "bomb of 4 gigapixels": (png_claiming(65_000, 65_000), "40 megapixels"),
    "bomb of 2^62 pixels": (png_claiming(2**31 - 1, 2**31 - 1), "40 megapixels"),
    "gif bomb": (b"GIF89a" + struct.pack("<HH", 65535, 65535) + GIF[10:], "40 megapixels"),
    "jpeg of 2000 passes": (jpeg_of_scans(2000), "more than 100 passes"),
    "icon of 169 megapixels": (icon_of(png_claiming(13_000, 13_000)), "169 megapixels"),
    "icon of a bitmap": (icon_of_bitmap(13_000, 13_000), "169 megapixels"),
    "webp of 46 bytes": (webp_claiming(13_000, 13_000), "169 megapixels"),
    "webp of a canvas": (webp_canvas(13_000, 13_000), "169 megapixels"),
    "1 x 1": (saved(PHOTO.resize((1, 1)), "PNG"), "1 × 1"),
    "7 x 300": (saved(PHOTO.resize((300, 7)), "PNG"), "at least 8"),
    "strip": (saved(PHOTO.resize((2000, 10)), "PNG"), "strip"),
    "tower": (saved(PHOTO.resize((10, 2000)), "PNG"), "strip"),
    "float tiff with NaN": (saved(Image.fromarray(np.full((20, 20), np.nan, np.float32)), "TIFF"), "NaN"),
    "zero-sized png": (png_claiming(0, 0), ""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_picture_is_a_sentence(name):
    content, says = REFUSED[name]
    with pytest.raises(ImageError) as problem:
        open_image(content)
    text = str(problem.value)
    assert says in text
    assert text.endswith(".")
    assert "Traceback" not in text


def tiny(kind, **options):
    return saved(PHOTO.resize((14, 10)), kind, **options)


DEEP_PNG = png_claiming(9, 9, zlib.compress(bytes(range(55)) * 9), depth=16)
EVERY_KIND = {
    "png": tiny("PNG"), "16-bit png": DEEP_PNG, "jpeg": tiny("JPEG"),
    "progressive jpeg": tiny("JPEG", progressive=True),
    "gif": tiny("GIF"), "webp": tiny("WEBP"), "lossless webp": tiny("WEBP", lossless=True), "bmp": tiny("BMP"),
    "tiff": tiny("TIFF"), "deflated tiff": tiny("TIFF", compression="tiff_adobe_deflate"), "deep tiff": DEEP,
    "ppm": tiny("PPM"), "avif": tiny("AVIF"), "jpeg 2000": tiny("JPEG2000"), "icon": icon_of(tiny("PNG")),
}  # fmt: skip


@pytest.mark.fault("A bit of a picture's file is flipped, or the file is cut short", "A picture, or a sentence")
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_damage_ends_in_a_picture_or_a_sentence(kind):
    content = EVERY_KIND[kind]
    chance = random.Random(kind)
    cut = [content[: part * len(content) // 20] for part in range(20)]
    for damaged in (*cut, *(bit_flipped(content, chance) for _ in range(600))):
        try:
            picture = open_image(damaged)
        except ImageError as error:
            assert str(error).endswith(".")
        else:
            assert picture.mode == "RGB"


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_sentence(content):
    with pytest.raises(ImageError):
        open_image(content)


def picture_in(mode):
    """A picture in any of Pillow's modes; some can only be reached through others."""
    if mode == "I;16":
        return Image.fromarray(RNG.integers(0, 65536, (20, 20), dtype=np.uint16))
    if mode == "LAB":
        return Image.new("LAB", (20, 20), (128, 100, 90))
    through = {"La": "LA", "RGBa": "RGBA", "PA": "P"}.get(mode, "RGB")
    return PHOTO.convert(through).convert(mode)


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG", "GIF", "BMP"])
def test_every_mode_in_every_format_that_can_hold_it(mode, kind):
    try:
        content = saved(picture_in(mode), kind)
    except (OSError, ValueError, KeyError):
        return  # the format can't hold this mode: there is no such file
    try:
        assert open_image(content).mode == "RGB"
    except ImageError as error:
        assert mode == "LAB", f"{mode} in {kind}: {error}"


def test_a_plain_picture_comes_back_exactly():
    assert np.array_equal(np.asarray(open_image(PNG)), np.asarray(PHOTO))


def test_paths_work_and_missing_ones_are_a_sentence(tmp_path):
    (tmp_path / "photo.png").write_bytes(PNG)
    assert open_image(tmp_path / "photo.png").size == open_image(str(tmp_path / "photo.png")).size == (60, 40)
    for wrong in (tmp_path / "none.png", tmp_path, "bad\0name"):
        with pytest.raises(ImageError, match="can't be read"):
            open_image(wrong)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture_upright(orientation):
    corners = Image.new("RGB", (32, 16), "black")
    corners.paste("white", (0, 0, 16, 8))  # the upper left quarter is white when upright
    undo = {2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180], 4: [Image.Transpose.FLIP_TOP_BOTTOM],
            5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE],
            8: [Image.Transpose.ROTATE_270]}  # fmt: skip
    stored = corners
    for step in undo.get(orientation, []):
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = open_image(saved(stored, "PNG", exif=exif))
    assert np.array_equal(np.asarray(shown), np.asarray(corners))


def test_a_damaged_exif_block_does_not_cost_the_picture():
    content = saved(PHOTO, "JPEG", exif=b"Exif\0\0" + b"MM\0*" + b"\xff" * 40)
    assert open_image(content).size == (60, 40)


def test_transparency_lies_over_white():
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    clear.paste((255, 0, 0, 128), (10, 0, 20, 20))
    pixels = np.asarray(open_image(saved(clear, "PNG")))
    assert tuple(pixels[0, 0]) == (255, 255, 255)
    assert tuple(pixels[0, 15]) == (255, 127, 127)
    palette = Image.new("P", (20, 20), 3)
    palette.putpalette([0, 0, 0, 10, 10, 10, 20, 20, 20, 30, 40, 50])
    assert tuple(np.asarray(open_image(saved(palette, "GIF", transparency=3)))[0, 0]) == (255, 255, 255)
    assert tuple(np.asarray(open_image(saved(palette, "PNG")))[0, 0]) == (30, 40, 50)


def test_sixteen_bits_are_scaled_and_rounded():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.rint(values.astype(np.float64) * 255 / 65535).astype(np.uint8)
    for kind in ("PNG", "TIFF"):
        shown = np.asarray(open_image(saved(Image.fromarray(values), kind)))
        assert np.array_equal(shown, np.repeat(expected[..., None], 3, -1))


def test_float_pictures_are_scaled():
    unit = Image.fromarray(np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20))
    assert np.asarray(open_image(saved(unit, "TIFF")))[-1, -1, 0] == 255
    wide = Image.fromarray(np.linspace(-500, 900, 400, dtype=np.float32).reshape(20, 20))
    shown = np.asarray(open_image(saved(wide, "TIFF")))
    assert (shown.min(), shown.max()) == (0, 255)


def test_what_is_inside_an_icon_is_opened():
    assert np.array_equal(np.asarray(open_image(icon_of(PNG))), np.asarray(PHOTO))


def test_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        content = saved(
            frames[0], kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
        )
        assert tuple(np.asarray(open_image(content))[5, 5]) == (255, 0, 0), kind


def test_cmyk_and_avif():
    assert (
        np.abs(
            np.asarray(open_image(saved(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG")))[9, 9].astype(int)
            - (255, 0, 0)
        ).max()
        < 8
    )
    assert features.check("avif")
    assert open_image(saved(PHOTO, "AVIF")).size == (60, 40)


def test_forty_megapixels_are_allowed_and_made_four():
    ramp = Image.linear_gradient("L").resize((8000, 5000), Image.Resampling.BILINEAR)
    opened = open_image(saved(ramp, "PNG", compress_level=1))
    assert opened.size == (2529, 1581)
    assert np.abs(np.asarray(opened)[::100, 0, 0] - np.linspace(0, 255, 1581)[::100]).max() < 2


# --- tensors --------------------------------------------------------------------------------------------------


def test_every_byte_survives_the_way_to_a_tensor_and_back():
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3))
    x = to_tensor(ramp)
    assert (x.shape, x.dtype) == ((1, 3, 16, 16), torch.float32)
    assert (x.min(), x.max()) == (0, 1)
    assert np.array_equal(np.asarray(to_picture(x)), np.asarray(ramp))


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=64))
def test_bytes_are_rounded_to_nearest(values):
    x = torch.tensor(values, dtype=torch.float32)
    expected = np.rint(x.numpy() * np.float32(255)).astype(int)
    assert to_uint8(x).numpy().astype(int).tolist() == expected.tolist()
    assert ((to_uint8(x).float() / 255 - x).abs() <= 0.5 / 255 + 1e-6).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.01, 1.01, 255.0])
def test_pixels_that_would_wrap_are_a_sentence(value):
    x = torch.full((1, 3, 4, 4), 0.5)
    x[0, 1, 2, 3] = value
    with pytest.raises(ImageError):
        to_uint8(x)
    assert to_uint8(torch.tensor([-5e-7, 1 + 5e-7])).tolist() == [0, 255]  # float error isn't a mistake
    with pytest.raises(ImageError, match="shape"):
        to_picture(torch.zeros(2, 3, 4, 4))


# --- the gallery and what is shown -----------------------------------------------------------------------------


def test_every_sample_is_here_with_credit_and_licence():
    gallery = sample_images()
    assert {"chelsea", "coffee", "rocket", "astronaut", "motorcycle", "grace_hopper"} <= set(gallery)
    for name, sample in gallery.items():
        assert sample.name == name
        assert sample.title
        assert sample.credit
        assert sample.licence
        assert min(open_image(sample.path).size) >= 300


def test_labels_and_thumbnails():
    labelled = label_picture(PHOTO, "a very long label " * 12)
    assert labelled.width == 320
    assert labelled.height > PHOTO.height
    assert label_picture(Image.new("RGB", (4000, 2000)), "wide").width == 900
    assert thumbnail(Image.new("RGB", (1000, 500)), 100).size == (100, 50)
    assert thumbnail(PHOTO).size == (420, 280)
    assert square(PHOTO, 30).size == (30, 30)
    assert np.array_equal(np.asarray(open_image(png(PHOTO))), np.asarray(PHOTO))
