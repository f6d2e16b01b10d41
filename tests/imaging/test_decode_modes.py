"""Every kind of sample and alpha that a picture may have, and what RGB it becomes."""

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from service.imaging.decode import DecodeLimits, decode
from tests.imaging.pictures import BLUE, GREEN, RED, WHITE, corners
from tests.pictures import encoded

LIMITS = DecodeLimits()
HALF_RED = (255, 127, 127)  # red at half strength, on white


def first_pixel(data: bytes) -> tuple[int, ...]:
    return tuple(decode(data, limits=LIMITS).pixels[0, 0].tolist())


def plain(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (8, 8), colour)


def palette(alpha: bytes | int | None) -> bytes:
    image = plain("P", 1)
    image.putpalette([*GREEN, *RED])
    return encoded(image, "PNG", **({} if alpha is None else {"transparency": alpha}))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (encoded(plain("RGB", RED), "PNG"), RED),
        (encoded(plain("L", 90), "PNG"), (90, 90, 90)),
        (encoded(plain("1", 1), "PNG"), WHITE),
        (encoded(plain("1", 0), "BMP"), (0, 0, 0)),
        (palette(None), RED),
        (palette(0), RED),  # the other colour is transparent
        (palette(1), WHITE),  # this one is
        (palette(b"\xff\x80"), HALF_RED),  # this one is half
        (encoded(plain("RGBA", (*RED, 128)), "PNG"), HALF_RED),
        (encoded(plain("RGBA", (*RED, 0)), "PNG"), WHITE),
        (encoded(plain("RGBA", (*RED, 128)), "WEBP", lossless=True), HALF_RED),
        (encoded(plain("RGBA", (*RED, 128)), "TIFF"), HALF_RED),
        (encoded(plain("LA", (0, 128)), "PNG"), (127, 127, 127)),
        (encoded(plain("RGB", RED), "PNG", transparency=RED), WHITE),  # a colour means transparent
        (encoded(plain("L", 90), "PNG", transparency=90), WHITE),
        (encoded(plain("CMYK", (0, 255, 255, 0)), "TIFF"), RED),
        (encoded(plain("CMYK", (255, 0, 255, 0)), "JPEG", quality=100), GREEN),
        (encoded(plain("LAB", (255, 128, 128)), "TIFF"), WHITE),
        (encoded(plain("YCbCr", (0, 128, 128)), "TIFF"), (0, 0, 0)),
    ],
)
def test_a_mode_becomes_rgb_on_white(data: bytes, expected: tuple[int, ...]) -> None:
    np.testing.assert_allclose(first_pixel(data), expected, atol=2)


def test_adobes_ycck_becomes_rgb() -> None:
    # Adobe stores ink inverted, so red ink's colour is stored as cyan, 179 171 1 in YCbCr, and
    # says with a 2 in its segment that it is YCbCr (Adobe Technical Note 5116, section 18).
    stored = Image.merge("CMYK", [plain("L", 255 - level) for level in (179, 171, 1, 255)])
    cmyk = encoded(stored, "JPEG", quality=100)
    transform = cmyk.index(b"Adobe") + 11
    assert cmyk[transform] == 0

    ycck = cmyk[:transform] + b"\x02" + cmyk[transform + 1 :]

    np.testing.assert_allclose(first_pixel(ycck), RED, atol=4)


