"""The manifest of a classifier."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from service.engine.templates import draft_classifier
from service.errors import ManifestError
from tests.engine.templates.graphs import Axes, declared, names

TWO = names("cat", "dog")


@pytest.mark.parametrize(
    ("outputs", "notes", "expected"),
    [
        ({"y": (1, 3)}, {}, {"output": "y", "activation": "softmax"}),
        ({"y": (1, 3, 1, 1)}, {}, {"output": "y"}),
        ({"y": ("n", 3), "f": (1, 8, 4)}, {}, {"output": "y"}),
        ({"f": (1, 8), "y": (1, 2)}, TWO, {"output": "y"}),  # the names tell which
    ],
)
def test_the_scores_of_a_classifier(
    tmp_path: Path, outputs: dict[str, Axes], notes: dict[str, str], expected: dict[str, Any]
) -> None:
    graph = declared(tmp_path, outputs, notes=notes)
    draft = draft_classifier(graph, name="mine", names=None)

    config = tomllib.loads(draft.manifest)["config"]
    assert {key: config[key] for key in expected} == expected
    assert draft.labels == (("cat", "dog") if notes else ("class 0", "class 1", "class 2"))


@pytest.mark.parametrize(
    ("operator", "activation"), [("Gemm", "softmax"), ("Softmax", "none"), ("Sigmoid", "none")]
)
def test_the_activation_of_a_classifier(tmp_path: Path, operator: str, activation: str) -> None:
    graph = declared(tmp_path, {"y": (1, 3)}, operators={"y": operator})
    manifest = tomllib.loads(draft_classifier(graph, name="mine", names=None).manifest)

    assert manifest["config"]["activation"] == activation


def test_a_classifier_is_fed_as_torchvision_feeds_its_own(tmp_path: Path) -> None:
    graph = declared(tmp_path, {"y": (1, 3)}, input=(1, 3, 224, 224))
    section = tomllib.loads(draft_classifier(graph, name="mine", names=None).manifest)["input"]

    assert (section["resize"], section["short_side"]) == ("crop", 256)
    assert section["mean"] == [0.485, 0.456, 0.406]


def test_ultralytics_classifiers_are_fed_otherwise(tmp_path: Path) -> None:
    notes = {"task": "classify"}
    graph = declared(tmp_path, {"y": (1, 3)}, input=(1, 3, 224, 224), notes=notes)
    section = tomllib.loads(draft_classifier(graph, name="mine", names=None).manifest)["input"]

    assert section["short_side"] == 224
    assert "mean" not in section


@pytest.mark.parametrize(
    ("outputs", "input", "classes"),
    [
        ({"y": (1, 3), "z": (1, 4)}, (1, 3, 64, 64), None),
        ({"y": (1, 8, 8)}, (1, 3, 64, 64), None),
        ({"y": (8, 3)}, (1, 3, 64, 64), None),
        ({"y": (1, 3)}, (3, 64, 64), None),
        ({"y": (1, 3)}, (1, 3, 64, 64), ["cat", "dog"]),
    ],
)
def test_graphs_that_do_not_score_classes(
    tmp_path: Path, outputs: dict[str, Axes], input: Axes, classes: list[str] | None
) -> None:
    graph = declared(tmp_path, outputs, input=input)

    with pytest.raises(ManifestError, match="not one output with scores of"):
        draft_classifier(graph, name="mine", names=classes)
