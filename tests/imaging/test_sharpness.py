"""Sharpness: what blurs lowers it, what only brightens does not."""

import numpy as np
import pytest
from PIL import Image, ImageFilter
from skimage import data

from service.arrays import U8
from service.imaging.sharpness import sharpness


def photograph() -> Image.Image:
    return Image.fromarray(data.astronaut()).crop((150, 50, 300, 200))


def pixels(image: Image.Image) -> U8:
    return np.asarray(image)


def test_a_flat_picture_has_none() -> None:
    assert sharpness(np.full((20, 20, 3), 200, np.uint8)) == 0


def test_more_blur_is_less_sharp() -> None:
    found = [
        sharpness(pixels(photograph().filter(ImageFilter.GaussianBlur(radius))))
        for radius in (0, 0.5, 1, 2, 4)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 10 * found[3]


@pytest.mark.parametrize(("gain", "offset"), [(0.5, 0), (0.5, 100), (0.7, 10)])
def test_brightness_and_contrast_cancel_out(gain: float, offset: float) -> None:
    original = pixels(photograph())
    changed = (original * gain + offset).round().astype(np.uint8)
    assert sharpness(changed) == pytest.approx(sharpness(original), rel=0.05)


def test_white_noise_has_twenty() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 1), np.uint8)
    # Of independent values the variance of four minus four times a fifth is 4 + 16 times theirs.
    assert sharpness(noise.repeat(3, axis=2)) == pytest.approx(20, rel=0.05)
