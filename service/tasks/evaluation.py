"""How good a detector is: its boxes matched to annotated objects, counted, and ranked to an AP.

The definitions are those of COCO (Lin et al., Microsoft COCO, arXiv:1405.0312, and the evaluation
published with it, pycocotools' `cocoeval.py`), over all sizes of objects. What depends on the
order of equals does so here as there: detections in the order in which they are given, pictures
too. Everything is float64, as there.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.arrays import F32, Index, Mask

F64 = NDArray[np.float64]

COCO_IOUS: Final = tuple(np.linspace(0.5, 0.95, 10).tolist())
COCO_MAX_DETECTIONS: Final = 100
_RECALLS: Final = np.linspace(0.0, 1.0, 101)
# An IoU of exactly 1 may come out a rounding below it (`cocoeval.py`, `evaluateImg`).
_FULL_OVERLAP: Final = 1 - 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """What is in a picture, as people annotated it.

    Attributes:
        boxes: (G, 4) corners x1, y1, x2, y2, in pixels of the frame that detections are in.
        class_ids: (G,)
        crowd: (G,) True for a region of many objects: it need not be found, and whatever lies
            in it is neither right nor wrong.
    """

    boxes: F64
    class_ids: Index
    crowd: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A picture's detections beside its objects.

    Attributes:
        objects: the annotations.
        boxes: (D, 4) corners, same frame.
        scores: (D,)
        class_ids: (D,)
    """

    objects: Objects
    boxes: F32 | F64
    scores: F32 | F64
    class_ids: Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Detections and objects, counted; counts of several classes add up.

    Attributes:
        hits: detections that found an object of their own.
        false_alarms: detections that found none.
        missed: objects that no detection found.
    """

    hits: int = 0
    false_alarms: int = 0
    missed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            hits=self.hits + other.hits,
            false_alarms=self.false_alarms + other.false_alarms,
            missed=self.missed + other.missed,
        )

    @property
    def precision(self) -> float:
        """The share of detections that are right; NaN without detections."""
        return _share(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """The share of objects that are found; NaN without objects."""
        return _share(self.hits, self.hits + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; NaN with neither detections nor objects."""
        return _share(2 * self.hits, 2 * self.hits + self.false_alarms + self.missed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The detections of one class, best first, each judged at T overlaps.

    Attributes:
        scores: (D,) not rising.
        hits: (T, D) whether a detection found an object of its own.
        ignored: (T, D) whether it lies in a crowd, and so counts for nothing.
        objects: how many there are to be found.
    """

    scores: F64
    hits: Mask
    ignored: Mask
    objects: int

    @staticmethod
    def join(parts: Sequence["Ranking"], levels: int) -> "Ranking":
        """Return one ranking of all parts, with T = `levels`; equal scores keep their order."""
        nothing = np.zeros((levels, 0), np.bool_)
        scores = np.concatenate([np.zeros(0), *(part.scores for part in parts)])
        order = np.argsort(-scores, kind="stable")
        return Ranking(
            scores=scores[order],
            hits=np.concatenate([nothing, *(part.hits for part in parts)], axis=1)[:, order],
            ignored=np.concatenate([nothing, *(part.ignored for part in parts)], axis=1)[:, order],
            objects=sum(part.objects for part in parts),
        )


def rank(
    pictures: Iterable[Judged],
    class_ids: Iterable[int],
    *,
    ious: Sequence[float] = COCO_IOUS,
    max_detections: int = COCO_MAX_DETECTIONS,
) -> dict[int, Ranking]:
    """Return, for each class asked for, all its detections in all pictures, judged.

    Args:
        pictures: detections beside objects.
        class_ids: of the classes that can be judged; of others nobody said where they are.
        ious: T overlaps, 0..1; a detection whose IoU with an object is exactly that finds it.
        max_detections: of one class in one picture; the best ones count.
    """
    parts: dict[int, list[Ranking]] = {class_id: [] for class_id in class_ids}
    thresholds = np.minimum(np.array(ious, np.float64), _FULL_OVERLAP)
    for picture in pictures:
        there = {*picture.class_ids.tolist(), *picture.objects.class_ids.tolist()}
        for class_id in there & parts.keys():
            parts[class_id].append(_judge(picture, class_id, thresholds, max_detections))
    return {class_id: Ranking.join(part, len(ious)) for class_id, part in parts.items()}


def match(overlaps: F64, crowd: Mask, thresholds: F64) -> tuple[Mask, Mask]:
    """Match detections, best first, each to the free object that it overlaps most.

    An object is found once; of equal overlaps the last object is taken. A detection that finds
    none, but lies in a crowd, is ignored.

    Args:
        overlaps: (D, G) as `overlap` returns them, the best detection first.
        crowd: (G,)
        thresholds: (T,) the least overlap that counts.

    Returns:
        hits: (T, D) whether a detection found an object.
        ignored: (T, D) whether it is to be ignored.
    """
    hits = np.zeros((len(thresholds), len(overlaps)), np.bool_)
    ignored = np.zeros_like(hits)
    if not crowd.size:
        return hits, ignored
    free = np.repeat(~crowd[None], len(thresholds), axis=0)
    for place, row in enumerate(overlaps):
        near = row >= thresholds[:, None]
        reach = near & free
        hit = reach.any(axis=1)
        best = len(row) - 1 - np.where(reach, row, -1.0)[:, ::-1].argmax(axis=1)
        free[hit, best[hit]] = False
        hits[:, place] = hit
        ignored[:, place] = ~hit & (near & crowd).any(axis=1)
    return hits, ignored


def overlap(boxes: F64, objects: F64, crowd: Mask) -> F64:
    """Return how much each of (D, 4) boxes overlaps each of (G, 4) objects, (D, G), 0..1.

    That is the intersection over the union; for a crowd over the box alone, since only a part of
    a crowd can be expected to be in it.

    >>> pair = np.array([[0.0, 0, 4, 4], [0, 0, 4, 4]])
    >>> overlap(np.array([[0.0, 0, 4, 2]]), pair, np.array([False, True]))
    array([[0.5, 1. ]])
    """
    low = np.maximum(boxes[:, None, :2], objects[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], objects[None, :, 2:])
    intersection = np.maximum(high - low, 0.0).prod(axis=2)
    own = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[:, None]
    theirs = (objects[:, 2:] - objects[:, :2]).prod(axis=1)
    whole = np.where(crowd, own, own + theirs - intersection)
    shares: F64 = np.divide(
        intersection, whole, out=np.zeros_like(intersection), where=intersection > 0
    )
    return shares


def average_precision(ranking: Ranking) -> F64:
    """Return the average precision at each of T overlaps, (T,), 0..1; NaN without objects.

    It is the mean, over the recalls 0, 0.01 ... 1, of the best precision at that recall or a
    higher one; 0 where that recall is not reached.
    """
    if not ranking.objects:
        return np.full(len(ranking.hits), np.nan)
    hits = np.cumsum(ranking.hits, axis=1)
    shown = np.cumsum(~ranking.ignored, axis=1)
    recall = hits / ranking.objects
    precision = hits / np.maximum(shown, 1)
    best_on = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.pad(best_on, ((0, 0), (0, 1)))  # beyond the last detection: 0
    sampled = [
        row[np.searchsorted(at, _RECALLS)].mean() for row, at in zip(reached, recall, strict=True)
    ]
    return np.array(sampled)


def count(ranking: Ranking, score_threshold: float, at: int = 0) -> Counts:
    """Count what the detections that reach `score_threshold` find at the `at`-th overlap."""
    told = ranking.scores >= score_threshold
    hits = int((ranking.hits[at] & told).sum())
    alarms = int((~ranking.hits[at] & ~ranking.ignored[at] & told).sum())
    return Counts(hits=hits, false_alarms=alarms, missed=ranking.objects - hits)


def best_threshold(rankings: Collection[Ranking], at: int = 0) -> float:
    """Return the score threshold with the highest F1 over all classes; NaN if none finds any.

    Args:
        rankings: one or more, judged at the same overlaps.
        at: the place of the overlap that counts.
    """
    together = Ranking.join([*rankings], len(next(iter(rankings)).hits))
    hits = np.cumsum(together.hits[at])
    shown = np.cumsum(~together.ignored[at])
    f1 = 2 * hits / np.maximum(shown + together.objects, 1)
    last_of_equals = np.diff(together.scores, append=-math.inf) < 0
    best = np.where(last_of_equals, f1, 0.0)
    return float(together.scores[best.argmax()]) if best.any() else math.nan


def mean(values: Iterable[float]) -> float:
    """Return the mean of those that are numbers; NaN if none is."""
    numbers = [value for value in values if not math.isnan(value)]
    return _share(math.fsum(numbers), len(numbers))


def _judge(picture: Judged, class_id: int, thresholds: F64, limit: int) -> Ranking:
    """Return the ranking of one class in one picture."""
    objects = picture.objects
    own = objects.class_ids == class_id
    mine = np.flatnonzero(picture.class_ids == class_id)
    mine = mine[np.argsort(-picture.scores[mine], kind="stable")[:limit]]
    crowd = objects.crowd[own]
    overlaps = overlap(picture.boxes[mine].astype(np.float64), objects.boxes[own], crowd)
    hits, ignored = match(overlaps, crowd, thresholds)
    scores = picture.scores[mine].astype(np.float64)
    return Ranking(scores=scores, hits=hits, ignored=ignored, objects=int((~crowd).sum()))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
