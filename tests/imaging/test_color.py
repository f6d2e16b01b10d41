"""Colours of one picture with the light of another."""

import numpy as np
import pytest

from service.arrays import U8
from service.imaging.color import blend, keep_color

# R, G, B to luma and the two colour differences, ITU-R BT.601.
LUMA = np.array([0.299, 0.587, 0.114])


def noise(low: int, high: int, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(low, high, (20, 30, 3)).astype(np.uint8)


def test_light_is_of_one_picture_and_colour_of_the_other() -> None:
    painted, content = noise(100, 156), noise(100, 156, seed=1)

    result = keep_color(painted, content).astype(np.float64)

    np.testing.assert_allclose(result @ LUMA, painted @ LUMA, atol=1.01)
    differences = content.astype(np.float64) - (content @ LUMA)[..., None]
    np.testing.assert_allclose(result - (result @ LUMA)[..., None], differences, atol=1e-9)


def test_what_leaves_the_range_is_cut_off() -> None:
    white, red = np.full((1, 1, 3), 255, np.uint8), np.array([[[255, 0, 0]]], np.uint8)

    assert keep_color(white, red).tolist() == [[[255, 179, 179]]]
    assert keep_color(np.zeros_like(white), red).tolist() == [[[179, 0, 0]]]


def test_a_picture_keeps_its_own_colours() -> None:
    picture = noise(0, 256)
    np.testing.assert_array_equal(keep_color(picture, picture), picture)


@pytest.mark.parametrize(
    ("opacity", "expected"), [(0.0, 100), (0.25, 125), (0.5, 150), (0.999, 200), (1.0, 200)]
)
def test_pictures_are_laid_over_each_other(opacity: float, expected: int) -> None:
    over, under = np.full((2, 3, 3), 200, np.uint8), np.full((2, 3, 3), 100, np.uint8)

    assert (blend(over, under, opacity) == expected).all()


def test_laying_over_does_not_change_what_went_in() -> None:
    over, under = noise(0, 256), noise(0, 256, seed=1)
    before = over.copy(), under.copy()

    blend(over, under, 0.5)
    keep_color(over, under)

    np.testing.assert_array_equal((over, under), before)
