"""Pictures made by code, and bytes that only look like pictures."""

import io
import random
import struct
import zlib

import numpy as np
from PIL import Image

JPEG_HEADER = b"\xff\xd8\xff\xe0"
PNG_HEADER = b"\x89PNG\r\n\x1a\n"
ORIENTATION_TAG = 0x0112
MEGABYTE = 1_000_000


def stroke(width: int, height: int) -> Image.Image:
    """Return a dark slanted stroke on a light ground that brightens to the right."""
    y, x = np.mgrid[0:height, 0:width]
    ground = 200 + 55 * x / width
    on_stroke = np.abs(x / width + y / height - 1) < 0.15
    return Image.fromarray(np.where(on_stroke, 30, ground).astype(np.uint8)).convert("RGB")


def jpeg(width: int = 40, height: int = 24, *, orientation: int = 1) -> bytes:
    """Return a JPEG file of `stroke`, stored as it is and tagged with an EXIF orientation."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    return encoded(stroke(width, height), "JPEG", quality=95, exif=exif)


def png(width: int = 40, height: int = 24) -> bytes:
    """Return a PNG file of `stroke`."""
    return encoded(stroke(width, height), "PNG")


def encoded(image: Image.Image, name: str, **options: object) -> bytes:
    """Return a picture as a file."""
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that announces a size, with the right checksum, and has nothing else."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG_HEADER + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def noise(header: bytes, *, size: int = 4096, seed: int = 0) -> bytes:
    """Return random bytes behind a format's first bytes."""
    return header + random.Random(seed).randbytes(size)


def brief(value: object) -> str:
    """Return what a test's name says of a parameter, where bytes would be all of the name."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)[:40]
