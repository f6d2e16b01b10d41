"""Connected regions of a mask: numbering, growing and measuring them.

The cost is that of a few passes over the pixels plus what grows with the runs (the unbroken
stretches of equal pixels in a row), never a Python loop over either.
"""

import numpy as np
from numpy.typing import NDArray

from service.arrays import Array, Index, Mask

Labels = NDArray[np.int32]
"""(H, W): the number of each pixel's region, from 1 on; 0 outside all of them."""


def connected(mask: Mask) -> tuple[Labels, int]:
    """Number the regions of a mask whose pixels touch side by side (4-connectivity).

    Args:
        mask: (H, W).

    Returns:
        labels: (H, W), 1 .. count in the reading order of each region's first pixel, 0 outside.
        count: of regions.

    Source: run-based labelling as in He, Chao, Suzuki, A run-based two-scan labeling algorithm,
        IEEE Transactions on Image Processing 17(5), 2008; here the unions are made all at once.

    >>> connected(np.array([[True, False, True], [True, False, False]]))
    (array([[1, 0, 2],
           [1, 0, 0]], dtype=int32), 2)
    """
    starts, ends = runs(mask)
    parent = _union(starts.size, *_touching(starts, ends, mask.shape[1]))
    # The lowest run of a region stands for it, and the runs are in reading order.
    roots = parent == np.arange(parent.size)
    numbers = np.cumsum(roots, dtype=np.int32)[parent]
    edges = np.stack([starts, ends], axis=1).ravel()
    values = np.zeros(edges.size + 1, np.int32)
    values[1::2] = numbers
    labels = np.repeat(values, np.diff(edges, prepend=0, append=mask.size))
    return labels.reshape(mask.shape), int(roots.sum())


def grow(labels: Array, within: Mask, reach: int) -> Labels:
    """Let the regions grow, step by step from side to side, into the pixels that are free.

    Every pixel that is `within` and at most `reach` steps from a region takes the number of the
    nearest; of two as near, the lower. Steps lead through `within` only.

    Args:
        labels: (H, W) numbers from 1 on, 0 where there is no region. None of them changes.
        within: (H, W) where regions may grow; inside of regions it has no effect.
        reach: steps, 0 or more.

    Returns:
        (H, W) a copy with the grown regions.
    """
    grown: Labels = labels.astype(np.int32)
    flat = grown.ravel()
    for _ in range(reach):
        reached = np.flatnonzero(_beside(grown != 0) & (grown == 0) & within)
        if not reached.size:
            break
        flat[reached] = _lowest_beside(grown, reached)
    return grown


def extents(labels: Array, count: int) -> tuple[Index, Index]:
    """Measure regions 1 .. `count`.

    Args:
        labels: (H, W) numbers 0 .. count, 0 where there is no region.
        count: N.

    Returns:
        boxes: (N, 4) x1, y1, x2, y2 in pixels; x2 and y2 are just past the region, so that
            x2 - x1 is its width. All 0 for a number that no pixel has.
        areas: (N,) pixels.

    >>> boxes, areas = extents(np.array([[1, 1, 0], [1, 0, 2]]), 2)
    >>> boxes.tolist(), areas.tolist()
    ([[0, 0, 2, 2], [2, 1, 3, 2]], [3, 1])
    """
    height, width = labels.shape
    starts, ends = runs(labels)
    owner = labels.ravel()[starts].astype(np.intp) - 1
    y, x = np.divmod(starts, width)
    low, high = np.full((2, count), max(height, width)), np.zeros((2, count), np.intp)
    areas = np.zeros(count, np.intp)
    np.add.at(areas, owner, ends - starts)
    for axis, first, last in ((0, x, x + ends - starts), (1, y, y + 1)):
        np.minimum.at(low[axis], owner, first)
        np.maximum.at(high[axis], owner, last)
    low[:, areas == 0] = 0
    return np.concatenate([low, high]).T, areas


def runs(values: Array) -> tuple[Index, Index]:
    """Return where the runs of equal values other than 0 begin and end, row by row.

    Args:
        values: (H, W).

    Returns:
        starts, ends: (R,) positions in the flattened array, in reading order; an end is just
            past its run. No run goes on in the next row.

    >>> runs(np.array([[0, 5, 5], [5, 7, 0]]))
    (array([1, 3, 4]), array([3, 4, 5]))
    """
    flat = values.ravel()
    if not flat.size:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    first = np.empty(flat.size, np.bool_)
    np.not_equal(flat[1:], flat[:-1], out=first[1:])
    first[:: values.shape[1]] = True
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], flat.size)
    filled = flat[starts] != 0
    return starts[filled], ends[filled]


def _touching(starts: Index, ends: Index, width: int) -> tuple[Index, Index]:
    """Return the pairs of runs, upper and lower, that share a side."""
    # Moved up by a row, a run overlaps those that end after its start and start before its end.
    first = np.searchsorted(ends, starts - width, side="right")
    last = np.searchsorted(starts, ends - width, side="left")
    counts = last - first
    before = np.cumsum(counts) - counts
    upper = np.arange(counts.sum()) + np.repeat(first - before, counts)
    return upper, np.repeat(np.arange(starts.size), counts)


def _union(count: int, one: Index, other: Index) -> Index:
    """Return for each of `count` things the lowest that it is tied to, by whatever detour.

    Each round hangs every tree that touches a lower one under the lowest of them, then makes
    all trees flat again by pointer jumping, and forgets the ties inside of trees.

    Source: Shiloach, Vishkin, An O(log n) parallel connectivity algorithm, Journal of
        Algorithms 3(1), 1982; the variant that hooks to the minimum.
    """
    parent = np.arange(count)
    while one.size:
        np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(above := parent[parent], parent):
            parent = above
        one, other = parent[one], parent[other]
        apart = one != other
        one, other = one[apart], other[apart]
    return parent


def _beside(mask: Mask) -> Mask:
    """Return which pixels have a neighbour, above, below, left or right, that is set."""
    beside = np.zeros_like(mask)
    beside[1:] |= mask[:-1]
    beside[:-1] |= mask[1:]
    beside[:, 1:] |= mask[:, :-1]
    beside[:, :-1] |= mask[:, 1:]
    return beside


def _lowest_beside(labels: Labels, places: Index) -> Labels:
    """Return the lowest number beside each place, which has one beside it but none itself."""
    height, width = labels.shape
    y, x = np.divmod(places, width)
    lowest = np.full(places.size, np.iinfo(np.int32).max, np.int32)
    moves = ((y > 0, -width), (y < height - 1, width), (x > 0, -1), (x < width - 1, 1))
    for inside, move in moves:
        beside = labels.ravel()[np.where(inside, places + move, places)]
        np.minimum(lowest, beside, out=lowest, where=beside > 0)
    return lowest
