"""Small files that ask much of whoever opens them."""

import io
import random
import struct
import zlib

from PIL import Image


def bit_flipped(content: bytes, chance: random.Random) -> bytes:
    """The file with one bit of it flipped."""
    damaged = bytearray(content)
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def png_claiming(width: int, height: int, data: bytes = b"", depth: int = 8) -> bytes:
    """A PNG whose header claims a size that its data doesn't have."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def icon_of(content: bytes) -> bytes:
    """An icon of 32 × 32 pixels, as it says, that holds this file."""
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 32, 32, 0, 0, 1, 32, len(content), 22) + content


def icon_of_bitmap(width: int, height: int) -> bytes:
    """The same with a bitmap of this size."""
    return icon_of(struct.pack("<IiiHHIIiiII", 40, width, 2 * height, 1, 32, 0, 0, 0, 0, 0, 0))


def webp_claiming(width: int, height: int) -> bytes:
    """A WebP of 46 bytes whose lossless data claims a size."""
    bits = (width - 1) | (height - 1) << 14
    body = b"\x2f" + struct.pack("<I", bits) + bytes(21)
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body


def webp_canvas(width: int, height: int) -> bytes:
    """A WebP whose extended header claims a canvas."""
    body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBPVP8X" + struct.pack("<I", len(body)) + body


def jpeg_of_scans(scans: int, side: tuple[int, int] = (64, 64)) -> bytes:
    """A progressive JPEG whose last pass comes again and again."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize(side).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    last, end = content.rindex(b"\xff\xda"), content.rindex(b"\xff\xd9")
    return content[:last] + content[last:end] * scans + content[end:]


def jpeg_claiming(content: bytes, width: int, height: int) -> bytes:
    """A plain JPEG whose header claims another size."""
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def plain_ppm(side: int) -> bytes:
    """A PPM in which every number is written out, which is read in Python."""
    return b"P3 %d %d 255\n" % (side, side) + b"1 2 3 " * (side * side)


def zip_of_entries(count: int) -> bytes:
    """A zip with that many empty files, of which its last record tells none."""
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0, 0, count * len(entry), len(local), 0)
    return local + entry * count + end
