"""What the decoders are told about the outputs that they are given."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from service.engine.graph.metadata import GraphFile
from service.engine.manifest import read_folder
from service.engine.templates import draft_detector
from service.tasks.detect import DetectConfig
from tests.engine.templates.graphs import CELLS, Axes, declared, drafted, names
from tests.serving import MODELS

TWO = names("cat", "dog")
TWO_AND_BINS = (("a", 2), ("b", 44))


@pytest.mark.parametrize(
    ("decoder", "outputs", "head"),
    [
        # joined rows
        ("yolov8", {"y": (1, 6, CELLS)}, {"num_classes": 2}),
        ("yolov8", {"y": (1, CELLS, 6)}, {"num_classes": 2, "layout": "channels_last"}),
        ("yolov8", {"y": (1, 6, 85)}, {"num_classes": 2, "strides": [8, 16, 32, 64]}),
        ("yolov8", {"y": (1, 6, 16 * 16 + CELLS)}, {"strides": [4, 8, 16, 32]}),
        ("yolov8", {"y": (1, 6, 4 * 4 + 2 * 2)}, {"strides": [16, 32]}),
        ("yolov8", {"y": (1, 6, "cells")}, {"num_classes": 2}),
        ("yolov8", {"y": (1, "cells", 6)}, {"num_classes": 2, "layout": "channels_last"}),
        ("yolo11", {"y": (1, 6, CELLS)}, {"decoder": "yolov8"}),
        ("yolov8", {"y": (6, CELLS)}, {"num_classes": 2}),  # no batch axis
        ("yolov5", {"y": (1, 3 * CELLS, 7)}, {"decoder": "yolov5", "num_classes": 2}),
        ("yolov6", {"y": (1, CELLS, 7)}, {"decoder": "yolov5", "num_classes": 2}),
        ("yolov5", {"y": (1, "rows", 7)}, {"decoder": "yolov5", "num_classes": 2}),
        ("yolox", {"y": (1, CELLS, 7)}, {"num_classes": 2, "strides": [8, 16, 32]}),
        ("yolox", {"y": (1, "cells", 7)}, {"num_classes": 2, "strides": [8, 16, 32]}),
        ("yolo_end2end", {"y": (1, 300, 6)}, {"num_classes": 2}),
        ("yolo_end2end", {"y": ("rows", 6)}, {"num_classes": 2}),
        # grids: layouts, and numbers of heads
        ("yolov2", {"y": (1, 35, 2, 2)}, {"layout": "channels_first", "num_classes": 2}),
        ("yolov2", {"y": (1, 2, 2, 35)}, {"layout": "channels_last"}),
        ("yolov2", {"y": (1, 2, 2, 5, 7)}, {"layout": "channels_last"}),
        ("yolov2", {"y": (1, 5, 7, 2, 2)}, {"layout": "channels_first"}),
        ("yolov2", {"y": (1, 5, 2, 2, 7)}, {"layout": "anchors_first"}),
        ("yolov3", {"a": (1, 21, 2, 2), "b": (1, 21, 4, 4)}, {"layout": "channels_first"}),
        ("yolov5", {"a": (1, 3, 8, 8, 7), "b": (1, 3, 4, 4, 7), "c": (1, 3, 2, 2, 7)}, {}),
        (
            "yolov7",
            {f"s{n}": (1, 3, n, n, 7) for n in (1, 2, 4, 8)},
            {"layout": "anchors_first", "num_classes": 2},
        ),
        # maps
        (
            "centernet",
            {"a": (1, 2, 16, 16), "b_wh": (1, 2, 16, 16), "c_off": (1, 2, 16, 16)},
            {"heatmap": "a", "box": "b_wh", "offset": "c_off", "activation": "sigmoid"},
        ),
        (
            "centernet",
            {"reg": (1, 16, 16, 2), "size": (1, 16, 16, 2), "heat": (1, 16, 16, 2)},
            {"heatmap": "heat", "box": "size", "offset": "reg", "layout": "channels_last"},
        ),
        (
            "centernet",
            {"a": (1, 4, 16, 16), "b": (1, 2, 16, 16)},
            {"heatmap": "b", "regression": "ltrb", "units": "pixels", "activation": "none"},
        ),
        # outputs of their own
        (
            "nanodet",
            {"a": (1, 64, 32), "b": (1, 64, 2), "c": (1, 16, 2), "d": (1, 16, 32)},
            {"reg_max": 7, "cell_offset": 0.5, "num_classes": 2},
        ),
        (
            "nanodet",
            {f"{kind}{n}": (1, n * n, v) for n in (8, 4, 2, 1) for kind, v in TWO_AND_BINS},
            {"reg_max": 10, "cell_offset": 0.0},
        ),
        (
            "boxes_scores_labels",
            {"boxes": ("n", 4), "class": ("n",), "score": ("n",)},
            {"labels": "class", "scores": "score", "background": "first"},
        ),
        (
            "boxes_scores_labels",
            {"box": (1, 9, 4), "logits": (1, 9, 3)},
            {"scores": "logits", "background": "last", "activation": "softmax"},
        ),
        (
            "rt-detr",
            {"box": (1, 9, 4), "logits": (1, 9, 2)},
            {"background": "none", "activation": "sigmoid", "normalized": True},
        ),
    ],
)
def test_a_named_decoder(
    tmp_path: Path, decoder: str, outputs: dict[str, Axes], head: dict[str, Any]
) -> None:
    manifest = drafted(tmp_path, decoder, outputs=outputs, notes=TWO)

    found = manifest["config"]["head"]
    assert {key: found.get(key) for key in head} == head


@pytest.mark.parametrize(
    ("decoder", "outputs", "operator", "head"),
    [
        ("yolov8", {"y": (1, 6, CELLS)}, "Sigmoid", None),
        ("yolov8", {"y": (1, 6, CELLS)}, "Conv", "sigmoid"),
        ("centernet", {"hm": (1, 2, 16, 16), "wh": (1, 2, 16, 16)}, "Sigmoid", "none"),
        ("centernet", {"hm": (1, 2, 16, 16), "ltrb": (1, 4, 16, 16)}, "Conv", "sigmoid"),
        ("nanodet", {"cls": (1, 64, 2), "dis": (1, 64, 32)}, "Sigmoid", None),
        ("nanodet", {"cls": (1, 64, 2), "dis": (1, 64, 32)}, "Gemm", "sigmoid"),
        ("detr", {"boxes": (1, 9, 4), "scores": (1, 9, 3)}, "Softmax", "none"),
    ],
)
def test_activations_of_the_graph_are_seen(
    tmp_path: Path, decoder: str, outputs: dict[str, Axes], operator: str, head: str | None
) -> None:
    operators = dict.fromkeys(outputs, operator)
    manifest = drafted(tmp_path, decoder, outputs=outputs, notes=TWO, operators=operators)

    assert manifest["config"]["head"].get("activation") == head


@pytest.mark.parametrize(
    ("decoder", "outputs", "operator", "applied"),
    [
        ("yolox", {"y": (1, CELLS, 7)}, "Conv", []),
        ("yolox", {"y": (1, CELLS, 7)}, "Sigmoid", None),
        ("yolov2", {"y": (1, 35, 2, 2)}, "Sigmoid", ["boxes", "classes", "objectness"]),
        ("yolov2", {"y": (1, 35, 2, 2)}, "Conv", None),
        ("yolov4", {"a": (1, 21, 2, 2), "b": (1, 21, 4, 4)}, "Conv", None),
    ],
)
def test_parts_that_the_graph_activates_are_seen(
    tmp_path: Path,
    decoder: str,
    outputs: dict[str, Axes],
    operator: str,
    applied: list[str] | None,
) -> None:
    operators = dict.fromkeys(outputs, operator)
    manifest = drafted(tmp_path, decoder, outputs=outputs, notes=TWO, operators=operators)

    assert manifest["config"]["head"].get("applied") == applied


def test_as_many_channels_as_cells(tmp_path: Path) -> None:
    manifest = drafted(tmp_path, "yolov8", outputs={"y": (1, 84, 84)})

    assert manifest["config"]["head"]["num_classes"] == 80
    assert "layout" not in manifest["config"]["head"]


def test_the_largest_stride_of_the_metadata_is_used(tmp_path: Path) -> None:
    outputs = {"y": ("n", "cells", 7)}
    manifest = drafted(tmp_path, "yolox", outputs=outputs, notes={"stride": "64", **TWO})

    assert manifest["config"]["head"]["strides"] == [8, 16, 32, 64]


def test_a_face_detector_without_class_values(tmp_path: Path) -> None:
    graph = declared(tmp_path, {"y": (1, 25, 2, 2)})
    draft = draft_detector(graph, name="mine", decoder="yolov2", names=["face"])

    assert draft.labels == ("face",)
    assert "num_classes = 0" in draft.manifest


@pytest.mark.parametrize("model", ["centernet-mobilenetv3", "tiny-yolov2-face"])
def test_the_shipped_detectors_are_read_as_their_manifests_say(model: str) -> None:
    folder = read_folder(MODELS / model)
    draft = draft_detector(GraphFile(folder.graph_path), name=model, decoder=None, names=None)

    config = {**tomllib.loads(draft.manifest)["config"], "labels": list(draft.labels)}
    tuned = {"anchors", "multi_label"}
    assert isinstance(folder.config, DetectConfig)
    assert DetectConfig.model_validate(config).head.model_dump(
        exclude=tuned
    ) == folder.config.head.model_dump(exclude=tuned)
