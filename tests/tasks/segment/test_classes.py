"""The class of every pixel, decided channel by channel."""

import numpy as np
import pytest

from service.arrays import F32
from service.tasks.segment.classes import (
    contenders,
    eight_bit,
    strongest_class,
    tally,
    two_classes,
)


def softmax(channels: int, seed: int, size: tuple[int, int] = (9, 7)) -> F32:
    logits = np.random.default_rng(seed).normal(0, 4, (channels, *size))
    exponentials = np.exp(logits)
    return (exponentials / exponentials.sum(axis=0)).astype(np.float32)


def test_bytes_are_rounded() -> None:
    values = np.array([0, 0.001, 0.002, 0.998, 0.999, 1, 1 + 1e-7], np.float32)
    assert eight_bit(values).tolist() == [0, 0, 1, 254, 255, 255, 255]


def test_two_classes_on_one_channel() -> None:
    probability = np.array([[0, 0.499, 0.5, 1]], np.float32)
    class_map, alpha = two_classes(probability, 0.5)
    assert class_map.tolist() == [[0, 0, 1, 1]]  # the threshold itself is the second class
    assert alpha.tolist() == [[0, 127, 128, 255]]


@pytest.mark.parametrize("channels", [2, 3, 21, 256])
def test_the_strongest_class_is_the_argmax(channels: int) -> None:
    maps = softmax(channels, seed=channels)
    before = maps.copy()

    class_map, alpha = strongest_class(maps, np.asarray)

    np.testing.assert_array_equal(class_map, maps.argmax(axis=0))
    np.testing.assert_array_equal(alpha, np.rint(255 * (1 - maps[0])))
    assert (class_map.dtype, alpha.dtype) == (np.uint8, np.uint8)
    np.testing.assert_array_equal(maps, before)


def test_of_equals_the_first_is_taken() -> None:
    class_map, alpha = strongest_class(np.full((4, 1, 2), 0.25, np.float32), np.asarray)
    assert (class_map.tolist(), alpha.tolist()) == ([[0, 0]], [[191, 191]])


def between(values: F32) -> F32:
    """Return the map with a pixel of their mean between each two neighbours of a row."""
    spread = np.repeat(values, 2, axis=1)[:, :-1]
    spread[:, 1::2] = (values[:, 1:] + values[:, :-1]) / 2
    return spread


@pytest.mark.parametrize("seed", range(20))
def test_classes_that_are_not_looked_at_are_nowhere_the_strongest(seed: int) -> None:
    maps = softmax(30, seed, (3, 4))
    looked_at = contenders(maps)

    class_map, _ = strongest_class(maps, between)

    every = np.stack([between(one) for one in maps])
    np.testing.assert_array_equal(class_map, every.argmax(axis=0))
    assert len(looked_at) < 29  # and some are not


def test_only_classes_that_may_win_are_spread() -> None:
    maps = np.array([[[0.7, 0.2]], [[0.2, 0.7]], [[0.1, 0.1]]], np.float32)
    assert contenders(maps).tolist() == [1]


def test_a_tally_counts_every_pixel_of_a_picture_that_is_counted_in_parts() -> None:
    ids = np.random.default_rng(3).integers(0, 9, (700, 900), np.uint8)
    weights = np.random.default_rng(4).integers(0, 256, (700, 900), np.uint8)

    counts, sums = tally(ids, 12), tally(ids, 12, weights)

    assert counts.tolist() == [np.count_nonzero(ids == one) for one in range(12)]
    assert sums.tolist() == [weights[ids == one].sum() for one in range(12)]
