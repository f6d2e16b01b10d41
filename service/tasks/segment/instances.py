"""The things of a class told apart: connected regions, grown back to where others begin."""

from dataclasses import dataclass

import numpy as np

from service.arrays import F32, U8, Array, Index
from service.imaging.regions import connected, extents, grow
from service.tasks.segment.classes import tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """K separate things of the classes, from top to bottom and then from left to right.

    Attributes:
        map: (H, W) int32: the number of the instance, from 1 on; 0 where there is none.
        class_ids: (K,)
        boxes: (K, 4) x1, y1, x2, y2 in pixels, x2 and y2 just past the instance.
        areas: (K,) pixels.
        scores: (K,) the mean probability over its pixels of not being background, 0..1.
    """

    map: Array
    class_ids: Index
    boxes: Index
    areas: Index
    scores: F32


def find_instances(
    class_map: U8, alpha: U8, *, border_id: int | None, min_area: int, reach: int
) -> Instances:
    """Return the connected regions of every class but background and border.

    A border drawn between things that touch takes pixels from both; they get them back.

    Args:
        class_map: (H, W) class ids; 0 is background.
        alpha: (H, W) the probability of anything but background, as 0..255.
        border_id: the class that separates things, if there is one.
        min_area: what is smaller is left out, pixels.
        reach: how many steps a region grows into the border, and only there.
    """
    numbers, class_ids = _regions(class_map, border_id)
    count = len(class_ids)
    if border_id is not None:
        numbers = grow(numbers, class_map == border_id, reach)
    boxes, areas = extents(numbers, count)
    in_order = np.lexsort((boxes[:, 0], boxes[:, 1]))
    kept = in_order[areas[in_order] >= min_area]
    renumbered = np.zeros(count + 1, np.int32)
    renumbered[kept + 1] = np.arange(1, len(kept) + 1)
    numbers = renumbered[numbers]
    sums = tally(numbers, len(kept) + 1, alpha)[1:]
    return Instances(
        map=numbers,
        class_ids=class_ids[kept],
        boxes=boxes[kept],
        areas=areas[kept],
        scores=(sums / (255 * areas[kept])).astype(np.float32),
    )


def _regions(class_map: U8, border_id: int | None) -> tuple[Array, Index]:
    """Return (H, W) numbers from 1 on, and the class of each number."""
    numbers = np.zeros(class_map.shape, np.int32)
    found: list[int] = []
    pixels = tally(class_map, 256)
    for class_id in np.flatnonzero(pixels).tolist():
        if class_id in {0, border_id}:
            continue
        regions, count = connected(class_map == class_id)
        np.add(regions, len(found), out=numbers, where=regions > 0)
        found += [class_id] * count
    return numbers, np.array(found, np.intp)
