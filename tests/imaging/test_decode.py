"""What becomes of the bytes that callers send: refused for the right reason, or upright RGB."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from service.errors import (
    ChiasmError,
    CorruptImage,
    EmptyBody,
    ImageTooLarge,
    TruncatedImage,
    UnsupportedFormat,
)
from service.imaging.decode import DecodeLimits, decode
from service.imaging.picture import Picture, Size
from tests.imaging.pictures import ramp, small_files
from tests.pictures import encoded

# pytest's own filters hide the one that `decode` sets for the process.
pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\..*")

LIMITS = DecodeLimits()
FILES = small_files()


def brief(value: object) -> str | None:
    """Keep whole files out of the tests' names."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else None


def damaged(data: bytes) -> bytes:
    """Change one byte in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]


def chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png(height: int, width: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EmptyBody),
        (b"hello", UnsupportedFormat),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedFormat),
        (encoded(ramp(8, 8), "ICO"), UnsupportedFormat),  # Pillow reads it; the list does not
        (encoded(ramp(8, 8), "PPM"), UnsupportedFormat),
        (png(8, 8), CorruptImage),  # complete, without a single pixel
        (damaged(FILES["png alpha"]), CorruptImage),
        (damaged(FILES["png"]), CorruptImage),
        (png(0, 8, chunk(b"IDAT", zlib.compress(b""))), CorruptImage),
        (b"GIF89a\x08\0\x08\0\0\0\0;", CorruptImage),  # complete, without a frame
        (FILES["jpeg"][:-2] + b"\xff", TruncatedImage),
        (b"\xff\xd8\xff", CorruptImage),
    ],
    ids=brief,
)
def test_what_is_no_picture_is_refused_for_its_own_reason(
    data: bytes, error: type[ChiasmError]
) -> None:
    with pytest.raises(error):
        decode(data, limits=LIMITS)


def test_noise_behind_a_jpeg_header_is_corrupt() -> None:
    rng = np.random.default_rng(1)

    for size in range(1, 2000, 5):
        with pytest.raises(CorruptImage):
            decode(b"\xff\xd8\xff\xe0" + rng.bytes(size), limits=LIMITS)


# file, first length that can be told from noise, length of the first frame where it is not all
CUT_FILES = [
    ("jpeg", 11, None),
    ("jpeg progressive", 11, None),
    ("png", 8, -20),  # the last chunk is empty, and the one before ends in a checksum
    ("png 16-bit", 8, -20),
    ("webp", 12, None),
    ("webp animated", 12, None),
    ("gif", 6, -2),
    ("bmp", 6, None),
    ("tiff raw", 4, None),
    ("tiff tiff_lzw", 4, None),
    ("tiff tiff_adobe_deflate", 4, None),
    ("tiff jpeg", 4, None),
]


@pytest.mark.parametrize(("kind", "first", "last"), CUT_FILES)
def test_a_picture_that_ends_early_is_truncated(kind: str, first: int, last: int | None) -> None:
    whole = FILES[kind]

    for cut in [*range(first, len(whole[:last]), 13), len(whole[:last]) - 1]:
        with pytest.raises(TruncatedImage):
            decode(whole[:cut], limits=LIMITS)


@pytest.mark.parametrize("kind", ["mpo", "apng", "gif animated"])
def test_a_first_frame_that_is_whole_is_enough(kind: str) -> None:
    whole = decode(FILES[kind], limits=LIMITS)

    cut = decode(FILES[kind][:-50], limits=LIMITS)

    np.testing.assert_array_equal(cut.pixels, whole.pixels)


@pytest.mark.parametrize(
    ("data", "limits", "limit"),
    [
        (png(60_000, 60_000), LIMITS, "pixels"),
        (png(60_000, 60_000, chunk(b"IDAT", zlib.compress(bytes(9)))), LIMITS, "pixels"),
        (png(60_000, 60_000)[:40], LIMITS, "pixels"),
        (b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + bytes(9), LIMITS, "pixels"),
        (png(1, 30_001), LIMITS, "side"),
        (png(30_001, 1), LIMITS, "side"),
        (FILES["jpeg"], DecodeLimits(max_pixels=24 * 32 - 1), "pixels"),
        (FILES["webp"], DecodeLimits(max_pixels=24 * 32 - 1), "pixels"),
        (FILES["tiff raw"], DecodeLimits(max_side=31), "side"),
        (FILES["apng"], DecodeLimits(max_frames=1), "frames"),
        (FILES["webp animated"], DecodeLimits(max_frames=1), "frames"),
    ],
    ids=brief,
)
def test_a_claim_past_a_limit_is_refused_before_a_pixel_is_decoded(
    data: bytes, limits: DecodeLimits, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    tracemalloc.start()
    try:
        with pytest.raises(ImageTooLarge) as refusal:
            decode(data, limits=limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert refusal.value.members["limit"] == limit
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("kind", "limits"),
    [
        ("bmp", DecodeLimits(max_pixels=24 * 32, max_side=32)),
        ("webp animated", DecodeLimits(max_frames=2)),
        ("gif animated", DecodeLimits(max_frames=1)),  # announces no number; the first is read
    ],
)
def test_a_picture_at_its_limit_is_taken(kind: str, limits: DecodeLimits) -> None:
    assert decode(FILES[kind], limits=limits).size == (24, 32)


def test_running_out_of_memory_is_not_the_callers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(image: Image.Image) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", exhausted)

    with pytest.raises(MemoryError):
        decode(FILES["bmp"], limits=LIMITS)


SCALES: list[Callable[[Size], Size]] = [
    lambda size: size,
    lambda size: (max(1, size[0] // 2), max(1, size[1] // 2)),
    lambda size: (min(size[0], 50), min(size[1], 50)),
    lambda size: (1, 1),
    lambda size: (3 * size[0], 3 * size[1]),  # more than there is
]


def test_a_scaled_jpeg_is_never_below_what_was_asked_for() -> None:
    rng = np.random.default_rng(5)

    for _ in range(40):
        height, width = (int(side) for side in rng.integers(1, 400, 2))
        data = encoded(Image.new("RGB", (width, height)), "JPEG", quality=10)
        for scale in SCALES:
            picture = decode(data, limits=LIMITS, scale=scale)
            wanted = scale((height, width))
            assert picture.size == (height, width)
            for have, want, full in zip(picture.stored_size, wanted, picture.size, strict=True):
                assert min(want, full) <= have <= full


def test_an_eighth_is_decoded_where_an_eighth_is_enough() -> None:
    data = encoded(ramp(800, 1200), "JPEG")

    assert decode(data, limits=LIMITS, scale=lambda _: (100, 150)).stored_size == (100, 150)
    assert decode(data, limits=LIMITS, scale=lambda _: (101, 150)).stored_size == (200, 300)


def mutated(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Flip bytes, cut some out, or splice in a piece of another file."""
    body = bytearray(data)
    start, length = int(rng.integers(len(body))), int(rng.integers(1, 40))
    match rng.integers(4):
        case 0:
            for place in rng.integers(0, len(body), 1 + length // 8):
                body[place] = rng.integers(256)
        case 1:
            body[start] ^= 1 << int(rng.integers(8))
        case 2:
            del body[start : start + length]
        case _:
            body[start : start + length] = other[start % len(other) :][:length]
    return bytes(body)


def test_no_mutation_of_a_picture_is_anything_but_a_picture_or_a_deliberate_error() -> None:
    rng = np.random.default_rng(11)
    outcomes = {"decoded": 0, "refused": 0}

    for index in range(4000):
        kind = list(FILES)[index % len(FILES)]
        other = list(FILES.values())[int(rng.integers(len(FILES)))]
        try:
            picture = decode(mutated(rng, FILES[kind], other), limits=LIMITS)
        except ChiasmError:
            outcomes["refused"] += 1
        else:
            assert isinstance(picture, Picture)
            assert (picture.image.mode, picture.size) == ("RGB", picture.stored_size)
            outcomes["decoded"] += 1

    assert min(outcomes.values()) > 1000  # the mutations are neither all fatal nor all harmless
