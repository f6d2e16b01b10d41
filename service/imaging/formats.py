"""What the bytes say they are, and whether they stop too early; no pixel is decoded here."""

import struct
import zlib
from collections.abc import Callable

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MIN_HEADER_BYTES = 12  # the longest signature below: RIFF, size, WEBP


def sniff(data: bytes) -> str | None:
    """Return the format's name in Pillow's spelling, or None if it is not on the allow list.

    The first bytes decide; a file name or a Content-Type never does.

    >>> sniff(b"GIF89a" + bytes(6)), sniff(b"<svg xmlns='...'/>")
    ('GIF', None)
    """
    for name, matches in _SIGNATURES.items():
        if matches(data):
            return name
    return None


_SIGNATURES: dict[str, Callable[[bytes], bool]] = {
    "JPEG": lambda data: data.startswith(b"\xff\xd8\xff"),
    "PNG": lambda data: data.startswith(PNG_SIGNATURE),
    "WEBP": lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP",
    "GIF": lambda data: data.startswith((b"GIF87a", b"GIF89a")),
    "BMP": lambda data: data.startswith(b"BM"),
    "TIFF": lambda data: data.startswith((b"II*\0", b"MM\0*")),
}


def is_cut_short(data: bytes, name: str) -> bool:
    """Say whether a picture that failed to decode simply ends too early.

    The container's own bookkeeping decides: a chunk, segment or length field that was read
    from an intact part of the file and promises more bytes than arrived. Noise behind a
    valid signature is therefore corrupt, not cut short.

    Args:
        data: the whole body.
        name: what `sniff` said of it.
    """
    return _CUT_SHORT[name](data)


def _jpeg_cut_short(data: bytes) -> bool:
    """Walk the segments up to the scan; cut short when at least one was whole and the next is not.

    Source: ITU-T T.81, annex B.
    """
    position, whole_segments = 2, 0
    while position + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, position)
        if marker < 0xFFC0 or length < 2:
            return False
        position += 2 + length
        if marker == 0xFFDA:  # start of scan: what follows is coded data up to the end marker
            return b"\xff\xd9" not in data[position:]
        whole_segments += position <= len(data)
    return whole_segments > 0


def _png_cut_short(data: bytes) -> bool:
    """Walk the chunks; cut short when the header chunk is intact and IEND never comes.

    Source: W3C PNG (third edition), section 5.
    """
    position = len(PNG_SIGNATURE)
    header, checksum = data[position + 4 : position + 21], data[position + 21 : position + 25]
    if len(checksum) < 4:
        return b"IHDR".startswith(header[:4])
    if header[:4] != b"IHDR" or zlib.crc32(header) != int.from_bytes(checksum):
        return False
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IEND":
            return False
        if not kind.isalpha():
            return False
        position += 12 + length
    return True


def _tiff_cut_short(data: bytes) -> bool:
    """Follow the first directory; cut short when it, a value or the last strip lies past the end.

    Source: TIFF revision 6.0, section 2; tags 273/279 are strips, 324/325 tiles.
    """
    order = "<" if data.startswith(b"II") else ">"
    try:
        (directory,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, directory)
        entries = [
            struct.unpack_from(f"{order}HHI4s", data, directory + 2 + 12 * row)
            for row in range(count)
        ]
        last = {
            tag: _tiff_last_value(data, order, kind, length, inline)
            for tag, kind, length, inline in entries
            if tag in (273, 279, 324, 325)
        }
    except struct.error:  # a read past the end
        return True
    return any(
        last[offset] + last[size] > len(data)
        for offset, size in ((273, 279), (324, 325))
        if offset in last and size in last
    )


def _tiff_last_value(data: bytes, order: str, kind: int, count: int, inline: bytes) -> int:
    """Read the last of `count` SHORT (3) or LONG values, kept in the entry when they fit in it."""
    letter, width = ("H", 2) if kind == 3 else ("I", 4)
    if count * width <= 4:
        return int(struct.unpack_from(f"{order}{letter}", inline, max(0, count - 1) * width)[0])
    (offset,) = struct.unpack(f"{order}I", inline)
    return int(struct.unpack_from(f"{order}{letter}", data, offset + (count - 1) * width)[0])


def declared_size(data: bytes, name: str) -> tuple[int, int] | None:
    """Return the (H, W) that a fixed-place header field claims, or None where there is none.

    Lets a monstrous PNG, GIF or BMP be refused even if nothing else in it makes sense.
    """
    layout = _SIZE_FIELDS.get(name)
    if layout is None:
        return None
    fields, offset = layout
    if name == "PNG" and data[12:16] != b"IHDR":
        return None
    if len(data) < offset + struct.calcsize(fields):
        return None
    width, height = struct.unpack_from(fields, data, offset)
    return abs(height), abs(width)  # a BMP that is stored top-down has a negative height


_SIZE_FIELDS = {"PNG": (">II", 16), "GIF": ("<HH", 6), "BMP": ("<ii", 18)}


_CUT_SHORT: dict[str, Callable[[bytes], bool]] = {
    "JPEG": _jpeg_cut_short,
    "PNG": _png_cut_short,
    "WEBP": lambda data: len(data) < 8 + int.from_bytes(data[4:8], "little"),
    "GIF": lambda data: not data.rstrip(b"\0").endswith(b";"),  # the trailer byte
    "BMP": lambda data: len(data) < int.from_bytes(data[2:6], "little"),
    "TIFF": _tiff_cut_short,
}
