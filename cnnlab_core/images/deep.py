"""Pictures with more than 8 bits a channel, from their raw samples: TIFFs of any depth, and 16-bit colour PNGs.

Pillow refuses many of them, and reads others wrongly in silence. Here libtiff (through Pillow) only unpacks the bytes,
and numpy reads the samples in them. Tags and values as in the TIFF 6.0 specification (Adobe 1992) and its technical
notes.
"""

import io
import math
import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin

from cnnlab_core.errors import ImageError

MAX_BYTES = 178_000_000
"""Bytes of all samples of a TIFF, at most: unpacked as a picture of so many pixels, more would be refused by Pillow."""

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, ORIENTATION = 256, 257, 258, 259, 262, 266, 274
SAMPLES, ROWS_PER_STRIP, PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT = 277, 278, 284, 317, 322, 323
EXTRA_SAMPLES, SAMPLE_FORMAT = 338, 339
STRIPS, TILES = (273, 279), (324, 325)  # where the pieces begin, and their bytes

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK = 0, 1, 2, 5
COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4}
KNOWN = (
    *(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, ORIENTATION, SAMPLES, ROWS_PER_STRIP, PLANAR),
    *(PREDICTOR, TILE_WIDTH, TILE_HEIGHT, EXTRA_SAMPLES, SAMPLE_FORMAT, *STRIPS, *TILES),
)
CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}  # how a tag's values are written, for ``struct``
MOST_TAGS = 1000
Tags = dict[int, tuple[int, ...]]

FORMATS = {1: "u", 2: "i", 3: "f"}
UNPACKED = (1, 5, 8, 32773, 32946, 34925, 50000)  # without loss: none, LZW, deflate, PackBits, LZMA, Zstandard
UNSIGNED_IN_PILLOW = (1, 2, 4, 8)
ASSOCIATED, UNASSOCIATED = 1, 2  # alpha that colours are multiplied by already, or not yet


class Range(NamedTuple):
    """The sample values of black and white, or of none and all."""

    low: float
    high: float


