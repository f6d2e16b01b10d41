"""What bytes are taken for, and when they are taken to end too early."""

import struct
import zlib

import numpy as np
import pytest

from service.imaging.formats import PNG_SIGNATURE, declared_size, is_cut_short, sniff
from tests.imaging.pictures import ramp, small_files
from tests.pictures import encoded

FILES = small_files()
IHDR = b"IHDR" + struct.pack(">IIBBBBB", 300, 200, 8, 2, 0, 0, 0)
PNG_HEADER = PNG_SIGNATURE + struct.pack(">I", 13) + IHDR + struct.pack(">I", zlib.crc32(IHDR))
APP0 = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
BMP = b"BM" + struct.pack("<IHHI", 1000, 0, 0, 54)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", None),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\xff\xd8", None),  # two bytes of a JPEG might be anything
        (PNG_SIGNATURE, "PNG"),
        (b"\x89PNG\n\n\x1a\n", None),  # a PNG sent as text: its line end was rewritten
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WEBP"),
        (b"RIFF\x10\0\0\0WAVEfmt ", None),  # the same container around sound
        (b"GIF87a", "GIF"),
        (b"GIF89a", "GIF"),
        (b"GIF90a", None),
        (b"BM6\0\0\0", "BMP"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (b"II+\0\x08\0\0\0", None),  # BigTIFF
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"%PDF-1.7", None),
        (b"\0\0\0\x1cftypavif", None),
        (b" \xff\xd8\xff", None),  # a signature stands at the very beginning or not at all
    ],
)
def test_the_first_bytes_decide(data: bytes, name: str | None) -> None:
    assert sniff(data) == name


@pytest.mark.parametrize("kind", FILES)
def test_a_whole_file_is_not_cut_short(kind: str) -> None:
    name = sniff(FILES[kind])

    assert name is not None
    assert not is_cut_short(FILES[kind], name)


# file, first length at which it can be told from noise, bytes at the end that nobody misses
CUTS = [
    ("jpeg", 11, 0),
    ("jpeg cmyk", 18, 0),  # opens with Adobe's segment, which must be whole
    ("jpeg progressive", 11, 0),
    ("png", 8, 4),  # the checksum of the empty last chunk
    ("png palette", 8, 4),
    ("webp", 12, 0),
    ("webp lossless", 12, 0),
    ("gif", 6, 0),
    ("gif animated", 6, 0),
    ("bmp", 6, 0),
    ("bmp palette", 6, 0),
    ("tiff raw", 4, 0),
    ("tiff tiff_lzw", 4, 0),  # libtiff keeps the directory and its values behind the pixels
    ("tiff jpeg", 4, 0),
    ("tiff float", 4, 0),
]


@pytest.mark.parametrize(("kind", "first", "spare"), CUTS)
def test_every_shorter_file_is_cut_short(kind: str, first: int, spare: int) -> None:
    data = FILES[kind]
    name = sniff(data)
    assert name is not None

    missed = [cut for cut in range(first, len(data) - spare) if not is_cut_short(data[:cut], name)]

    assert missed == []


@pytest.mark.parametrize(
    ("data", "name", "cut_short"),
    [
        (b"\xff\xd8\xff", "JPEG", False),  # nothing recognised yet
        (b"\xff\xd8\xff\xe0\0\x10Jxxx", "JPEG", False),
        (APP0[:15], "JPEG", True),  # the first segment names itself
        (APP0 + b"\xff\xdb\0", "JPEG", True),
        (APP0 + b"\x12\x34\0\x10", "JPEG", False),  # no marker where one is due
        (APP0 + b"\xff\xdb\0\x01", "JPEG", False),  # a length that cannot even hold itself
        (APP0 + b"\xff\xda\0\x02data", "JPEG", True),
        (APP0 + b"\xff\xda\0\x02data\xff\xd9", "JPEG", False),
        (b"\xff\xd8\xff\xda\0\x02data", "JPEG", False),  # a scan before any table is noise
        (PNG_HEADER, "PNG", True),
        (PNG_HEADER[:-1] + b"?", "PNG", False),  # the header's checksum is wrong
        (PNG_SIGNATURE + b"\0\0\0\rJUNK" + bytes(40), "PNG", False),
        (PNG_SIGNATURE + b"\0\0\0\rJUNK", "PNG", False),
        (PNG_HEADER + b"\0\0\0\x01ID4T\0\0\0\0\0", "PNG", False),  # no name of a chunk
        (PNG_HEADER + b"\0\0\0\0IEND", "PNG", False),
        (b"RIFF\xff\0\0\0WEBPVP8L", "WEBP", True),
        (b"RIFF\xff\0\0\0WEBPnoise", "WEBP", False),
        (b"GIF89a" + bytes(7), "GIF", True),
        (b"GIF89a" + bytes(7) + b";", "GIF", False),
        (b"GIF89a" + bytes(7) + b"noise", "GIF", False),
        (b"GIF89a\0\0\0\0\x80\0\0" + b"\x01" * 6, "GIF", True),  # after a colour table of two
        (b"GIF89a" + bytes(7) + b"!\xfe\x03abc\0" + b"?", "GIF", False),
        (b"BM" + bytes(20), "BMP", False),  # some writers leave the length out
        (b"BM" + struct.pack("<I", 100), "BMP", True),
        (b"II*\0\x08\0\0\0\0\0", "TIFF", False),  # an empty directory
        (b"MM\0*\0\0\0\x08\0\x02", "TIFF", True),
    ],
)
def test_the_containers_own_fields_decide(data: bytes, name: str, cut_short: bool) -> None:
    assert is_cut_short(data, name) is cut_short


