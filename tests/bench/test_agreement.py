"""Who may be compared."""

import pytest

from bench.agreement import disagreement


def found(label, score, x=0.0):
    box = {"x1": x, "y1": 0.0, "x2": x + 100.0, "y2": 100.0}
    return {"label": label, "score": score, "box": box}


CUP = {"detections": [found("cup", 0.8)]}


@pytest.mark.parametrize(
    ("detections", "said"),
    [
        ([found("cup", 0.8)], ""),
        ([found("cup", 0.4, 5.0)], ""),  # suspected, a little aside
        ([found("cup", 0.8), found("spoon", 0.45)], ""),  # it is not sure of the spoon
        ([], "misses ['cup']"),
        ([found("cup", 0.3)], "misses ['cup']"),
        ([found("cup", 0.4, 20.0)], "misses ['cup']"),  # elsewhere, and not sure of it
        ([found("cup", 0.8), found("spoon", 0.6)], "invents ['spoon']"),
        ([found("bowl", 0.9)], "misses ['cup'], invents ['bowl']"),
    ],
)
def test_boxes(detections, said):
    assert disagreement({"detections": detections}, CUP) == said


def test_the_best_class_must_be_the_same():
    cat, dog = ({"predictions": [{"label": label, "score": 0.5}]} for label in ("cat", "dog"))
    assert disagreement(cat, cat) == ""
    assert disagreement(dog, cat) == "'dog' instead of 'cat'"