def open_deep_tiff(content: bytes, check_size: Callable[[int, int], None]) -> Image.Image | None:
    """The first picture of a TIFF as upright RGB; None for other files, and for TIFFs that Pillow reads rightly.

    Raises ``ImageError`` for samples that can't be read, and what ``check_size`` raises of (width, height).
    """
    if content[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    try:
        tags = _tags(content)
    except struct.error:  # Pillow says what is wrong
        return None
    if not {WIDTH, HEIGHT} <= set(tags):
        return None
    bits, kinds = set(tags.get(BITS, (1,))), set(tags.get(SAMPLE_FORMAT, (1,)))
    (count, *_), (photometric, *_) = tags.get(SAMPLES, (1,)), tags.get(PHOTOMETRIC, (BLACK_IS_ZERO,))
    apart = tags.get(PLANAR) == (2,) and count > COLOURS.get(photometric, count)
    known = content[:4] != b"MM\0+"  # to Pillow
    if known and bits <= set(UNSIGNED_IN_PILLOW) and kinds == {1} and not apart:
        return None
    check_size(tags[WIDTH][0], tags[HEIGHT][0])
    if strange := _what_is_strange(tags, bits, kinds, count, photometric):
        raise ImageError(
            f"The lab can't read a TIFF with {strange}. Save it with 8 or 16 bits a channel, grey or RGB, with LZW or "
            "no compression."
        )
    (depth,), kind = bits, FORMATS[kinds.pop()]
    values = _samples(content, tags, kind, depth, count)
    colours, (extra, *_) = COLOURS[photometric], tags.get(EXTRA_SAMPLES, (0,))
    alpha = values[..., colours] if count > colours and extra in (ASSOCIATED, UNASSOCIATED) else None
    values = values[..., :colours]
    black_to_white = _range_of(values, kind, depth)
    if photometric == WHITE_IS_ZERO:
        black_to_white = Range(black_to_white.high, black_to_white.low)
    full = Range(0, 1 if kind == "f" else 2.0**depth - 1)
    made = to_rgb(values, black_to_white, alpha, full, premultiplied=extra == ASSOCIATED, inks=photometric == CMYK)
    return turned_upright(made, tags.get(ORIENTATION, (1,))[0])


def png_samples(content: bytes) -> np.ndarray | None:
    """The samples (H, W, channels) uint16 of a PNG with 16-bit colours or alpha; None of another one.

    Pillow keeps the upper 8 bits of these, without which a transparent colour can't be told from its neighbours.
    """
    depth, colour_type = content[24], content[25]
    if depth != 16 or colour_type not in (2, 4, 6):
        return None

    def bytes_as(raw: str, mode: str = "") -> np.ndarray:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.tile = [tile._replace(args=raw) for tile in picture.tile]
            picture._mode = mode or picture.mode
            return np.asarray(picture)

    if colour_type == 4:  # Pillow has no word for the lower bytes of these: four bytes are two samples
        return bytes_as("RGBA", "RGBA").view(">u2")
    name = "RGB" if colour_type == 2 else "RGBA"
    upper = bytes_as(f"{name};16B")
    samples = np.empty((*upper.shape, 2), np.uint8)
    samples[..., 0] = upper
    del upper  # at 40 megapixels, each copy counts
    samples[..., 1] = bytes_as(f"{name};16L")
    return samples.view(">u2")[..., 0]


def turned_upright(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture turned and mirrored as the EXIF tag of this number says."""
    picture.getexif()[ORIENTATION] = orientation
    return ImageOps.exif_transpose(picture)


def grey_range(values: np.ndarray) -> Range:
    """The range of samples of which only the numbers are known: whole ones in 0..65535 are of 16 bits."""
    return _range_of(values, values.dtype.kind, 32)


def to_rgb(
    values: np.ndarray,
    black_to_white: Range,
    alpha: np.ndarray | None = None,
    full: Range | None = None,
    *,
    premultiplied: bool = False,
    inks: bool = False,
) -> Image.Image:
    """Samples (H, W, 1 or 3; 4 of ``inks``, CMYK) as an RGB picture, scaled and rounded, over white where transparent.

    ``alpha`` (H, W) runs through ``full`` (0..1 if not given); the colours are ``premultiplied`` by it or not.
    """
    made = np.empty((*values.shape[:2], 3), np.uint8)
    for top in range(0, len(values), 64):  # a few rows at a time: float64 takes eight times the room
        rows = slice(top, top + 64)
        colours = _shares(values[rows], black_to_white)
        if inks:
            colours = (1 - colours[..., :3]) * (1 - colours[..., 3:])
        if alpha is not None:
            seen = _shares(alpha[rows, :, None], full or Range(0, 1))
            colours = (colours if premultiplied else colours * seen) + 1 - seen
        made[rows] = np.rint(colours.clip(0, 1) * 255)
    return Image.fromarray(made)


def _shares(values: np.ndarray, of: Range) -> np.ndarray:
    return (values.astype(np.float64) - of.low) / ((of.high - of.low) or 1)


def _range_of(values: np.ndarray, kind: str, bits: int) -> Range:
    if kind == "u" and bits <= 16:
        return Range(0, 2.0**bits - 1)
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ImageError("This picture holds values that aren't numbers (NaN or infinity). Save it with 8 or 16 bits.")
    most = 1 if kind == "f" else 255 if bits <= 8 else 65535
    return Range(0, most) if low >= 0 and high <= most else Range(low, high)


def _what_is_strange(tags: Tags, bits: set[int], kinds: set[int], count: int, photometric: int) -> str:
    """What can't be read, as a piece of a sentence; empty if there is nothing."""
    if len(bits) > 1 or len(kinds) > 1:
        return "channels of different kinds"
    (depth,), (kind,) = bits, kinds
    if photometric not in COLOURS or count < COLOURS[photometric]:
        return f"{depth} bits a channel and the colour space of number {photometric}"
    whole_bytes = depth in (8, 16, 32, 64)
    if kind not in FORMATS or (kind == 1 and not 1 <= depth <= 32) or (kind == 2 and not whole_bytes):
        return f"{depth}-bit numbers of a strange kind"
    if kind == 3 and depth not in (16, 32, 64):
        return f"{depth}-bit floats"
    (predictor, *_), (compression, *_) = tags.get(PREDICTOR, (1,)), tags.get(COMPRESSION, (1,))
    if predictor not in (1, 2, 3) or (predictor != 1 and not whole_bytes):
        return f"the predictor of number {predictor}"
    if compression not in UNPACKED:
        return f"{depth} bits a channel and the compression of number {compression}"
    if tags[WIDTH][0] * tags[HEIGHT][0] * count * depth > 8 * MAX_BYTES:
        return f"more than {MAX_BYTES // 10**6} MB of pixels"
    return ""


def _tags(content: bytes) -> Tags:
    """The tags of the first picture that are known here. Raises ``struct.error`` where the file ends too early."""
    order, big = "<>"[content[:1] == b"M"], 43 in content[2:4]
    start, entries, entry, room = ("Q", "Q", "HHQ", 8) if big else ("I", "H", "HHI", 4)
    (at,) = struct.unpack_from(order + start, content, 8 if big else 4)
    (number,) = struct.unpack_from(order + entries, content, at)
    at += struct.calcsize(entries)
    tags = {}
    inside = struct.calcsize(order + entry)
    for place in range(at, at + (inside + room) * min(number, MOST_TAGS), inside + room):
        tag, code, length = struct.unpack_from(order + entry, content, place)
        if tag in KNOWN and code in CODES:
            value = f"{order}{length}{CODES[code]}"
            where = place + inside
            if struct.calcsize(value) > room:
                (where,) = struct.unpack_from(order + start, content, where)
            tags[tag] = struct.unpack_from(value, content, where)
    return tags


def _samples(content: bytes, tags: Tags, kind: str, bits: int, count: int) -> np.ndarray:
    """The samples (H, W, channels), in the computer's own byte order."""
    planes = count if tags.get(PLANAR) == (2,) else 1
    here = count // planes
    (full_width,), (height,) = tags[WIDTH], tags[HEIGHT]
    (width,) = tags.get(TILE_WIDTH, (full_width,))
    order, (predictor, *_) = "<>"[content[:1] == b"M"], tags.get(PREDICTOR, (1,))
    found = []
    for plane in range(planes):
        packed = _unpacked(content, tags, -(-width * here * bits // 8), plane, planes)
        numbers = _numbers(packed, kind, bits, width, here, order, predictor)
        found.append(numbers.reshape(height, -1, here)[:, :full_width])
    return found[0] if planes == 1 else np.concatenate(found, -1)


def _numbers(
    packed: np.ndarray, kind: str, bits: int, width: int, count: int, order: str, predictor: int
) -> np.ndarray:
    """The numbers (H, pieces, width, samples) in the bytes (H, pieces, bytes of a row)."""
    if bits % 8 or bits == 24:
        each = np.unpackbits(packed, axis=-1)[..., : width * count * bits].reshape(*packed.shape[:2], -1, bits)
        return each.astype(np.uint32) @ (1 << np.arange(bits - 1, -1, -1, dtype=np.uint32))
    size = bits // 8
    if predictor == 3:  # technical note 3: differences of bytes, and of all numbers the first byte first
        packed = np.cumsum(packed.reshape(*packed.shape[:2], -1, count), axis=2, dtype=np.uint8)
        packed = packed.reshape(*packed.shape[:2], size, width * count).swapaxes(-1, -2)
        order = ">"
    typed = np.ascontiguousarray(packed).view(f"{order}{'u' if predictor == 2 else kind}{size}")
    typed = typed.astype(typed.dtype.newbyteorder("="), copy=False)
    typed = typed.reshape(*packed.shape[:2], width, count)
    if predictor == 2:  # each number is the difference to its left neighbour
        typed = np.cumsum(typed, axis=2, dtype=typed.dtype).view(f"{kind}{size}")
    return typed


def _unpacked(content: bytes, tags: Tags, row: int, plane: int, planes: int) -> np.ndarray:
    """The bytes (H, pieces across, ``row``) of a plane, unpacked: as an 8-bit grey TIFF of the same pieces."""
    tiled = TILE_WIDTH in tags
    where, sizes = TILES if tiled else STRIPS
    across = -(-tags[WIDTH][0] // tags[TILE_WIDTH][0]) if tiled else 1
    pieces = slice(plane * len(tags[where]) // planes, (plane + 1) * len(tags[where]) // planes)
    data = [content[at : at + size] for at, size in zip(tags[where][pieces], tags[sizes][pieces], strict=True)]
    raw = tags.get(COMPRESSION) in (None, (1,))
    if sum(map(len, data)) < (tags[HEIGHT][0] * row * across if raw else sum(tags[sizes][pieces])):
        raise EOFError
    kept = (HEIGHT, COMPRESSION, FILL_ORDER, TILE_HEIGHT, ROWS_PER_STRIP)
    grey = {tag: tags[tag] for tag in kept if tag in tags} | {
        WIDTH: (row * across,),
        BITS: (8,),
        PHOTOMETRIC: (BLACK_IS_ZERO,),
        SAMPLES: (1,),
        where: tuple(np.cumsum([8, *map(len, data)])[:-1].tolist()),
        sizes: tuple(map(len, data)),
        **({TILE_WIDTH: (row,)} if tiled else {}),
    }
    size = sum(map(len, data))
    directory, at, outside = struct.pack("<H", len(grey)), 8 + size + 2 + 12 * len(grey) + 4, b""
    for tag, values in sorted(grey.items()):
        packed = struct.pack(f"<{len(values)}I", *values)
        directory += struct.pack("<HHI", tag, 4, len(values))
        directory += packed if len(packed) == 4 else struct.pack("<I", at + len(outside))
        outside += packed if len(packed) > 4 else b""
    file = b"".join((b"II*\0", struct.pack("<I", 8 + size), *data, directory, bytes(4), outside))
    del data
    with TiffImagePlugin.TiffImageFile(io.BytesIO(file)) as picture:  # not Image.open: what it warns of was checked
        return np.asarray(picture).reshape(tags[HEIGHT][0], across, row)
