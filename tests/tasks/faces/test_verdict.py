"""Verdicts: at most the threshold matches, and what cannot be judged is not."""

import numpy as np
import pytest

from service.tasks.faces.verdict import compare
from tests.tasks.faces.test_calibration import curve

POINT = curve().at(0.6)
ORIGIN = np.zeros(2, np.float32)


@pytest.mark.parametrize(
    ("other", "verified", "distance", "similarity"),
    [
        ([0.0, 0.0], True, 0.0, 1.0),
        ([0.0, 0.3], True, 0.3, 0.7),
        ([0.36, 0.48], True, 0.6, 0.4),
        ([0.0, 0.61], False, 0.61, 0.39),
        ([3.0, 4.0], False, 5.0, 0.0),
    ],
)
def test_a_verdict(other: list[float], verified: bool, distance: float, similarity: float) -> None:
    found = compare(ORIGIN, np.array(other, np.float64), POINT, usual_threshold=0.5)
    assert found.verified is verified
    assert found.distance == pytest.approx(distance, abs=1e-6)
    assert found.similarity == pytest.approx(similarity, abs=1e-6)
    assert found.point is POINT


def test_what_cannot_be_judged_is_not() -> None:
    found = compare(ORIGIN, ORIGIN, POINT, usual_threshold=0.5, comparable=False)
    assert found.verified is None
    assert found.distance == 0
