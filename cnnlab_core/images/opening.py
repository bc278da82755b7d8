"""From any file to an upright 8-bit RGB picture, or to a sentence that says why not."""

import io
import math
import struct
from collections.abc import Generator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import ImageError
from cnnlab_core.images.deep import (
    ORIENTATION,
    Range,
    grey_range,
    open_deep_tiff,
    png_samples,
    to_rgb,
    turned_upright,
)
from cnnlab_core.images.headers import scans_of, sizes_inside
from cnnlab_core.runtime.apart import EndedError, apart
from cnnlab_core.runtime.gate import Waiting
from cnnlab_core.runtime.jobs import plainly
from cnnlab_core.runtime.limits import DECODED_MEGAPIXELS, PICTURE_MEGAPIXELS

MIN_SIDE = 8
"""Pixels of each side, at least; there is nothing to see in smaller pictures."""

MAX_ASPECT = 16
"""The longer side over the shorter, at most: resized to 256 pixels, the short side of a longer strip would make many
megapixels."""

MOST_SCANS = 100
"""Passes in which a JPEG is drawn, at most: programs write about fourteen, and each takes as long as a picture."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO")
"""The decoders that are tried; one that runs other programs (EPS) is not among them."""

_READABLE = "PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF"


@by_annotation
def open_image(source: bytes | bytearray | str | Path) -> Image.Image:
    """Read a picture from its bytes or its path.

    Returns an RGB ``PIL.Image`` with 8 bits a channel: turned upright by its EXIF tag, transparency laid over
    white, palettes, grey, CMYK and more bits converted, and of an animation the first frame. Samples of 1 to 16 bits
    are scaled from 0..their largest number; signed and 32-bit numbers from 0..65535, floats from 0..1; those that
    don't keep within that, from their minimum..maximum. All are rounded once. More than 4 megapixels are made 4.

    Raises ``ImageError`` with a plain sentence for anything else: empty, damaged or truncated files, formats
    that aren't pictures, sides under 8 pixels, more than 40 megapixels (seen before decoding), or strips
    more than 16 times as long as wide.
    """
    content = _read(source)
    try:
        for width, height in sizes_inside(content):
            _check_size(width, height)
        if scans_of(content) > MOST_SCANS:
            raise ImageError(
                f"This JPEG would be drawn in more than {MOST_SCANS} passes, which takes minutes. Save it again as a "
                "plain JPEG."
            )
        if (deep := open_deep_tiff(content, _check_size)) is not None:
            return _reduced(deep)
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            _check_size(*picture.size)
            picture.seek(0)
            picture.load()
            return _upright(_reduced(_to_rgb(picture, content)), picture)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(_not_a_picture(content)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(_too_large("far more than")) from None
    except MemoryError:
        raise ImageError("There isn't enough memory to open this picture. Make it smaller and try again.") from None
    except Exception as error:  # noqa: BLE001  damaged files make the decoders raise nearly anything
        raise ImageError(
            f"This picture is damaged or incomplete and can't be read ({type(error).__name__}). "
            "Open it in another program, save it again as PNG or JPEG, and use that file."
        ) from None


@by_annotation
def open_apart_steps(content: bytes | bytearray) -> Generator[Waiting, None, Image.Image]:
    """``open_image`` of bytes from outside, in a process of its own whose memory and time are bounded: steps while it
    waits, and the picture. What the limits end is an ``ImageError`` too. Closing this ends it.
    """
    try:
        answer = yield from apart().steps(f"{__name__}:pixels", bytes(content))
    except EndedError as error:
        raise ImageError(str(error)) from None
    return Image.frombytes("RGB", struct.unpack_from(">II", answer), memoryview(answer)[8:])


open_apart = plainly(open_apart_steps)


def pixels(content: bytes) -> bytes:
    """A picture's width and height (4 bytes each, the first byte first) and its rows of RGB."""
    picture = open_image(content)
    return struct.pack(">II", *picture.size) + picture.tobytes()


