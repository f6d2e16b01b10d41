"""The two figures, by hand and against a loop."""

import numpy as np
import pytest

from service.arrays import Array
from tools.train_unet.scores import foreground_iou, instance_score

A = np.array([[1, 1, 0, 2], [1, 1, 0, 2]])


@pytest.mark.parametrize(
    ("labels", "foreground", "iou"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2), bool), 1.0),  # nothing there, nothing said
        (np.zeros((2, 2)), np.ones((2, 2), bool), 0.0),
        (A, A > 0, 1.0),
        (A, A == 1, 4 / 6),  # two pixels are missed
        (A, np.ones((2, 4), bool), 6 / 8),
    ],
)
def test_foreground_iou(labels: Array, foreground: Array, iou: float) -> None:
    assert foreground_iou(labels, foreground) == pytest.approx(iou)


@pytest.mark.parametrize(
    ("found", "score"),
    [
        (A, 1.0),
        (np.where(A == 1, 7, np.where(A == 2, 3, 0)), 1.0),  # the numbers do not matter
        (np.zeros_like(A), 0.0),
        (np.where(A == 1, 1, 0), 1 / 2),  # one of two, nothing false
        (np.where(A > 0, 1, 0), 1 / 2),  # both as one: IoU 4/6 with the first
        (np.array([[1, 2, 0, 3], [1, 2, 0, 3]]), 1 / 4),  # halves have an IoU of just 0.5
    ],
)
def test_instance_score(found: Array, score: float) -> None:
    assert instance_score(A, found) == pytest.approx(score)


def test_without_nuclei() -> None:
    empty = np.zeros((3, 3), int)
    assert instance_score(empty, empty) == 1.0
    assert instance_score(empty, np.eye(3, dtype=int)) == 0.0


def test_equals_a_loop() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        labels, found = random.integers(0, 5, (2, 6, 6))
        found[labels > 2] = labels[labels > 2]
        hits = 0
        for one in np.unique(labels[labels > 0]):
            for other in np.unique(found[found > 0]):
                union = ((labels == one) | (found == other)).sum()
                hits += ((labels == one) & (found == other)).sum() / union > 0.5
        truths, answers = (len(np.unique(side[side > 0])) for side in (labels, found))
        # Numbers that do not occur are no nuclei.
        assert instance_score(labels, found) == pytest.approx(hits / (truths + answers - hits))
