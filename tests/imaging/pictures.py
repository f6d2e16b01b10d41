"""Pictures that the tests draw and encode themselves, so that every pixel's origin is known."""

import numpy as np
from PIL import Image

from service.arrays import U8
from tests.pictures import ORIENTATION_TAG, encoded

# The corners, by which each of the eight orientations is told from the others.
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION_TAG] = orientation
    return tags


def ramp(height: int, width: int) -> Image.Image:
    """Say with red how far to the right a pixel is, and with green how far down."""
    pixels = np.zeros((height, width, 3))
    pixels[..., 0] = (np.arange(width) + 0.5) / width * 255
    pixels[..., 1] = (np.arange(height)[:, None] + 0.5) / height * 255
    pixels[..., 2] = 128
    return Image.fromarray(pixels.round().astype(np.uint8))


def corners(height: int = 48, width: int = 64) -> U8:
    """Four quarters: red and green above, blue and white below."""
    pixels = np.empty((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    pixels[:top, :left], pixels[:top, left:] = RED, GREEN
    pixels[top:, :left], pixels[top:, left:] = BLUE, WHITE
    return pixels


def turned(upright: U8, orientation: int) -> U8:
    """Return the rows and columns that a camera stores under an EXIF orientation.

    Source: CIPA DC-008 (EXIF 2.32), tag 0x0112: where row 0 and column 0 are seen.
    """
    if orientation in {2, 3, 6, 7}:  # column 0, or row 0 of the sideways ones, is on the right
        upright = upright[:, ::-1]
    if orientation in {3, 4, 7, 8}:  # row 0, or column 0 of the sideways ones, is at the bottom
        upright = upright[::-1]
    return upright.transpose(1, 0, 2) if orientation >= 5 else upright


def _grey16(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def small_files() -> dict[str, bytes]:
    """One small valid file for every format, compression and mode that a caller may send."""
    noise = np.random.default_rng(7).integers(0, 256, (24, 32, 3), np.uint8)
    image, other = Image.fromarray(noise), Image.fromarray(noise[::-1])
    glass = image.copy()
    glass.putalpha(128)
    frames = {"save_all": True, "append_images": [other]}
    files = {
        "jpeg": encoded(image, "JPEG"),
        "jpeg grey": encoded(image.convert("L"), "JPEG"),
        "jpeg cmyk": encoded(image.convert("CMYK"), "JPEG"),
        "jpeg progressive": encoded(image, "JPEG", progressive=True, exif=exif(6)),
        "mpo": encoded(image, "MPO", **frames),
        "png": encoded(image, "PNG", exif=exif(6)),
        "png alpha": encoded(glass, "PNG"),
        "png grey alpha": encoded(glass.convert("LA"), "PNG"),
        "png palette": encoded(image.convert("P"), "PNG", transparency=0),
        "png 1-bit": encoded(image.convert("1"), "PNG"),
        "png 16-bit": encoded(_grey16(image), "PNG"),
        "apng": encoded(image, "PNG", **frames),
        "webp": encoded(image, "WEBP", exif=exif(6)),
        "webp lossless": encoded(glass, "WEBP", lossless=True),
        "webp animated": encoded(image, "WEBP", **frames),
        "gif": encoded(image, "GIF"),
        "gif animated": encoded(image, "GIF", **frames),
        "bmp": encoded(image, "BMP"),
        "bmp palette": encoded(image.convert("P"), "BMP"),
        "bmp 1-bit": encoded(image.convert("1"), "BMP"),
        "tiff 16-bit": encoded(_grey16(image), "TIFF"),
        "tiff int": encoded(image.convert("I"), "TIFF"),
        "tiff float": encoded(image.convert("F"), "TIFF"),
        "tiff cmyk": encoded(image.convert("CMYK"), "TIFF"),
        "tiff ycbcr": encoded(image.convert("YCbCr"), "TIFF"),
        "tiff fax": encoded(image.convert("1"), "TIFF", compression="group4"),
    }
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        files[f"tiff {compression}"] = encoded(image, "TIFF", compression=compression, exif=exif(6))
    return files
