"""Detection as a task: from a head's raw numbers to boxes in the picture's own pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.errors import InvalidOption
from service.imaging.picture import Picture
from service.tasks.base import ConfigError, Network, TensorInfo
from service.tasks.detect import Detect, DetectConfig, Detections, DetectOptions
from service.tasks.inputs import InputSpec

LABELS = ["person", "dog", "traffic light"]
ROWS = 4


def config(**changes: Any) -> DetectConfig:
    values: dict[str, Any] = {
        "labels": LABELS,
        "head": {"decoder": "yolo_end2end", "output": "rows", "num_classes": len(LABELS)},
        "score_threshold": 0.5,
    }
    return DetectConfig.model_validate({**values, **changes}, context={"folder": Path()})


def detector(**changes: Any) -> Detect:
    """A detector whose rows x1, y1, x2, y2, score, class are its answer, in a 100 x 100 input."""
    spec = InputSpec(size=(100, 100), resize="letterbox", align="top-left")
    network = Network(
        name="rows",
        input=spec,
        inputs=(TensorInfo("image", (None, 3, 100, 100), "float32"),),
        outputs=(TensorInfo("rows", (None, ROWS, 6), "float32"),),
    )
    return Detect(network, config(**changes))


def answer(
    rows: list[list[float]],
    options: DetectOptions | None = None,
    *,
    size: tuple[int, int] = (200, 400),
    **changes: Any,
) -> Detections:
    """What a picture of `size` gets when the network gives these rows."""
    task = detector(**changes)
    options = options or DetectOptions()
    picture = Picture.from_pixels(np.zeros((*size, 3), np.uint8))
    prepared = task.preprocess(picture, options)
    padded = np.zeros((1, max(ROWS, len(rows)), 6), np.float32)
    padded[0, : len(rows)] = np.array(rows, np.float32).reshape(-1, 6)
    return task.postprocess({"rows": padded}, prepared, options)


PERSON = [10.0, 5.0, 30.0, 25.0, 0.9, 0.0]
DOG = [50.0, 20.0, 60.0, 30.0, 0.7, 1.0]
FAINT = [0.0, 0.0, 9.0, 9.0, 0.3, 2.0]


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        pytest.param([], (), id="nothing found"),
        pytest.param([FAINT], (), id="below the model's own threshold"),
        pytest.param([DOG, PERSON], ("person", "dog"), id="best first"),
        pytest.param([[0, 60, 90, 90, 0.9, 0]], (), id="wholly in the padding"),
        pytest.param([[9, 9, 9, 20, 0.9, 0]], (), id="no width"),
        pytest.param([[np.nan, 0, 9, 9, 0.9, 0]], (), id="not a number"),
    ],
)
def test_what_is_found(rows: list[list[float]], labels: tuple[str, ...]) -> None:
    assert answer(rows).labels == labels


def test_boxes_are_in_pixels_of_the_picture_and_clipped_to_it() -> None:
    # 400 x 200 fits into 100 x 100 at a quarter, top-left: y beyond 50 is padding.
    found = answer([PERSON, [-20.0, 10.0, 500.0, 90.0, 0.8, 1.0]])
    assert found.boxes_source.tolist() == [[40, 20, 120, 100], [0, 40, 400, 200]]


def test_the_answer_is_plain_and_rounded() -> None:
    found = answer([[10.004, 5, 30, 25, 0.9, 0]], size=(100, 100)).answer()
    assert found == {
        "detections": [
            {
                "class_id": 0,
                "label": "person",
                "score": 0.9,
                "box": {"x1": 10.0, "y1": 5.0, "x2": 30.0, "y2": 25.0},
            }
        ],
        "truncated": False,
    }


@pytest.mark.parametrize(
    ("options", "labels", "truncated"),
    [
        pytest.param({"score_threshold": 0.0}, ("person", "dog", "traffic light"), False, id="all"),
        pytest.param({"score_threshold": 1.0}, (), False, id="none is certain"),
        pytest.param({"max_detections": 1}, ("person",), True, id="cut to one"),
        pytest.param({"classes": "dog"}, ("dog",), False, id="one class"),
        pytest.param({"classes": "Dog, PERSON"}, ("person", "dog"), False, id="case and spaces"),
        pytest.param({"classes": ["dog", "person"]}, ("person", "dog"), False, id="repeated"),
        pytest.param({"classes": "traffic light"}, (), False, id="a name of two words"),
    ],
)
def test_options(options: dict[str, Any], labels: tuple[str, ...], truncated: bool) -> None:
    found = answer([PERSON, DOG, FAINT], DetectOptions(**options))
    assert (found.labels, found.truncated) == (labels, truncated)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        pytest.param({}, 2, id="different classes are different things"),
        pytest.param({"class_agnostic": True}, 1, id="unless told otherwise"),
        pytest.param(
            {"class_agnostic": True, "iou_threshold": 1.0}, 2, id="a limit of 1 keeps all"
        ),
    ],
)
def test_suppression(options: dict[str, Any], count: int) -> None:
    head = {"decoder": "yolo_end2end", "output": "rows", "num_classes": 3, "suppression": "greedy"}
    twin = [*PERSON[:4], 0.8, 1.0]
    assert len(answer([PERSON, twin], DetectOptions(**options), head=head).labels) == count


def test_three_thousand_boxes_on_one_spot_are_one_thing() -> None:
    head = {"decoder": "yolo_end2end", "output": "rows", "num_classes": 3, "suppression": "greedy"}
    rows = [[10, 10, 40, 40, 0.5 + index / 10_000, 0] for index in range(3_500)]
    found = answer(rows, head=head, max_candidates=3_000)
    assert len(found.labels) == 1
    assert found.truncated


def test_an_unknown_class_is_refused_with_near_matches() -> None:
    with pytest.raises(InvalidOption, match="perhaps dog") as caught:
        detector().check_options(DetectOptions(classes="dgo"))
    assert caught.value.members == {"option": "classes", "near": ["dog"]}
    with pytest.raises(InvalidOption) as caught:
        detector().check_options(DetectOptions(classes="zzzzzz"))
    assert caught.value.detail == "classes: there is no class 'zzzzzz'"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        pytest.param({"labels": ["person"]}, "config.labels", id="fewer labels than classes"),
        pytest.param(
            {"head": {"decoder": "yolo_end2end", "output": "nix", "num_classes": 3}},
            "config.head.output",
            id="an output that the graph does not have",
        ),
    ],
)
def test_a_manifest_that_contradicts_the_graph(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        detector(**changes)
    assert caught.value.key == key


def test_marks_and_text_say_the_same() -> None:
    found = answer([PERSON])
    [mark] = found.marks()
    assert (mark.caption, mark.class_id, mark.box) == ("person 90%", 0, (40, 20, 120, 100))
    assert found.text() == "   90.0%  person           (40, 20) to (120, 100)"
