"""From probabilities to the class of every pixel, as bytes, and how many there are of each."""

from collections.abc import Callable

import numpy as np

from service.arrays import F32, U8, Array, Index

Expand = Callable[[F32], F32]
"""Brings one channel to the size of the answer; every value lies between those around it."""

# NumPy counts bytes as eight bytes each; this many at a time they stay in the cache.
_PIXELS_AT_ONCE = 1 << 18


def eight_bit(values: F32) -> U8:
    """Return 0..1 as 0..255.

    >>> eight_bit(np.array([0.0, 0.25, 1.0], np.float32))
    array([  0,  64, 255], dtype=uint8)
    """
    scaled: F32 = np.rint(values * np.float32(255))
    return scaled.astype(np.uint8)


def two_classes(probability: F32, threshold: float) -> tuple[U8, U8]:
    """Return the class of every pixel where one channel speaks for two.

    Args:
        probability: (H, W), 0..1, of class 1.
        threshold: from where on it is class 1.

    Returns:
        class_map: (H, W), 0 or 1.
        alpha: (H, W), `probability` as 0..255.
    """
    return (probability >= threshold).astype(np.uint8), eight_bit(probability)


def strongest_class(probabilities: F32, expand: Expand) -> tuple[U8, U8]:
    """Return the most probable class of every pixel; of several the first.

    Only one channel at a time has the size of the answer.

    Args:
        probabilities: (C, h, w), 0..1; the first channel is the background's.
        expand: (h, w) to (H, W).

    Returns:
        class_map: (H, W) class ids.
        alpha: (H, W) the probability of anything but background, as 0..255.
    """
    best = expand(probabilities[0]).copy()
    alpha = eight_bit(1 - best)
    class_map = np.zeros(best.shape, np.uint8)
    for class_id in contenders(probabilities):
        values = expand(probabilities[class_id])
        np.putmask(class_map, values > best, class_id)
        np.maximum(best, values, out=best)
    return class_map, alpha


def contenders(probabilities: F32) -> Index:
    """Return the classes, background left out, that may be the strongest somewhere.

    Whatever the strongest one is, it has at least the mean of all classes: one that is nowhere
    above the lowest mean need not be looked at.

    Args:
        probabilities: (C, h, w).
    """
    lowest = probabilities.mean(axis=0).min()
    peaks = probabilities[1:].max(axis=(1, 2))
    return np.flatnonzero(peaks > lowest) + 1


def tally(ids: Array, count: int, weights: U8 | None = None) -> Index:
    """Return how many pixels have each id, or the sum of their weights.

    Args:
        ids: (H, W), 0 .. count - 1.
        count: of ids.
        weights: (H, W), one for each pixel if not given.

    Returns:
        (count,)

    >>> tally(np.array([[0, 2], [2, 2]]), 4)
    array([1, 0, 3, 0])
    """
    sums = np.zeros(count)
    flat_ids, flat_weights = ids.ravel(), None if weights is None else weights.ravel()
    for start in range(0, flat_ids.size, _PIXELS_AT_ONCE):
        part = slice(start, start + _PIXELS_AT_ONCE)
        weight = None if flat_weights is None else flat_weights[part]
        sums += np.bincount(flat_ids[part], weight, count)
    return sums.astype(np.intp)
