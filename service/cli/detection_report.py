"""What was measured of a detector, as a table for people and as figures for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.tasks.evaluation import (
    COCO_IOUS,
    Counts,
    Judged,
    Ranking,
    average_precision,
    best_threshold,
    count,
    mean,
    rank,
)

UNIT = "per cent"
COLUMNS = ("objects", "AP", "AP50", "precision", "recall")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One class, or all together; NaN where there is nothing to take a share of.

    Attributes:
        label: of the class.
        objects: how many there were to be found.
        ap: mean over the overlaps 0.50, 0.55 ... 0.95; of all classes, mean over them; 0..1.
        ap50: the same at the overlap 0.50 alone.
        counts: at the report's score threshold and IoU; of all classes, their sum.
    """

    label: str
    objects: int
    ap: float
    ap50: float
    counts: Counts

    def as_dict(self) -> dict[str, object]:
        """Return the figures by name, shares 0..1."""
        return {
            "label": self.label,
            "objects": self.objects,
            "ap": self.ap,
            "ap50": self.ap50,
            "precision": self.counts.precision,
            "recall": self.counts.recall,
            "f1": self.counts.f1,
            "hits": self.counts.hits,
            "false_alarms": self.counts.false_alarms,
            "missed": self.counts.missed,
        }

    def text(self, width: int) -> str:
        """Return a line of the table, shares in per cent."""
        shares = (self.ap, self.ap50, self.counts.precision, self.counts.recall)
        cells = "".join(f"  {_percent(share):>9}" for share in shares)
        return f"{self.label:{width}}  {self.objects:9}{cells}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionReport:
    """A detector's figures on a data set.

    Attributes:
        model: its name.
        pictures: how many were judged.
        iou: the overlap at which precision and recall are counted.
        score_threshold: detections below it do not count in them.
        best_f1_score_threshold: the one with which F1 is highest; NaN if nothing was found.
        total: over all classes.
        classes: the highest AP first, those without objects last.
        unknown: categories that the model does not have, and how many objects each has.
        left_out: pictures that could not be judged, and why.
    """

    model: str
    pictures: int
    iou: float
    score_threshold: float
    best_f1_score_threshold: float
    total: Row
    classes: tuple[Row, ...]
    unknown: Mapping[str, int]
    left_out: Mapping[str, str]

    def as_dict(self) -> dict[str, object]:
        """Return everything by name, shares 0..1."""
        return {
            "model": self.model,
            "pictures": self.pictures,
            "iou": self.iou,
            "score_threshold": self.score_threshold,
            "best_f1_score_threshold": self.best_f1_score_threshold,
            "total": self.total.as_dict(),
            "classes": [row.as_dict() for row in self.classes],
            "unknown_categories": dict(self.unknown),
            "left_out": dict(self.left_out),
        }

    def text(self) -> str:
        """Return a table of the classes that matter, the total, and what to know about them."""
        rows = [row for row in self.classes if row.objects or row.counts.false_alarms]
        rows.append(self.total)
        width = max(len(UNIT), *(len(row.label) for row in rows))
        heading = "".join(f"  {column:>9}" for column in COLUMNS)
        lines = [f"{UNIT:{width}}{heading}", *(row.text(width) for row in rows)]
        lines += [
            f"{self.model} on {self.pictures} pictures; precision and recall of scores from "
            f"{self.score_threshold:g}, at IoU {self.iou:g}: F1 {_percent(self.total.counts.f1)}",
            f"F1 is highest with scores from {self.best_f1_score_threshold:.3f}",
        ]
        lines += [
            f"unknown to the model: {label}, {objects} objects"
            for label, objects in self.unknown.items()
        ]
        lines += [f"left out: {name}: {reason}" for name, reason in self.left_out.items()]
        return "\n".join(lines)


def report(
    judged: Sequence[Judged],
    labels: Mapping[int, str],
    *,
    model: str,
    iou: float,
    score_threshold: float,
    unknown: Mapping[str, int],
    left_out: Mapping[str, str],
) -> DetectionReport:
    """Work out the figures.

    Args:
        judged: each picture's detections beside its objects.
        labels: by class id, of the classes to report on.
        model: its name.
        iou: for precision and recall, 0..1.
        score_threshold: for the same, 0..1.
        unknown: passed on.
        left_out: passed on.
    """
    rankings = rank(judged, labels, ious=(*COCO_IOUS, iou))
    rows = [_row(labels[index], one, score_threshold) for index, one in rankings.items()]
    rows.sort(key=lambda row: (not row.objects, -row.ap if row.objects else 0.0, row.label))
    total = Row(
        label=f"all {len(rows)}",
        objects=sum(row.objects for row in rows),
        ap=mean(row.ap for row in rows),
        ap50=mean(row.ap50 for row in rows),
        counts=sum((row.counts for row in rows), Counts()),
    )
    return DetectionReport(
        model=model,
        pictures=len(judged),
        iou=iou,
        score_threshold=score_threshold,
        best_f1_score_threshold=best_threshold(rankings.values(), at=-1),
        total=total,
        classes=tuple(rows),
        unknown=unknown,
        left_out=left_out,
    )


def _row(label: str, ranking: Ranking, score_threshold: float) -> Row:
    precisions = average_precision(ranking)[:-1]  # the last is at `iou`, for the counts
    return Row(
        label=label,
        objects=ranking.objects,
        ap=float(precisions.mean()),
        ap50=float(precisions[COCO_IOUS.index(0.5)]),
        counts=count(ranking, score_threshold, at=-1),
    )


def _percent(share: float) -> str:
    """Return `28.5`, or a dash for NaN."""
    return "-" if share != share else f"{share:.1%}".removesuffix("%")
