"""The report on a detector: its figures, its order and its table."""

import math

import numpy as np
import pytest

from service.cli.detection_report import DetectionReport, report
from service.tasks.evaluation import Judged, Objects

LABELS = {1: "cat", 2: "dog", 3: "emu", 4: "yak"}
CAT, DOG, EMU, YAK = LABELS


def box(place: int, shift: float = 0.0) -> list[float]:
    """Return a box of 10 by 10 pixels, apart from those at other places."""
    return [20.0 * place + shift, 0, 20.0 * place + shift + 10, 10]


def judged(objects: list[tuple[int, int]], found: list[tuple[int, float, int, float]]) -> Judged:
    """Make a picture of objects (place, class) and detections (place, shift, class, score)."""
    return Judged(
        objects=Objects(
            boxes=np.array([box(place) for place, _ in objects], np.float64),
            class_ids=np.array([class_id for _, class_id in objects], np.intp),
            crowd=np.zeros(len(objects), np.bool_),
        ),
        boxes=np.array([box(place, shift) for place, shift, *_ in found], np.float32),
        scores=np.array([score for *_, score in found], np.float32),
        class_ids=np.array([class_id for _, _, class_id, _ in found], np.intp),
    )


@pytest.fixture
def made() -> DetectionReport:
    seen = judged(
        [(0, CAT), (1, CAT), (2, DOG)],
        [
            (0, 2.0, CAT, 0.9),  # IoU 2/3: found up to 0.65, four of ten overlaps
            (2, 0.0, DOG, 0.8),
            (1, 0.0, CAT, 0.4),
            (3, 0.0, EMU, 0.7),
        ],
    )
    return report(
        [seen],
        LABELS,
        model="zoo",
        iou=0.5,
        score_threshold=0.5,
        unknown={"yeti": 2},
        left_out={"x.jpg": "is not in the folder of pictures"},
    )


def test_the_figures_of_each_class(made: DetectionReport) -> None:
    rows = {row.label: row for row in made.classes}

    assert rows["dog"].ap == rows["dog"].ap50 == 1
    assert rows["cat"].ap50 == 1
    # Beyond 0.65 the second detection is the first to be right: precision 1/2 up to recall 1/2.
    assert rows["cat"].ap == pytest.approx((4 * 1 + 6 * 0.5 * 51 / 101) / 10)
    assert (rows["cat"].counts.precision, rows["cat"].counts.recall) == (1, 0.5)
    assert math.isnan(rows["emu"].ap)
    assert rows["emu"].counts.precision == 0


def test_the_total_is_the_mean_over_classes_with_objects_and_the_sum_of_counts(
    made: DetectionReport,
) -> None:
    total = made.total

    assert total.ap50 == 1
    assert total.ap == pytest.approx(np.mean([row.ap for row in made.classes[:2]]))
    assert total.objects == 3
    assert (total.counts.precision, total.counts.recall) == (2 / 3, 2 / 3)
    assert made.best_f1_score_threshold == pytest.approx(0.4)


def test_classes_are_sorted_by_ap_and_those_without_objects_come_last(
    made: DetectionReport,
) -> None:
    assert [row.label for row in made.classes] == ["dog", "cat", "emu", "yak"]


def test_the_table(made: DetectionReport) -> None:
    assert made.text().splitlines() == [
        "per cent    objects         AP       AP50  precision     recall",
        "dog               1      100.0      100.0      100.0      100.0",
        "cat               2       55.1      100.0      100.0       50.0",
        "emu               0          -          -        0.0          -",  # a false alarm
        "all 4             3       77.6      100.0       66.7       66.7",
        "zoo on 1 pictures; precision and recall of scores from 0.5, at IoU 0.5: F1 66.7",
        "F1 is highest with scores from 0.400",
        "unknown to the model: yeti, 2 objects",
        "left out: x.jpg: is not in the folder of pictures",
    ]


def test_the_overlap_of_precision_and_recall_is_the_callers() -> None:
    seen = judged([(0, CAT)], [(0, 2.0, CAT, 0.9)])
    at = {
        iou: report(
            [seen], LABELS, model="zoo", iou=iou, score_threshold=0.5, unknown={}, left_out={}
        )
        for iou in (0.3, 0.7)
    }

    assert (at[0.3].total.counts.recall, at[0.7].total.counts.recall) == (1, 0)
    assert at[0.3].total.ap == at[0.7].total.ap
