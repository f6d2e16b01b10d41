"""Face detection as a task: faces in the picture's own pixels, without duplicates."""

from typing import Any

import numpy as np
import pytest

from service.imaging.picture import Picture
from service.tasks.base import ConfigError, Network, TensorInfo
from service.tasks.faces.detect import (
    FaceDetect,
    FaceDetectConfig,
    FaceDetections,
    FaceDetectOptions,
)
from service.tasks.inputs import InputSpec

CELLS = 4


def detector(names: tuple[str, ...] = ("right_eye", "left_eye"), **changes: Any) -> FaceDetect:
    """A detector of 4 x 4 anchors in a 64 x 64 input, whose only output is `rows`."""
    layer = {"scores": "rows", "boxes": "rows", "cells": CELLS, "anchors": 1, "score_column": 0}
    head = {"decoder": "ssd", "keypoints": names, "layers": [layer]}
    network = Network(
        name="rows",
        input=InputSpec(size=(64, 64), layout="NHWC", resize="letterbox", align="top-left"),
        inputs=(TensorInfo("image", (None, 64, 64, 3), "uint8"),),
        outputs=(TensorInfo("rows", (None, CELLS**2, 5 + 2 * len(names)), "float32"),),
    )
    return FaceDetect(network, FaceDetectConfig.model_validate({"head": head, **changes}))


def answer(
    faces: dict[int, list[float]],
    *,
    size: tuple[int, int] = (128, 256),
    names: tuple[str, ...] = ("right_eye", "left_eye"),
    options: dict[str, Any] | None = None,
    **changes: Any,
) -> FaceDetections:
    """What a picture gets when the network says these rows (logit, dx, dy, w, h, points)."""
    task = detector(names, **changes)
    wanted = FaceDetectOptions(**(options or {}))
    prepared = task.preprocess(Picture.from_pixels(np.zeros((*size, 3), np.uint8)), wanted)
    rows = np.zeros((1, CELLS**2, 5 + 2 * len(names)), np.float32)
    rows[..., 0] = -20
    for index, row in faces.items():
        rows[0, index, : len(row)] = row
    return task.postprocess({"rows": rows}, prepared, wanted)


ONE = [3.0, 0, 0, 12, 12, -2, 0, 2, 0]


def test_faces_are_in_pixels_of_the_picture() -> None:
    # 256 x 128 fits into 64 x 64 at a quarter; the second anchor's centre is (24, 8).
    found = answer({1: ONE})
    assert found.boxes_source.tolist() == [[72, 8, 120, 56]]
    assert found.keypoints_source.tolist() == [[[88, 32], [104, 32]]]
    assert found.rolls.tolist() == [0]


def test_boxes_are_clipped_and_also_told_whole() -> None:
    found = answer({0: [3.0, 0, 0, 40, 20]})
    assert found.boxes_source.tolist() == [[0, 0, 112, 72]]
    assert found.whole_boxes_source.tolist() == [[-48, -8, 112, 72]]


@pytest.mark.parametrize(
    ("faces", "count"),
    [
        pytest.param({}, 0, id="none"),
        pytest.param({1: ONE, 3: ONE}, 2, id="two"),
        pytest.param({1: ONE, 2: [2.0, -16, 0, 12, 12]}, 1, id="one, found twice"),
        pytest.param({13: ONE}, 0, id="in the padding"),
        pytest.param({1: [3.0, 0, 0, 0, 12]}, 0, id="without width"),
        pytest.param({1: [-1.0, 0, 0, 12, 12]}, 0, id="below the threshold"),
    ],
)
def test_what_is_found(faces: dict[int, list[float]], count: int) -> None:
    found = answer(faces)
    assert (len(found), found.truncated) == (count, False)


def test_options() -> None:
    faces = {0: ONE, 1: [1.0, 0, 0, 12, 12], 2: [-1.0, 0, 0, 12, 12]}
    assert len(answer(faces)) == 2
    assert len(answer(faces, options={"score_threshold": 0.2})) == 3
    few = answer(faces, options={"max_faces": 1})
    assert (len(few), few.truncated) == (1, True)
    assert few.scores[0] == answer(faces).scores.max()
    assert answer(faces, max_faces=1).truncated


def test_the_roll_follows_the_eyes() -> None:
    leaning = [3.0, 0, 0, 12, 12, -2, -2, 2, 2]
    assert np.degrees(answer({1: leaning}).rolls) == pytest.approx([45])


def test_a_detector_without_eyes_knows_no_roll() -> None:
    assert answer({1: ONE[:7]}, names=("nose",)).rolls.tolist() == [0]


def test_answer_text_and_marks_say_the_same() -> None:
    found = answer({1: ONE})
    [face] = found.answer()["faces"]  # type: ignore[attr-defined]
    assert face == {
        "box": {"x1": 72.0, "y1": 8.0, "x2": 120.0, "y2": 56.0},
        "score": pytest.approx(0.952574, abs=1e-6),
        "keypoints": {"right_eye": [88.0, 32.0], "left_eye": [104.0, 32.0]},
    }
    assert found.text() == "   95.3%  face (72, 8) to (120, 56)"
    [mark] = found.marks()
    assert (mark.box, mark.caption) == ((72, 8, 120, 56), "face 95%")
    assert mark.points == ((88, 32), (104, 32))


def test_take_reorders_everything() -> None:
    found = answer({1: ONE, 3: [5.0, 0, 0, 8, 8]})
    turned = found.take(np.array([1, 0]))
    for name in ("boxes_source", "whole_boxes_source", "scores", "keypoints_source"):
        assert (getattr(turned, name) == getattr(found, name)[::-1]).all()


def test_a_manifest_that_contradicts_the_graph() -> None:
    task = detector()
    other = Network(
        name="rows",
        input=task.network.input,
        inputs=task.network.inputs,
        outputs=(TensorInfo("other", (None, 16, 9), "float32"),),
    )
    with pytest.raises(ConfigError) as caught:
        FaceDetect(other, task.config)
    assert caught.value.key == "config.head.layers.0.scores"
