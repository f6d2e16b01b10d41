"""What the bytes say they are, and whether they stop too early; no pixel is decoded here."""

import struct
import zlib
from collections.abc import Callable

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
OS2_HEADER_BYTES = b"\x0c\0\0\0"  # of a BMP as OS/2 wrote them, with 16-bit sizes


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
    from an intact part of the file and promises more bytes than arrived. Noise behind the
    signature of a JPEG, PNG, WebP or GIF is therefore corrupt, not cut short; behind that of a
    BMP or TIFF, whose fields are bare numbers, it may be taken for either.

    Args:
        data: the whole body.
        name: what `sniff` said of it.
    """
    return _CUT_SHORT[name](data)


def _jpeg_cut_short(data: bytes) -> bool:
    """Walk the segments up to the scan; cut short when one of them, or the scan, never ends.

    One whole segment, or the name that JFIF and EXIF put into the first, tells it from noise.

    Source: ITU-T T.81, annex B.
    """
    position, recognised = 2, data[6:11] in {b"JFIF\0", b"Exif\0"}
    while position + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, position)
        if marker < 0xFFC0 or length < 2:
            return False
        position += 2 + length
        if marker == 0xFFDA:  # start of scan: what follows is coded data up to the end marker
            return recognised and b"\xff\xd9" not in data[position:]
        recognised = recognised or position <= len(data)
    return recognised


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


def _gif_cut_short(data: bytes) -> bool:
    """Walk the blocks; cut short when they are those of a GIF and the trailer never comes.

    Source: CompuServe, GIF89a specification, sections 17-27.
    """
    position = 13 + _gif_table_bytes(data[10:11])
    while position < len(data):
        kind = data[position]
        if kind == 0x2C:  # image: nine bytes, a colour table, the code size, sub-blocks
            position += 11 + _gif_table_bytes(data[position + 9 : position + 10])
        elif kind == 0x21:  # extension: its label, sub-blocks
            position += 2
        else:
            return False
        while position < len(data) and data[position]:
            position += 1 + data[position]
        position += 1
    return True


def _gif_table_bytes(flags: bytes) -> int:
    """Return the length of the colour table that a packed field announces."""
    packed = int.from_bytes(flags)
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


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
    # A value of more than four bytes stands elsewhere, and its entry says where.
    ends = (
        int.from_bytes(inline, "little" if order == "<" else "big") + length * width
        for _, kind, length, inline in entries
        if (width := _TIFF_WIDTHS.get(kind, 0)) * length > 4
    )
    return any(end > len(data) for end in ends) or any(
        last[offset] + last[size] > len(data)
        for offset, size in ((273, 279), (324, 325))
        if offset in last and size in last
    )


# Bytes of one value, by field type (TIFF 6.0, section 2).
_TIFF_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}


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
    if name == "BMP" and data[14:18] == OS2_HEADER_BYTES:
        fields = "<HH"
    if len(data) < offset + struct.calcsize(fields):
        return None
    width, height = struct.unpack_from(fields, data, offset)
    return abs(height), abs(width)  # a BMP that is stored top-down has a negative height


_SIZE_FIELDS = {"PNG": (">II", 16), "GIF": ("<HH", 6), "BMP": ("<ii", 18)}


_CUT_SHORT: dict[str, Callable[[bytes], bool]] = {
    "JPEG": _jpeg_cut_short,
    "PNG": _png_cut_short,
    "WEBP": lambda data: (
        b"VP8".startswith(data[12:15]) and len(data) < 8 + int.from_bytes(data[4:8], "little")
    ),
    "GIF": _gif_cut_short,
    "BMP": lambda data: len(data) < int.from_bytes(data[2:6], "little"),
    "TIFF": _tiff_cut_short,
}
