"""What a decoder finds, and which of it is told: class filter, cap, suppression, limit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from service.arrays import F32, Index
from service.tasks.boxes import best_first, nms, soft_nms, valid

Suppression = Literal["greedy", "soft_linear", "soft_gaussian", "none"]
"""How duplicates are removed; "none" is for networks trained to give each object one box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Boxes that reached the score threshold, in no particular order.

    Attributes:
        boxes: (K, 4) corners x1, y1, x2, y2 in network-input pixels, not clipped.
        scores: (K,) 0..1, never NaN.
        class_ids: (K,)
    """

    boxes: F32
    scores: F32
    class_ids: Index

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, index: Index) -> "Candidates":
        """Return the candidates at (M,) `index`, in its order."""
        return Candidates(
            boxes=self.boxes[index], scores=self.scores[index], class_ids=self.class_ids[index]
        )

    @staticmethod
    def join(parts: Sequence["Candidates"]) -> "Candidates":
        """Return the candidates of all parts (at least one), in order."""
        return Candidates(
            boxes=np.concatenate([part.boxes for part in parts]),
            scores=np.concatenate([part.scores for part in parts]),
            class_ids=np.concatenate([part.class_ids for part in parts]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is left to tell.

    Attributes:
        detections: best score first.
        truncated: True if `max_candidates` or `max_detections` left something out.
    """

    detections: Candidates
    truncated: bool


def select(
    candidates: Candidates,
    *,
    suppression: Suppression = "greedy",
    class_agnostic: bool = False,
    iou_limit: float = 0.45,
    sigma: float = 0.5,
    score_threshold: float = 0.0,
    classes: Collection[int] | None = None,
    max_candidates: int = 3000,
    max_detections: int = 300,
) -> Selection:
    """Return the detections among candidates, best score first.

    In this order: other classes go, then what is beyond the best `max_candidates` (so that a low
    threshold costs a bounded time), then duplicates, then what is beyond `max_detections`. Of
    equal scores the first in input order is the better one throughout.

    Args:
        candidates: of one image.
        suppression: how duplicates are removed.
        class_agnostic: whether boxes of different classes can be duplicates.
        iou_limit: 0..1; for greedy and soft_linear.
        sigma: for soft_gaussian.
        score_threshold: 0..1; what soft suppression lowers below it is dropped.
        classes: the class ids to keep; None keeps all.
        max_candidates: how many are compared with each other.
        max_detections: how many are told.

    Raises:
        ValueError: `iou_limit` is outside 0..1.
    """
    if classes is not None:
        candidates = candidates.take(np.flatnonzero(np.isin(candidates.class_ids, list(classes))))
    crowded = len(candidates) > max_candidates
    if crowded:
        candidates = candidates.take(best_first(candidates.scores, max_candidates))
    kept, scores = _suppress(
        candidates, suppression, class_agnostic, iou_limit, sigma, score_threshold
    )
    truncated = crowded or len(kept) > max_detections
    kept, scores = kept[:max_detections], scores[:max_detections]
    detections = Candidates(
        boxes=candidates.boxes[kept], scores=scores, class_ids=candidates.class_ids[kept]
    )
    return Selection(detections=detections, truncated=truncated)


def _suppress(
    candidates: Candidates,
    suppression: Suppression,
    class_agnostic: bool,
    iou_limit: float,
    sigma: float,
    score_threshold: float,
) -> tuple[Index, F32]:
    """Return the indices that stay, best first, and their scores."""
    boxes, scores = candidates.boxes, candidates.scores
    groups = None if class_agnostic else candidates.class_ids
    if suppression == "none":
        usable = np.flatnonzero(valid(boxes, scores))
        kept = usable[best_first(scores[usable])]
        return kept, scores[kept]
    if suppression == "greedy":
        kept = nms(boxes, scores, groups, iou_limit=iou_limit)
        return kept, scores[kept]
    return soft_nms(
        boxes,
        scores,
        groups,
        decay="linear" if suppression == "soft_linear" else "gaussian",
        iou_limit=iou_limit,
        sigma=sigma,
        score_threshold=score_threshold,
    )