def tiff(*entries: tuple[int, int, int, bytes]) -> bytes:
    """Return a little-endian TIFF of one directory; an entry is tag, type, count, value."""
    rows = b"".join(struct.pack("<HHI4s", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + rows + bytes(4)


@pytest.mark.parametrize(
    ("entry", "cut_short"),
    [
        ((258, 3, 2, b"\x08\0\x08\0"), False),  # two shorts stand in the entry itself
        ((258, 3, 3, b"\x08\0\0\0"), False),  # three stand elsewhere, here in the file
        ((258, 3, 3, b"\xff\0\0\0"), True),  # and here not
        ((282, 5, 1, b"\xff\0\0\0"), True),  # a rational never fits
        ((999, 77, 9, b"\xff\0\0\0"), False),  # of a type that nobody knows the width of
        ((273, 4, 900, b"\x08\0\0\0"), True),  # the list of strips itself runs out
        ((273, 4, 0, b"\xff\0\0\0"), False),  # strips without lengths promise nothing
    ],
)
def test_a_tiff_value_past_the_end_is_missed(
    entry: tuple[int, int, int, bytes], cut_short: bool
) -> None:
    assert is_cut_short(tiff(entry), "TIFF") is cut_short


@pytest.mark.parametrize(("offset", "cut_short"), [(8, False), (40, True)])
@pytest.mark.parametrize("tags", [(273, 279), (324, 325)], ids=["strips", "tiles"])
def test_a_tiff_strip_past_the_end_is_missed(
    tags: tuple[int, int], offset: int, cut_short: bool
) -> None:
    data = tiff((tags[0], 3, 1, struct.pack("<I", offset)), (tags[1], 4, 1, b"\x04\0\0\0"))

    assert is_cut_short(data, "TIFF") is cut_short


@pytest.mark.parametrize("header", [b"\xff\xd8\xff\xe0", PNG_SIGNATURE, b"RIFF1234WEBP"])
def test_noise_behind_a_signature_is_not_cut_short(header: bytes) -> None:
    rng = np.random.default_rng(3)
    name = sniff(header)
    assert name is not None

    assert not any(is_cut_short(header + rng.bytes(500), name) for _ in range(300))


@pytest.mark.parametrize("header", [b"GIF89a", b"BM", b"II*\0", b"MM\0*", APP0, PNG_HEADER])
def test_no_noise_breaks_the_walk(header: bytes) -> None:
    rng = np.random.default_rng(4)
    name = sniff(header)
    assert name is not None

    answers = {is_cut_short(header + rng.bytes(size), name) for size in range(300)}

    assert answers <= {True, False}


@pytest.mark.parametrize(
    ("data", "name", "size"),
    [
        (b"", "PNG", None),
        (PNG_HEADER, "PNG", (200, 300)),
        (PNG_HEADER[:23], "PNG", None),  # cut in the middle of the height
        (PNG_SIGNATURE + b"\0\0\0\x04CgBI" + bytes(30), "PNG", None),  # another chunk is first
        (encoded(ramp(20, 30), "GIF"), "GIF", (20, 30)),
        (encoded(ramp(20, 30), "BMP"), "BMP", (20, 30)),
        (BMP + struct.pack("<Iii", 40, 30, -20), "BMP", (20, 30)),  # stored from the top down
        (BMP + struct.pack("<IHHHH", 12, 30, 20, 1, 24), "BMP", (20, 30)),  # as OS/2 wrote it
        (BMP + struct.pack("<I", 40), "BMP", None),
        (encoded(ramp(20, 30), "JPEG"), "JPEG", None),  # at no fixed place
    ],
)
def test_the_size_is_read_from_its_fixed_place(
    data: bytes, name: str, size: tuple[int, int] | None
) -> None:
    assert declared_size(data, name) == size