def tiff(
    bits: Sequence[int], photometric: int, data: bytes, *, order: str = "<", **extra: int
) -> bytes:
    """Return a TIFF of 4 x 2 pixels, of kinds that Pillow reads and does not write.

    Source: TIFF 6.0, sections 2 and 8; tag 338 is ExtraSamples, 339 SampleFormat.
    """
    tags = {256: [4], 257: [2], 258: bits, 259: [1], 262: [photometric], 277: [len(bits)]}
    tags |= {278: [2], 279: [len(data)]}
    tags |= {{"alpha": 338, "sample_format": 339}[name]: [value] for name, value in extra.items()}
    values_at = 8 + 2 + 12 * (len(tags) + 1) + 4
    values = b""
    rows = {}
    for tag, value in tags.items():
        packed = struct.pack(f"{order}{len(value)}H", *value)
        if len(packed) > 4:
            values, packed = values + packed, struct.pack(f"{order}I", values_at + len(values))
        rows[tag] = struct.pack(f"{order}HHI4s", tag, 3, len(value), packed.ljust(4, b"\0"))
    rows[273] = struct.pack(f"{order}HHII", 273, 4, 1, values_at + len(values))
    magic = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(rows))
    return magic + b"".join(rows[tag] for tag in sorted(rows)) + bytes(4) + values + data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (tiff([8, 8], 1, bytes([50, 128] * 8), alpha=2), (152, 152, 152)),
        (tiff([8, 8], 1, bytes([50, 128] * 8), alpha=1), (177, 177, 177)),  # premultiplied
        (tiff([8] * 4, 2, bytes([50, 60, 70, 128] * 8), alpha=1), (177, 187, 197)),
        (tiff([16] * 3, 2, struct.pack("<24H", *[0xABCD, 0x1234, 0x5678] * 8)), (171, 18, 86)),
        (tiff([16], 1, struct.pack("<8H", *[0xABCD] * 8)), (171, 171, 171)),
        (tiff([16], 1, struct.pack(">8H", *[0xABCD] * 8), order=">"), (171, 171, 171)),
    ],
)
def test_a_tiff_of_a_rare_kind_becomes_rgb(data: bytes, expected: tuple[int, ...]) -> None:
    np.testing.assert_allclose(first_pixel(data), expected, atol=1)


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # an instrument's numbers have no agreed white point: their own range is used
        (tiff([32], 1, struct.pack("<8f", *range(8)), sample_format=3), range(0, 256, 36)),
        (tiff([32], 1, struct.pack("<8i", *range(-4, 4)), sample_format=2), range(0, 256, 36)),
        # farther apart than 32 bits can say
        (
            tiff([32], 1, struct.pack("<8i", *[-(2**31)] * 4, *[2**31 - 1] * 4), sample_format=2),
            [0] * 4 + [255] * 4,
        ),
        (tiff([16], 1, struct.pack("<8h", *range(-4, 4)), sample_format=2), range(0, 256, 36)),
        # what is no number is nothing, and the rest is stretched all the same
        (
            tiff(
                [32], 1, struct.pack("<8f", NAN, INFINITY, -INFINITY, *[5.0] * 5), sample_format=3
            ),
            [0, 0, 0, 255, 255, 255, 255, 255],
        ),
        # a signalling NaN, at which NumPy warns when it is cast
        (tiff([32], 1, struct.pack("<8I", 0x7F800001, *[0] * 7), sample_format=3), [0] * 8),
        (tiff([32], 1, struct.pack("<8f", *[3e38] * 8), sample_format=3), [0] * 8),  # all alike
    ],
)
def test_32_bit_samples_are_stretched(data: bytes, expected: Sequence[int]) -> None:
    pixels = decode(data, limits=LIMITS).pixels

    np.testing.assert_allclose(pixels[..., 0].ravel().astype(int), expected, atol=4)
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_samples_keep_their_high_byte(file_format: str) -> None:
    samples = np.arange(0, 65_536, 16, dtype=np.uint16).reshape(64, 64)

    pixels = decode(encoded(Image.fromarray(samples), file_format), limits=LIMITS).pixels

    np.testing.assert_array_equal(pixels, np.repeat((samples >> 8)[..., None], 3, axis=2))


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_of_several_frames_the_first_is_seen(file_format: str) -> None:
    first, second = Image.fromarray(corners()), Image.new("RGB", (64, 48), "black")
    lossless = {"lossless": True} if file_format == "WEBP" else {}

    data = encoded(first, file_format, save_all=True, append_images=[second], **lossless)

    pixels = decode(data, limits=LIMITS).pixels
    for (y, x), colour in {(8, 8): RED, (8, 56): GREEN, (40, 8): BLUE, (40, 56): WHITE}.items():
        np.testing.assert_allclose(pixels[y, x], colour, atol=6)