def begins_like_a_picture(head: bytes) -> bool:
    """Whether a file's first bytes (16 at least) are those of a picture, one that can't be read here (HEIC) too."""
    Image.init()
    known = (accept for form in FORMATS if (accept := Image.OPEN[form][1]))
    return _is_heic(head) or any(accept(head) is True for accept in known)


def _is_heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


def _read(source: bytes | bytearray | str | Path) -> bytes:
    if isinstance(source, bytes | bytearray):
        content = bytes(source)
    else:
        try:
            content = Path(source).read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ImageError(f"The file “{source}” can't be read: {reason}. Check its name and place.") from None
    if not content:
        raise ImageError("This file is empty (zero bytes). Choose another, or save the picture again.")
    return content


def _check_size(width: int, height: int) -> None:
    if width * height > PICTURE_MEGAPIXELS.now() * 10**6:
        raise ImageError(_too_large(f"{width * height / 1e6:.0f} megapixels ({width} × {height}), more than"))
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"This picture has only {width} × {height} pixels. Use one with at least {MIN_SIDE} pixels on each side."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(
            f"This picture is a strip of {width} × {height} pixels. Cut out a part that is at most "
            f"{MAX_ASPECT} times as long as wide."
        )


def _too_large(how_much: str) -> str:
    return f"This picture has {how_much} the {PICTURE_MEGAPIXELS.now()} megapixels allowed here. Make it smaller first."


def _reduced(picture: Image.Image) -> Image.Image:
    """A picture of more megapixels than the lab works with, made smaller."""
    share = math.sqrt(DECODED_MEGAPIXELS.now() * 10**6 / (picture.width * picture.height))
    if share >= 1:
        return picture
    size = (max(1, int(share * picture.width)), max(1, int(share * picture.height)))
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2)


def _upright(made: Image.Image, original: Image.Image) -> Image.Image:
    try:
        return turned_upright(made, original.getexif().get(ORIENTATION, 1))
    except Exception:  # noqa: BLE001  a damaged EXIF block is no reason to refuse the picture
        return made


def _to_rgb(picture: Image.Image, content: bytes) -> Image.Image:
    png, clear = picture.format == "PNG", picture.info.get("transparency")
    if png and (samples := png_samples(content)) is not None:
        colours, alpha = (samples, None) if samples.shape[2] == 3 else (samples[..., :-1], samples[..., -1])
        if clear is not None and alpha is None:
            alpha = np.where((samples == clear).all(-1), 0, 65535)
        return to_rgb(colours, Range(0, 65535), alpha, Range(0, 65535))
    if picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture)
        alpha = np.where(values == clear, 0, 1) if png and isinstance(clear, int) else None
        return to_rgb(values[..., None], grey_range(values), alpha)
    if png and picture.mode == "L" and isinstance(clear, int):  # Pillow forgets to scale it with the pixels
        picture.info["transparency"] = clear * 255 // (2 ** content[24] - 1)
    if picture.has_transparency_data:
        picture = _reduced(picture.convert("RGBA"))
        paper = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(paper, picture).convert("RGB")
    return _reduced(picture if picture.mode in ("RGB", "L", "CMYK") else picture.convert("RGB")).convert("RGB")


def _not_a_picture(content: bytes) -> str:
    """Name what the file is, from its first bytes, and say what to do."""
    head = content[:512].lstrip().lower()
    if _is_heic(content):
        return "This is a HEIC photo, as iPhones make them. Save or export it as JPEG and use that file."
    if head.startswith(b"<svg") or (head.startswith(b"<?xml") and b"<svg" in content[:4096].lower()):
        return "This is an SVG drawing: shapes, not pixels. Export it as PNG and use that file."
    if head.startswith(b"%pdf"):
        return f"This is a PDF document. Save the page or picture as {_READABLE} and use that file."
    if head.startswith((b"<!doctype", b"<html")):
        return "This is a web page, not a picture. Open it and save the picture itself."
    if b"\0" not in content[:512] and _is_text(content[:512]):
        return f"This file holds text, whatever its name says. Choose a picture: {_READABLE}."
    return f"This file is not a picture that the lab can read, or its beginning is damaged. Use {_READABLE}."


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4 > 0  # only a character cut off at the end
    return True
