"""Convolutions of two by two pixels at once, against those of one."""

import numpy as np
import pytest

from service.arrays import F32
from tools.subpixel import DOUBLED, neighbours, phases

RNG = np.random.default_rng(0)


def convolved(maps: F32, kernel: F32, *, stride: int = 1) -> F32:
    """Convolve (I, H, W) with (O, I, k, k), without any border."""
    side = kernel.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(maps, (side, side), axis=(1, 2))
    return np.einsum("ihwkl,oikl->ohw", windows[:, ::stride, ::stride], kernel)


def spread(maps: F32) -> F32:
    """Spread four channels over two by two pixels, as DepthToSpace does in its mode CRD."""
    channels, height, width = maps.shape
    quarters = maps.reshape(channels // 4, 2, 2, height, width)
    return quarters.transpose(0, 3, 1, 4, 2).reshape(channels // 4, 2 * height, 2 * width)


def bordered(maps: F32, margin: int, mode: str) -> F32:
    return np.pad(maps, ((0, 0), (margin, margin), (margin, margin)), mode=mode)


def test_a_convolution_of_a_doubled_picture_is_one_of_the_picture() -> None:
    maps = RNG.normal(size=(3, 5, 7)).astype(np.float32)
    kernel = RNG.normal(size=(4, 3, 3, 3)).astype(np.float32)
    doubled = maps.repeat(2, axis=1).repeat(2, axis=2)
    expected = convolved(bordered(doubled, 1, "reflect"), kernel)

    found = spread(convolved(bordered(maps, 1, "edge"), phases(kernel, DOUBLED)))

    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("side", [1, 3, 9])
def test_a_convolution_is_one_of_every_other_pixel(side: int) -> None:
    maps = bordered(RNG.normal(size=(2, 10, 12)).astype(np.float32), side // 2, "reflect")
    kernel = RNG.normal(size=(3, 2, side, side)).astype(np.float32)

    found = spread(convolved(maps, phases(kernel, neighbours(side)), stride=2))

    np.testing.assert_allclose(found, convolved(maps, kernel), atol=1e-4)
