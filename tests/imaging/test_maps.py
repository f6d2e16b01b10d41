"""Maps: each value ends up over the pixels that it was computed from, and only there."""

import math

import numpy as np
import pytest

from service.arrays import F32
from service.imaging.geometry import Align, Resize, ResizeRule, ToSource
from service.imaging.maps import spread
from service.imaging.picture import Picture, Size
from tests.imaging.pictures import ramp


def way(size: Size, *, scale: float = 1, x: float = 0, y: float = 0) -> ToSource:
    return ToSource(scale_x=scale, scale_y=scale, offset_x=x, offset_y=y, size=size)


def noise(height: int, width: int) -> F32:
    return np.random.default_rng(height * width).random((height, width), np.float32)


def bilinear(values: F32, size: Size) -> F32:
    """The plain way: between the middles of the four cells around; at the rim the last cell."""
    (h, w), (height, width) = values.shape, size
    out = np.empty(size, np.float32)
    for row in range(height):
        for column in range(width):
            y = min(max((row + 0.5) * h / height - 0.5, 0), h - 1)
            x = min(max((column + 0.5) * w / width - 0.5, 0), w - 1)
            top, left = math.floor(y), math.floor(x)
            below, right = min(top + 1, h - 1), min(left + 1, w - 1)
            upper = values[top, left] * (1 - x + left) + values[top, right] * (x - left)
            lower = values[below, left] * (1 - x + left) + values[below, right] * (x - left)
            out[row, column] = upper * (1 - y + top) + lower * (y - top)
    return out


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (30, 40), (700, 20)])
def test_a_map_of_the_pictures_own_pixels_stays_as_it_is(size: Size) -> None:
    values = noise(*size)

    found = spread(values, size, way(size))

    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values)


def test_the_padding_of_a_letterbox_is_cut_away() -> None:
    values = noise(8, 12)

    found = spread(values, (8, 12), way((4, 12), y=2))

    np.testing.assert_array_equal(found, values[2:6])


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("scale", [2, 3.5, 10])
def test_padding_does_not_bleed_into_the_picture(stride: int, scale: float) -> None:
    values = np.full((32 // stride, 32 // stride), 100, np.float32)
    values[:, 8 // stride : 24 // stride] = 1  # a picture as high as the input and half as wide

    found = spread(values, (32, 32), way((round(32 * scale), round(16 * scale)), scale=scale, x=8))

    np.testing.assert_array_equal(found, 1)


@pytest.mark.parametrize("cells", [(1, 1), (2, 3), (5, 4), (16, 16)])
@pytest.mark.parametrize("size", [(16, 16), (23, 40), (600, 17)])
def test_larger_is_bilinear(cells: Size, size: Size) -> None:
    values = noise(*cells)

    found = spread(
        values,
        (16, 16),
        ToSource(scale_x=size[1] / 16, scale_y=size[0] / 16, offset_x=0, offset_y=0, size=size),
    )

    np.testing.assert_allclose(found, bilinear(values, size), atol=2e-5)


def test_a_smaller_picture_gets_averages() -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)

    found = spread(board, (64, 64), way((8, 8), scale=1 / 8))

    np.testing.assert_allclose(found, 0.5, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 1.0, 1 / 3, -7.25, 1e-6])
@pytest.mark.parametrize("source", [(5, 9), (100, 130), (900, 70)])
def test_a_constant_stays_constant(value: float, source: Size) -> None:
    resize = Resize(rule=ResizeRule.LETTERBOX, size=(64, 96))
    resized = resize(Picture(ramp(*source), source))

    found = spread(np.full((16, 24), value, np.float32), (64, 96), resized.to_source)

    assert found.shape == source
    np.testing.assert_allclose(found, value, rtol=1e-6)


@pytest.mark.parametrize("rule", [ResizeRule.LETTERBOX, ResizeRule.STRETCH])
@pytest.mark.parametrize("align", Align)
@pytest.mark.parametrize("source", [(300, 400), (401, 299), (1200, 90), (40, 30), (64, 96)])
@pytest.mark.parametrize("stride", [1, 4])
def test_what_the_network_saw_lies_where_it_came_from(
    rule: ResizeRule, align: Align, source: Size, stride: int
) -> None:
    """A ramp that goes through a resize, and as a map of strides back, is the ramp again."""
    original = ramp(*source)
    resized = Resize(rule=rule, size=(64, 96), align=align)(Picture(original, source))
    cells = resized.pixels.reshape(64 // stride, stride, 96 // stride, stride, 3)
    maps = cells.mean(axis=(1, 3), dtype=np.float32)
    to_source = resized.to_source
    # At the rim half a cell has no neighbour, and a cell may be half padding.
    y, x = (math.ceil(1.5 * stride * scale) for scale in (to_source.scale_y, to_source.scale_x))
    inner = np.s_[y : source[0] - y, x : source[1] - x]

    for channel in (0, 1):  # red tells x, green tells y
        found = spread(maps[..., channel], (64, 96), to_source)
        away = np.abs(found - np.asarray(original)[..., channel])[inner]
        assert away.max(initial=0) <= 1.5  # each of the two is rounded, and Pillow's average


def test_a_map_of_a_view_is_taken_as_it_looks() -> None:
    channels = np.random.default_rng(0).random((6, 8, 3)).astype(np.float32)

    found = spread(channels[..., 1], (6, 8), way((6, 8)))

    np.testing.assert_array_equal(found, channels[..., 1])


def test_a_map_of_a_crop_is_refused() -> None:
    crop = Resize(rule=ResizeRule.CROP, size=(64, 64), short_side=64)
    resized = crop(Picture(ramp(100, 200), (100, 200)))

    with pytest.raises(ValueError, match="part of the picture"):
        spread(np.zeros((64, 64), np.float32), (64, 64), resized.to_source)
