"""What a picture's file says of itself beyond its outermost header, read without decoding anything."""

import re
import struct
from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_START_OF_SCAN, _END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff+[^\x00\x01\xd0-\xd8\xff]")
"""A marker of a JPEG with a body; neither a byte of 255 in the data nor a restart is one."""


def sizes_inside(content: bytes) -> Iterator[tuple[int, int]]:
    """The width and height of each picture inside an icon, and of a WebP's canvas, which its decoder makes at once.

    Nothing of other files, nor of what ends before it says so.
    """
    if content[:4] == b"\0\0\1\0":
        yield from _in_icon(content)
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        yield from _in_webp(content)


def _in_icon(content: bytes) -> Iterator[tuple[int, int]]:
    (count,) = struct.unpack_from("<H", content, 4) if len(content) >= 6 else (0,)
    for place in range(18, min(18 + 16 * count, len(content) - 3), 16):
        (at,) = struct.unpack_from("<I", content, place)
        head = content[at : at + 24]
        if head.startswith(_PNG) and len(head) == 24:
            yield struct.unpack_from(">II", head, 16)
        elif len(head) >= 12 and not head.startswith(_PNG):
            width, height = struct.unpack_from("<ii", head, 4)
            yield abs(width), abs(height) // 2  # its mask below it counts as rows


def _in_webp(content: bytes) -> Iterator[tuple[int, int]]:
    kind, head = content[12:16], content[20:30]
    if kind == b"VP8X" and len(head) == 10:
        yield 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    elif kind == b"VP8 " and len(head) == 10:
        width, height = struct.unpack_from("<HH", head, 6)
        yield width & 0x3FFF, height & 0x3FFF
    elif kind == b"VP8L" and len(head) >= 5:
        (bits,) = struct.unpack_from("<I", head, 1)
        yield (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def scans_of(content: bytes) -> int:
    """In how many passes a JPEG is drawn; 0 of another file. (ITU-T T.81, B.1 and B.2.)"""
    if content[:3] != b"\xff\xd8\xff":
        return 0
    scans, at = 0, 2
    while found := _MARKER.search(content, at):
        marker, at = found.group()[-1], found.end()
        if marker == _END:
            break
        scans += marker == _START_OF_SCAN
        at += int.from_bytes(content[at : at + 2], "big")
    return scans
