"""Boxes as (N, 4) arrays of corners x1, y1, x2, y2: area, overlap, clipping and suppression.

Nothing here knows a network or an image. Boxes and scores are float32 and are computed with as
float32; a box is compared with others in its own coordinates. (The usual trick of moving every
class to a place of its own adds `class * offset` to each corner, which in float32 rounds away the
low bits of the very differences that decide an overlap.)
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from service.arrays import F32, Index, Mask

# Overlaps are computed for so many pairs at a time: some 4 MB of columns, whatever the input.
_PAIRS_AT_ONCE: Final = 1 << 16

# A float32 IoU is off by less than 1e-6 of itself (six roundings); ten times that is left as slack.
_IOU_SLACK: Final = 1e-5

# The smallest normal float32: what an empty union is divided by.
_TINY: Final = np.finfo(np.float32).tiny

Decay = Literal["linear", "gaussian"]


def area(boxes: F32) -> F32:
    """Return the areas of (N, 4) boxes as (N,), 0 where a side is not positive.

    >>> area(np.array([[1, 2, 4, 4], [3, 0, 1, 9]], np.float32))
    array([6., 0.], dtype=float32)
    """
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], np.float32(0))
    return sides[:, 0] * sides[:, 1]


def clip(boxes: F32, size: tuple[int, int]) -> F32:
    """Return a copy of (N, 4) boxes with every corner inside an image of `size` (height, width).

    >>> clip(np.array([[-3, 2, 50, 40]], np.float32), (30, 20))
    array([[ 0.,  2., 20., 30.]], dtype=float32)
    """
    height, width = size
    return np.clip(boxes, 0, np.array([width, height, width, height], np.float32))


def valid(boxes: F32, scores: F32) -> Mask:
    """Return which boxes can be compared and ranked at all.

    A box is valid when both sides are positive, its area is a finite float32 greater than 0
    (which a NaN or infinite corner rules out), and its score is a number.

    Args:
        boxes: (N, 4) corners.
        scores: (N,).

    Returns:
        (N,) True where the box is valid.
    """
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        width = boxes[:, 2] - boxes[:, 0]
        height = boxes[:, 3] - boxes[:, 1]
        surface = width * height
    mask: Mask = (width > 0) & (surface > 0) & (surface < np.inf) & ~np.isnan(scores)
    return mask


def iou(first: F32, second: F32) -> F32:
    """Return the intersection over union of every pair of boxes.

    Args:
        first: (N, 4) corners in pixels of any one frame.
        second: (M, 4) corners in the same frame.

    Returns:
        (N, M), 0..1; 0 for a pair with an empty box.

    >>> iou(np.array([[0, 0, 2, 2]], np.float32), np.array([[1, 0, 3, 2]], np.float32)).round(3)
    array([[0.333]], dtype=float32)
    """
    return _overlap(_columns(first)[:, :, None], _columns(second)[:, None, :])


def best_first(scores: F32, limit: int | None = None) -> Index:
    """Return the indices of scores from the highest down; equal scores keep their input order.

    Args:
        scores: (N,), no NaN.
        limit: how many to return at most; of equal scores at the limit, the first ones stay.

    >>> best_first(np.array([0.2, 0.9, 0.2, 0.5], np.float32), limit=3)
    array([1, 3, 0])
    """
    if limit is None or len(scores) <= limit:
        return np.argsort(-scores, kind="stable")
    if limit == 0:
        return np.empty(0, np.intp)
    # A partition finds the last score that stays in O(N), so that only those that stay are sorted.
    last = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    above = np.flatnonzero(scores > last)
    equal = np.flatnonzero(scores == last)[: limit - len(above)]
    chosen = np.sort(np.concatenate([above, equal]))
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def nms(boxes: F32, scores: F32, class_ids: Index | None = None, *, iou_limit: float) -> Index:
    """Return the indices of the boxes that survive greedy non-maximum suppression.

    Boxes are visited from the highest score down; a box is dropped when it overlaps an already
    kept one of its class by more than `iou_limit`. Equal scores keep their input order, so the
    answer does not depend on the platform's sort. Boxes that are not `valid` are dropped.

    What is compared is the quotient intersection / union and not a product, because a quotient is
    rounded correctly: a pair that overlaps by exactly the limit compares equal to it.

    Args:
        boxes: (N, 4) corners x1, y1, x2, y2, in pixels of any one frame.
        scores: (N,) confidences.
        class_ids: (N,); None suppresses across classes.
        iou_limit: 0..1; a pair exactly at the limit keeps both boxes.

    Returns:
        (K,) indices into `boxes`, best score first.

    Raises:
        ValueError: `iou_limit` is outside 0..1, or the arrays differ in length.

    Source: greedy NMS as in Girshick et al., R-CNN, CVPR 2014, section 2.2.

    >>> boxes = np.array([[0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]], np.float32)
    >>> nms(boxes, np.array([0.8, 0.9, 0.7], np.float32), iou_limit=0.5)
    array([1, 2])
    """
    usable = _usable(boxes, scores, class_ids, iou_limit)
    order = usable[best_first(scores[usable])]
    columns = _columns(boxes[order])
    windows = _windows(columns, None if class_ids is None else class_ids[order], iou_limit)
    kept = bytearray(b"\1" * len(order))  # by rank; one item of it is read faster than an array's
    kept_mask = np.frombuffer(kept, np.bool_)
    pending = np.arange(len(order))
    while pending.size:
        visited, better, worse = _pairs(pending, windows)
        hits = np.flatnonzero(_overlap(columns[:, better], columns[:, worse]) > iou_limit)
        better, worse = better[hits], worse[hits]
        # Each run of pairs is one box and those it would drop. Runs come by rank, so whatever
        # could have dropped that box has been seen before.
        starts = np.flatnonzero(np.diff(better, prepend=-1))
        stops = [*starts[1:].tolist(), len(hits)]
        for winner, start, stop in zip(better[starts].tolist(), starts.tolist(), stops):
            if kept[winner]:
                kept_mask[worse[start:stop]] = False
        pending = pending[visited:]
        pending = pending[kept_mask[pending]]
    return order[kept_mask]


def soft_nms(
    boxes: F32,
    scores: F32,
    class_ids: Index | None = None,
    *,
    decay: Decay,
    iou_limit: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
) -> tuple[Index, F32]:
    """Return the boxes in the order of Soft-NMS, and the scores that it leaves them.

    The best box is taken, and the scores of those of its class that overlap it decay: `linear` by
    1 - IoU where the IoU is more than `iou_limit` (exactly at the limit they stay, as in `nms`),
    `gaussian` by exp(-IoU^2 / sigma). Then the best of the rest is taken, until none reaches
    `score_threshold`. Of equal scores the first in input order is taken. Every box taken costs a
    comparison with the rest of its class: meant for hundreds of boxes.

    Args:
        boxes: (N, 4) corners in pixels of any one frame; those not `valid` are dropped.
        scores: (N,) confidences, 0..1.
        class_ids: (N,); None lets scores decay across classes.
        decay: how scores fall.
        iou_limit: 0..1, for `linear`.
        sigma: above 0, for `gaussian`; the smaller, the harsher.
        score_threshold: boxes whose score falls below are dropped.

    Returns:
        indices: (K,) into `boxes`, highest remaining score first.
        scores: (K,) the remaining scores.

    Raises:
        ValueError: `iou_limit` is outside 0..1, or the arrays differ in length.

    Source: Bodla et al., Soft-NMS, ICCV 2017, figure 2 and section 3.
    """
    usable = _usable(boxes, scores, class_ids, iou_limit)
    columns = _columns(boxes[usable])
    groups = np.zeros(len(usable), np.intp) if class_ids is None else class_ids[usable]
    remaining = np.full(len(usable), -np.inf, np.float32)
    for group in np.unique(groups):
        waiting = np.flatnonzero(groups == group)
        left = scores[usable[waiting]].astype(np.float32)
        while (reach := left >= score_threshold).any():
            best = int(left.argmax())
            taken = waiting[best]
            remaining[taken] = left[best]
            reach[best] = False
            waiting, left = waiting[reach], left[reach]
            overlap = _overlap(columns[:, taken, None], columns[:, waiting])
            if decay == "linear":
                left[overlap > iou_limit] *= 1 - overlap[overlap > iou_limit]
            else:
                left *= np.exp(-(overlap**2) / np.float32(sigma))
    taken_first = best_first(remaining)[: int((remaining > -np.inf).sum())]
    return usable[taken_first], remaining[taken_first]


def _usable(boxes: F32, scores: F32, class_ids: Index | None, iou_limit: float) -> Index:
    if not 0 <= iou_limit <= 1:
        raise ValueError(f"iou_limit: {iou_limit} is outside 0..1")
    if not len(boxes) == len(scores) == len(scores if class_ids is None else class_ids):
        raise ValueError("boxes, scores and class_ids differ in length")
    return np.flatnonzero(valid(boxes, scores))


def _columns(boxes: F32) -> F32:
    """Return (5, N): x1, y1, x2, y2 and area, each contiguous."""
    columns = np.empty((5, len(boxes)), np.float32)
    columns[:4] = boxes.T
    columns[4] = area(boxes)
    return columns


def _overlap(first: F32, second: F32) -> F32:
    """Return the IoU of boxes given as `_columns`, broadcast against each other."""
    sides = np.minimum(first[2:4], second[2:4])
    sides -= np.maximum(first[:2], second[:2])
    np.maximum(sides, np.float32(0), out=sides)
    intersection: F32 = sides[0] * sides[1]
    union = first[4] + second[4]
    union -= intersection
    np.maximum(union, _TINY, out=union)
    intersection /= union
    return intersection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Windows:
    """Where the boxes are that may overlap a given one by more than the limit.

    Attributes:
        line: (N,) boxes, by class and then by the x of their centres.
        first, last: (N,) those of box i are among line[first[i]:last[i]].
    """

    line: Index
    first: Index
    last: Index


def _windows(columns: F32, class_ids: Index | None, iou_limit: float) -> _Windows:
    """Line the boxes up and find each one's window.

    Two boxes cannot overlap by more than their extents along x do. For extents of width v and w
    whose centres are d apart, intersection / union > t implies t < v/w < 1/t and
    d < (v + w)/2 * (1 - t)/(1 + t) or, one inside the other, d < |v - w|/2. Both are below
    w/2 * (1 - t)/t, which depends on one of the boxes alone.

    Centres and widths are doubled, in float64, where sums of float32 lose nothing that matters.
    """
    count = columns.shape[1]
    limit = iou_limit * (1 - _IOU_SLACK)
    centre = np.add(columns[0], columns[2], dtype=np.float64)
    width = np.subtract(columns[2], columns[0], dtype=np.float64)
    reach = width * ((1 - limit) / limit if limit else math.inf)
    marks = np.concatenate([centre, centre - reach, centre + reach])
    if class_ids is None:
        order = np.argsort(marks, kind="stable")
    else:
        order = np.lexsort((marks, np.tile(class_ids, 3)))
    is_centre = order < count
    passed = np.empty(3 * count, np.intp)
    passed[order] = np.cumsum(is_centre)
    return _Windows(
        line=order[is_centre], first=passed[count : 2 * count], last=passed[2 * count :]
    )


def _pairs(pending: Index, windows: _Windows) -> tuple[int, Index, Index]:
    """Pair the first of `pending` with everything after them in their windows.

    Returns:
        visited: how many of `pending` there was room for, at least 1.
        better: (P,) from `pending`, in its order.
        worse: (P,) from that box's window, each of a higher number (a lower rank) than `better`.
    """
    first = windows.first[pending]
    stops = np.cumsum(windows.last[pending] - first)
    visited = max(1, int(stops.searchsorted(_PAIRS_AT_ONCE, side="right")))
    first, stops = first[:visited], stops[:visited]
    lengths = np.diff(stops, prepend=0)
    better = np.repeat(pending[:visited], lengths)
    worse = windows.line[np.arange(stops[-1]) + np.repeat(first - stops + lengths, lengths)]
    later = np.flatnonzero(worse > better)
    return visited, better[later], worse[later]
