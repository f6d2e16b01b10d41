"""Detector heads: faces are put into raw outputs, and are found where they were put."""

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from service.arrays import F32
from service.tasks.base import ConfigError
from service.tasks.faces.heads import FaceCandidates, FaceHead, check_head, decode_faces

HEAD: TypeAdapter[Any] = TypeAdapter(FaceHead)
NAMES = ["right_eye", "left_eye"]
SSD = HEAD.validate_python(
    {
        "decoder": "ssd",
        "keypoints": NAMES,
        "layers": [
            {"scores": "fine_scores", "boxes": "fine", "cells": 4, "anchors": 2},
            {"scores": "joined", "boxes": "joined", "cells": 2, "anchors": 1, "score_column": 0},
        ],
    }
)
CENTERFACE = HEAD.validate_python(
    {
        "decoder": "centerface",
        "keypoints": NAMES,
        "heatmap": "heat",
        "size": "size",
        "offset": "offset",
        "landmarks": "points",
    }
)
SHAPES = {
    "fine_scores": (None, 32, 1),
    "fine": (None, 32, 8),
    "joined": (None, 4, 9),
    "heat": (None, 1, 8, 8),
    "size": (None, 2, 8, 8),
    "offset": (None, 2, 8, 8),
    "points": (None, 4, 8, 8),
}
SIZE = (64, 64)


def blank() -> dict[str, F32]:
    outputs = {name: np.zeros(shape[1:], np.float32) for name, shape in SHAPES.items()}
    outputs["fine_scores"] -= 20
    outputs["joined"][:, 0] = -20
    return outputs


def decoded(outputs: dict[str, F32], head: Any, threshold: float = 0.5) -> FaceCandidates:
    return decode_faces(outputs, head, input_size=SIZE, score_threshold=threshold)


@pytest.mark.parametrize("head", [SSD, CENTERFACE], ids=["ssd", "centerface"])
def test_nothing_is_found_in_nothing(head: Any) -> None:
    found = decoded(blank(), head)
    assert (found.boxes.shape, found.scores.shape) == ((0, 4), (0,))
    assert found.keypoints.shape == (0, 2, 2)


def test_an_anchor_is_found_where_it_is() -> None:
    outputs = blank()
    # Row-major cells, two anchors in each: row 1, column 2, second anchor, centre (40, 24).
    outputs["fine_scores"][(1 * 4 + 2) * 2 + 1] = 0.0
    outputs["fine"][(1 * 4 + 2) * 2 + 1] = [1, -2, 20, 10, -5, 0, 5, 1]
    found = decoded(outputs, SSD)
    assert found.boxes.tolist() == [[31, 17, 51, 27]]
    assert found.scores.tolist() == [0.5]  # exactly at the threshold
    assert found.keypoints.tolist() == [[[35, 24], [45, 25]]]


def test_a_layer_whose_score_is_a_column() -> None:
    outputs = blank()
    outputs["joined"][3] = [2.0, 0, 0, 32, 16, -8, -4, 8, -4]  # row 1, column 1, centre (48, 48)
    found = decoded(outputs, SSD)
    assert found.boxes.tolist() == [[32, 40, 64, 56]]
    assert found.scores == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert found.keypoints.tolist() == [[[40, 44], [56, 44]]]


def test_layers_are_joined_and_thresholded() -> None:
    outputs = blank()
    outputs["fine_scores"][[0, 5]] = [[3.0], [-0.1]]
    outputs["joined"][1, 0] = 1.0
    assert len(decoded(outputs, SSD).scores) == 2
    assert len(decoded(outputs, SSD, threshold=0.4).scores) == 3
    assert len(decoded(outputs, SSD, threshold=0.0).scores) == 36


def test_a_peak_is_found_where_it_is() -> None:
    outputs = blank()
    outputs["heat"][0, 2, 5] = 0.75
    outputs["size"][:, 2, 5] = np.log([4, 2])  # height, width in cells of 8 pixels
    outputs["offset"][:, 2, 5] = [0.25, -0.25]  # y, x
    outputs["points"][:, 2, 5] = [0.25, 0.125, 0.25, 0.875]  # y, x of the box
    found = decoded(outputs, CENTERFACE)
    # Centre ((5 - 0.25 + 0.5) * 8, (2 + 0.25 + 0.5) * 8) = (42, 22), 16 wide and 32 high.
    assert found.boxes == pytest.approx(np.array([[34, 6, 50, 38]]), abs=1e-4)
    assert found.scores.tolist() == [0.75]
    assert found.keypoints == pytest.approx(np.array([[[36, 14], [48, 14]]]), abs=1e-4)


@pytest.mark.parametrize("head", [SSD, CENTERFACE], ids=["ssd", "centerface"])
def test_a_head_that_fits_its_graph(head: Any) -> None:
    check_head(head, SHAPES, SIZE)


@pytest.mark.parametrize(
    ("head", "name", "shape", "key"),
    [
        (SSD, "fine", (None, 32, 16), "layers.0.boxes"),
        (SSD, "fine", (None, 30, 8), "layers.0.cells"),
        (SSD, "joined", (None, 4, 8), "layers.1.boxes"),
        (SSD, "joined", (None, 4, 9, 1), "layers.1.scores"),
        (CENTERFACE, "heat", (None, 2, 8, 8), "heatmap"),
        (CENTERFACE, "points", (None, 10, 8, 8), "landmarks"),
        (CENTERFACE, "size", (None, 2, 64), "size"),
    ],
)
def test_a_head_that_contradicts_its_graph(
    head: Any, name: str, shape: tuple[int | None, ...], key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_head(head, {**SHAPES, name: shape}, SIZE)
    assert caught.value.key == f"config.head.{key}"


@pytest.mark.parametrize("head", [SSD, CENTERFACE], ids=["ssd", "centerface"])
def test_an_output_that_the_graph_does_not_have(head: Any) -> None:
    with pytest.raises(ConfigError, match="is not among the graph's outputs"):
        check_head(head, {}, SIZE)
