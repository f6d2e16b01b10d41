"""The pictures that everything is measured with: photographs with free licences, made to size."""

import io
from functools import cache

import numpy as np
from PIL import Image
from skimage import data

TWELVE_MEGAPIXELS = (4000, 3000)  # width, height


@cache
def photograph(width: int, height: int, kind: str = "JPEG", quality: int = 88) -> bytes:
    """Return a photograph of the given size, with a camera's share of detail and noise.

    A small picture blown up has no high frequencies and decodes too fast, so fine noise is
    added: a 12-megapixel JPEG then has 1.4 MB, half as much again as without.
    """
    image = Image.fromarray(data.astronaut()).resize((width, height), Image.Resampling.LANCZOS)
    if width * height > image.width * image.height // 4:
        noise = np.random.default_rng(0).normal(0, 2, (height, width, 1)).astype(np.float32)
        image = Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": quality} if kind in {"JPEG", "WEBP"} else {}))
    return buffer.getvalue()


def zoo(count: int, seed: int = 0) -> list[bytes]:
    """Return `count` pictures of random sizes, shapes and formats."""
    random = np.random.default_rng(seed)
    kinds = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
    return [
        photograph(
            int(random.integers(16, 1600)),
            int(random.integers(16, 1200)),
            kinds[int(random.integers(len(kinds)))],
        )
        for _ in range(count)
    ]
