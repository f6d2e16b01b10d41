"""How much a graph knows: classes of labelled photographs, COCO's AP, agreement with another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.arrays import Index
from service.cli.coco import read_coco
from service.engine.manifest import ModelFolder
from service.tasks.classify import ClassifyOptions
from service.tasks.detect import DetectConfig, DetectOptions
from service.tasks.evaluation import (
    COCO_IOUS,
    COCO_MAX_DETECTIONS,
    Judged,
    Objects,
    average_precision,
    mean,
    rank,
)
from tools.quantize.bound import Bound

LOWEST_SCORE = 0.001  # what comes below is too far down the ranking to add to an AP
TOP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """What a classifier said of N labelled photographs.

    Attributes:
        ranked: (N, K) class ids, best first, K at most 5.
        truth: (N,)
    """

    ranked: Index
    truth: Index

    def figures(self, other: "Classified") -> dict[str, float]:
        """Return top-1, top-5 and the share with the same first class as `other`, in per cent."""
        right = self.ranked == self.truth[:, None]
        return {
            "top-1": 100 * float(right[:, 0].mean()),
            "top-5": 100 * float(right.any(axis=1).mean()),
            "same first class": 100 * float((self.ranked[:, 0] == other.ranked[:, 0]).mean()),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What a detector said of annotated photographs.

    Attributes:
        judged: detections beside objects.
        class_ids: those that can be judged.
        threshold: the detector's own for scores.
    """

    judged: Sequence[Judged]
    class_ids: tuple[int, ...]
    threshold: float

    def figures(self, other: "Detected") -> dict[str, float]:
        """Return AP, AP50 and agreement with `other`, in per cent.

        Agreement is the share of objects that both tell of, at the detector's own threshold: twice
        the boxes that match one of the other's of the same class with an IoU of at least 0.5,
        over the boxes of both.
        """
        rankings = rank(self.judged, self.class_ids).values()
        precisions = [average_precision(one) for one in rankings]
        return {
            "AP": 100 * mean(float(one.mean()) for one in precisions),
            "AP50": 100 * mean(float(one[COCO_IOUS.index(0.5)]) for one in precisions),
            "same boxes": 100 * self._agreement(other),
        }

    def _agreement(self, other: "Detected") -> float:
        pairs = zip(self.judged, other.judged, strict=True)
        compared = [_beside(mine, theirs, self.threshold) for mine, theirs in pairs]
        rankings = rank(compared, self.class_ids, ious=(0.5,)).values()
        matched = sum(int(one.hits.sum()) for one in rankings)
        told = sum(len(one.scores) + one.objects for one in rankings)
        return 2 * matched / told if told else 1.0


def classify(bound: Bound, photographs: Sequence[Path]) -> Classified:
    """Put photographs to a classifier; a file's name begins with its class id, `285_…`."""
    options = ClassifyOptions(top_k=TOP)
    answers = [bound.answer(path, options) for path in photographs]
    ranked = [[one.class_id for one in answer.predictions] for answer in answers]
    truth = [int(path.name.split("_", 1)[0]) for path in photographs]
    return Classified(ranked=np.array(ranked, np.intp), truth=np.array(truth, np.intp))


def detect(bound: Bound, folder: ModelFolder, photographs: Path, annotations: Path) -> Detected:
    """Put annotated photographs to a detector; the annotations are JSON in COCO's format."""
    config = folder.config
    assert isinstance(config, DetectConfig)
    data = read_coco(annotations, photographs, config.labels)
    options = DetectOptions(score_threshold=LOWEST_SCORE, max_detections=COCO_MAX_DETECTIONS)
    judged = []
    for photo in data.photos:
        found = bound.answer(photo.path, options)
        judged.append(
            Judged(
                objects=photo.objects,
                boxes=found.boxes_source,
                scores=found.scores,
                class_ids=found.class_ids,
            )
        )
    return Detected(judged=judged, class_ids=tuple(data.labels), threshold=config.score_threshold)


def _beside(mine: Judged, theirs: Judged, threshold: float) -> Judged:
    """Put the boxes that one detector tells of beside those that another does."""
    told, others = mine.scores >= threshold, theirs.scores >= threshold
    objects = Objects(
        boxes=theirs.boxes[others].astype(np.float64),
        class_ids=theirs.class_ids[others],
        crowd=np.zeros(int(others.sum()), np.bool_),
    )
    return Judged(
        objects=objects,
        boxes=mine.boxes[told],
        scores=mine.scores[told],
        class_ids=mine.class_ids[told],
    )
