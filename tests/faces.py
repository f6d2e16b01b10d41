"""A photograph with a face, and what may become of it on its way to a service."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from skimage import data

ORIENTATION_TAG = 0x0112
# How a picture has to be stored for EXIF's orientation to turn it upright (CIPA DC-008, 4.6.4).
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def astronaut() -> Image.Image:
    """Return Eileen Collins (NASA, public domain), 512 x 512; the face covers 4 % of it."""
    return Image.fromarray(data.astronaut())


def png(image: Image.Image) -> bytes:
    return _file(image, "PNG")


def jpeg(image: Image.Image, quality: int = 95, orientation: int = 1) -> bytes:
    """Return a JPEG file that EXIF turns upright."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    stored = image.transpose(STORED[orientation]) if orientation in STORED else image
    return _file(stored, "JPEG", quality=quality, exif=exif)


def turned(degrees: float) -> bytes:
    return png(astronaut().rotate(degrees, Image.Resampling.BICUBIC))


def brightened(factor: float) -> bytes:
    pixels = np.asarray(astronaut()) * factor
    return png(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)))


def shrunk(side: int) -> bytes:
    return png(astronaut().resize((side, side), Image.Resampling.BICUBIC))


def torso() -> bytes:
    """Return the lower half, in which there is no face."""
    return png(astronaut().crop((0, 250, 512, 512)))


def collage() -> bytes:
    """Return the photograph twice, side by side, the second one larger."""
    canvas = Image.new("RGB", (512 + 768, 768))
    canvas.paste(astronaut(), (0, 0))
    canvas.paste(astronaut().resize((768, 768)), (512, 0))
    return png(canvas)


VARIANTS: dict[str, Callable[[], bytes]] = {
    "as it is": lambda: png(astronaut()),
    "JPEG quality 40": lambda: jpeg(astronaut(), 40),
    "mirrored": lambda: png(astronaut().transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "turned by 15 degrees": lambda: turned(15),
    "turned by -15 degrees": lambda: turned(-15),
    "half the size": lambda: shrunk(256),
    "30 % brighter": lambda: brightened(1.3),
    "30 % darker": lambda: brightened(0.7),
    "large": lambda: jpeg(astronaut().resize((3000, 3000), Image.Resampling.BICUBIC), 80),
    **{
        f"EXIF orientation {number}": lambda number=number: jpeg(astronaut(), orientation=number)
        for number in range(1, 9)
    },
}


def _file(image: Image.Image, name: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()
