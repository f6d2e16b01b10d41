"""Figures of answers that are known."""

from pathlib import Path

import numpy as np
import pytest

from service.engine.manifest import read_folder
from service.tasks.evaluation import Judged, Objects
from tools.graph import MODELS
from tools.quantize.accuracy import Classified, Detected, classify
from tools.quantize.bound import Bound


def test_classes() -> None:
    truth = np.array([1, 2, 3, 4])
    exact = Classified(ranked=np.array([[1, 9], [2, 9], [3, 9], [9, 8]]), truth=truth)
    rounded = Classified(ranked=np.array([[1, 9], [9, 2], [3, 9], [9, 4]]), truth=truth)

    assert exact.figures(exact) == {"top-1": 75, "top-5": 75, "same first class": 100}
    assert rounded.figures(exact) == {"top-1": 50, "top-5": 100, "same first class": 75}


def test_the_name_of_a_file_is_its_class(digit_files: Path) -> None:
    bound = Bound(read_folder(MODELS / "lenet5-digits"))

    seen = classify(bound, sorted(digit_files.iterdir()))

    assert seen.figures(seen)["top-1"] == 100


def detected(*boxes: tuple[float, float, float, float], scores: list[float]) -> Detected:
    objects = Objects(
        boxes=np.array([[0.0, 0, 10, 10]]), class_ids=np.array([0]), crowd=np.array([False])
    )
    judged = Judged(
        objects=objects,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        class_ids=np.zeros(len(scores), np.intp),
    )
    return Detected(judged=[judged], class_ids=(0,), threshold=0.3)


@pytest.mark.parametrize(
    ("other", "ap50", "same"),
    [
        (detected((0, 0, 10, 10), scores=[0.9]), 100, 100),  # itself
        (detected((0, 0, 10, 8), scores=[0.9]), 100, 100),  # a box that overlaps enough
        (detected((20, 20, 30, 30), scores=[0.9]), 0, 0),  # elsewhere
        (detected((0, 0, 10, 10), scores=[0.2]), 100, 0),  # below what it would tell of
        (detected((0, 0, 10, 10), (20, 20, 30, 30), scores=[0.9, 0.8]), 100, 100 * 2 / 3),
        (detected(scores=[]), 0, 0),
    ],
)
def test_boxes(other: Detected, ap50: float, same: float) -> None:
    exact = detected((0, 0, 10, 10), scores=[0.9])

    figures = other.figures(exact)

    assert figures["AP50"] == pytest.approx(ap50)
    assert figures["same boxes"] == pytest.approx(same)


def test_two_that_tell_of_nothing_agree() -> None:
    nothing = detected(scores=[])

    assert nothing.figures(nothing)["same boxes"] == 100
