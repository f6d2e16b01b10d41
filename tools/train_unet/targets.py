"""From one number a nucleus to three classes, and to the weight of every pixel."""

import numpy as np
from scipy.ndimage import distance_transform_edt, find_objects

from service.arrays import F32, U8, Array

BACKGROUND, NUCLEUS, BORDER = 0, 1, 2
REACH = 20  # pixels around a nucleus in which its distance is worth knowing
BORDER_WIDTH = 2.5  # two pixels on either side where nuclei touch, and a gap of one pixel
WEIGHT, SIGMA = 5.0, 5.0  # the paper's w0 (it takes 10, without a class for the border) and sigma


def classes_and_weights(labels: Array) -> tuple[U8, F32]:
    """Return what every pixel is, and what a mistake there costs.

    With d1 and d2 the distances to the nearest and the second nearest nucleus, the border is
    where `d1 + d2 <= 2.5`. Outside of nuclei and on the border the weight is
    `1 + w0 * exp(-(d1 + d2)**2 / (2 * sigma**2))` (Ronneberger et al. 2015, eq. 2).

    Args:
        labels: (H, W), 0 is background and every nucleus has a number of its own.

    Returns:
        (H, W) classes and (H, W) weights of at least 1.
    """
    first, second = _two_nearest(labels)
    apart = first + second
    classes = (labels > 0).astype(np.uint8)
    classes[apart <= BORDER_WIDTH] = BORDER
    weights = WEIGHT * np.exp(-(apart**2) / (2 * SIGMA**2)) * (classes != NUCLEUS)
    return classes, (1 + weights).astype(np.float32)


def _two_nearest(labels: Array) -> tuple[F32, F32]:
    """Return the distances to the nearest and the second nearest nucleus, far ones as infinite."""
    first = np.full(labels.shape, np.inf, np.float32)
    second = first.copy()
    for number, found in enumerate(find_objects(labels), start=1):
        if found is None:
            continue
        window = tuple(slice(max(0, side.start - REACH), side.stop + REACH) for side in found)
        distance = distance_transform_edt(labels[window] != number).astype(np.float32)
        nearest, next_nearest = first[window], second[window]
        np.minimum(next_nearest, np.maximum(nearest, distance), out=next_nearest)
        np.minimum(nearest, distance, out=nearest)
    return first, second
