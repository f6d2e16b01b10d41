"""Boxes as (N, 4) arrays of corners x1, y1, x2, y2: area, overlap, clipping and suppression.

Nothing here knows a network or an image. Boxes and scores are float32 and are computed with as
float32; a box is compared with others in its own coordinates. (The usual trick of moving every
class to a place of its own adds `class * offset` to each corner, which in float32 rounds away the
low bits of the very differences that decide an overlap.)
"""

from typing import Final, Literal

import numpy as np

from service.arrays import F32, Index, Mask

# Boxes are settled in blocks, each first within itself. A block of this size holds what a usual
# threshold leaves of one image, and its matrices stay in a second-level cache.
_BLOCK: Final = 128
_CHUNK: Final = 512

Decay = Literal["linear", "gaussian"]


def area(boxes: F32) -> F32:
    """Return the areas of (N, 4) boxes as (N,), 0 where a side is not positive.

    >>> area(np.array([[1, 2, 4, 4], [3, 0, 1, 9]], np.float32))
    array([6., 0.], dtype=float32)
    """
    surface: F32 = _columns(boxes)[4]
    return surface


def clip(boxes: F32, size: tuple[int, int]) -> F32:
    """Return a copy of (N, 4) boxes with every corner inside an image of `size` (height, width).

    >>> clip(np.array([[-3, 2, 50, 40]], np.float32), (30, 20))
    array([[ 0.,  2., 20., 30.]], dtype=float32)
    """
    height, width = size
    inside: F32 = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    return inside


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
    return _valid(_columns(boxes), scores)


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
    columns, others = _columns(first), _columns(second)
    # Two empty boxes have no union to divide by; any other area makes their quotient 0.
    columns[4, columns[4] == 0] = 1
    return _overlap(columns[:, :, None], others[:, None, :])


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
    _check(boxes, scores, class_ids, iou_limit)
    columns = _columns(boxes)
    usable = np.flatnonzero(_valid(columns, scores))
    classes = np.zeros(len(boxes), np.intp) if class_ids is None else class_ids
    if len(usable) <= _BLOCK:
        order = usable[best_first(scores[usable])]
        return order[_first_come(columns.take(order, axis=1), classes[order], iou_limit)]
    # Class by class, best first: whatever a box can drop comes after it in an unbroken stretch.
    order = usable[np.lexsort((-scores[usable], classes[usable]))]
    kept = order[_class_by_class(columns.take(order, axis=1), classes[order], iou_limit)]
    kept.sort()
    return kept[best_first(scores[kept])]


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
    _check(boxes, scores, class_ids, iou_limit)
    usable = np.flatnonzero(valid(boxes, scores))
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


def _check(boxes: F32, scores: F32, class_ids: Index | None, iou_limit: float) -> None:
    if not 0 <= iou_limit <= 1:
        raise ValueError(f"iou_limit: {iou_limit} is outside 0..1")
    if not len(boxes) == len(scores) == len(scores if class_ids is None else class_ids):
        raise ValueError("boxes, scores and class_ids differ in length")


def _columns(boxes: F32) -> F32:
    """Return (5, N): x1, y1, x2, y2 and the area, which is 0 where a side is not positive."""
    columns = np.empty((5, len(boxes)), np.float32)
    columns[:4] = boxes.T
    with np.errstate(invalid="ignore", over="ignore"):
        sides = columns[2:4] - columns[:2]
        np.maximum(sides, np.float32(0), out=sides)
        np.multiply(sides[0], sides[1], out=columns[4])
    return columns


def _valid(columns: F32, scores: F32) -> Mask:
    surface = columns[4]
    mask: Mask = (surface > 0) & (surface < np.inf) & ~np.isnan(scores)
    return mask


def _overlap(first: F32, second: F32) -> F32:
    """Return the IoU of boxes given as `_columns`, broadcast against each other."""
    with np.errstate(over="ignore"):  # an infinite union, or distance, is as good as a huge one
        sides = np.minimum(first[2:4], second[2:4])
        sides -= np.maximum(first[:2], second[:2])
        np.maximum(sides, np.float32(0), out=sides)
        width, height = sides
        intersection: F32 = np.multiply(width, height, out=width)
        union = np.add(first[4], second[4], out=height)
    union -= intersection
    intersection /= union
    return intersection


def _class_by_class(columns: F32, classes: Index, iou_limit: float) -> Index:
    """Return which of N boxes, ordered by class and best first, stay."""
    waiting = np.arange(len(classes))
    survivors = []
    while waiting.size:
        block, waiting = waiting[:_BLOCK], waiting[_BLOCK:]
        kept = block[_first_come(columns.take(block, axis=1), classes[block], iou_limit)]
        survivors.append(kept)
        # Only the block's last class can go on behind it.
        going_on = classes[block[-1]]
        end = int(classes[waiting].searchsorted(going_on, side="right"))
        rivals = columns.take(kept[classes[kept] == going_on], axis=1)
        free = _free_of(rivals, columns.take(waiting[:end], axis=1), iou_limit)
        waiting = np.concatenate([waiting[:end][free], waiting[end:]])
    return np.concatenate(survivors)


def _first_come(columns: F32, classes: Index, iou_limit: float) -> Mask:
    """Return which of N boxes, best first, stay if each that stays drops its later rivals."""
    free = _overlap(columns[:, :, None], columns[:, None, :]) <= iou_limit
    free |= classes[:, None] != classes
    free.flat[:: len(free) + 1] = True
    stays = bytearray(b"\1" * len(free))  # one item of it is read faster than one of an array
    kept = np.frombuffer(stays, np.bool_)
    for row in np.flatnonzero(~free.all(axis=1)).tolist():
        if stays[row]:  # then its rivals all come later: an earlier one would have dropped it
            np.logical_and(kept, free[row], out=kept)
    return kept


def _free_of(rivals: F32, columns: F32, iou_limit: float) -> Mask:
    """Return (N,): which of N boxes overlap none of `rivals` by more than the limit."""
    free = np.ones(columns.shape[1], np.bool_)
    for start in range(0, len(free), _CHUNK):
        chunk = columns[:, None, start : start + _CHUNK]
        overlap = _overlap(rivals[:, :, None], chunk)
        free[start : start + _CHUNK] = (overlap <= iou_limit).all(axis=0)
    return free
