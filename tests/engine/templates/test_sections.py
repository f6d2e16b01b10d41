"""How a network is fed, as its template and its graph say."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from service.engine.templates import draft_detector
from service.errors import ManifestError
from tests.engine.templates.graphs import CELLS, Axes, declared, names

TWO = names("cat", "dog")
GREY = {"resize": "letterbox", "align": "center", "pad": 114, "color": "RGB"}


def text_of(path: Path, decoder: str = "yolov8", **graph: Any) -> str:
    graph = {"outputs": {"y": (1, 6, CELLS)}, "notes": TWO, **graph}
    return draft_detector(
        declared(path, **graph), name="mine", decoder=decoder, names=None
    ).manifest


@pytest.mark.parametrize(
    ("decoder", "outputs", "fed"),
    [
        ("yolov2", {"y": (1, 35, 2, 2)}, {"resize": "letterbox", "pad": 128, "scale": 1 / 255}),
        ("yolov3", {"a": (1, 21, 2, 2), "b": (1, 21, 4, 4)}, {"resize": "letterbox"}),
        ("yolov4", {"a": (1, 21, 2, 2), "b": (1, 21, 4, 4)}, {"resize": "stretch", "color": "RGB"}),
        ("yolov5", {"y": (1, 3 * CELLS, 7)}, {**GREY, "scale": 1 / 255}),
        ("yolov7", {"y": (1, 3 * CELLS, 7)}, {**GREY, "scale": 1 / 255}),
        ("yolov8", {"y": (1, 6, CELLS)}, {**GREY, "scale": 1 / 255}),
        ("yolo_end2end", {"y": (1, 300, 6)}, {**GREY, "scale": 1 / 255}),
        ("yolox", {"y": (1, CELLS, 7)}, {"align": "top-left", "color": "BGR", "scale": 1.0}),
        (
            "nanodet",
            {"cls": (1, 64, 2), "dis": (1, 64, 32)},
            {"color": "BGR", "mean": [103.53, 116.28, 123.675], "scale": 1.0},
        ),
        (
            "centernet",
            {"hm": (1, 2, 16, 16), "wh": (1, 2, 16, 16)},
            {"color": "BGR", "pad": 0, "std": [0.289, 0.274, 0.278], "scale": 1 / 255},
        ),
        (
            "faster_rcnn",
            {"boxes": ("n", 4), "labels": ("n",), "scores": ("n",)},
            {"color": "RGB", "scale": 1 / 255, "align": "top-left"},
        ),
        (
            "detr",
            {"boxes": (1, 9, 4), "logits": (1, 9, 3)},
            {"resize": "stretch", "mean": [0.485, 0.456, 0.406]},
        ),
    ],
)
def test_every_generation_is_fed_as_its_project_feeds_it(
    tmp_path: Path, decoder: str, outputs: dict[str, Axes], fed: dict[str, Any]
) -> None:
    manifest = text_of(tmp_path, decoder, outputs=outputs)

    section = tomllib.loads(manifest)["input"]
    assert {key: section[key] for key in fed} == fed
    assert manifest.partition("[input]\n")[2].splitlines()[0].endswith("; check.")


@pytest.mark.parametrize(
    ("input", "notes", "size", "remark"),
    [
        ((1, 3, 64, 96), {}, [64, 96], ""),
        ((1, 64, 96, 3), {}, [64, 96], ""),
        ((1, 3, "h", "w"), {"imgsz": "[64, 96]"}, [64, 96], "this one is in its metadata"),
        ((1, 3, "h", "w"), {}, [640, 640], "this one is usual, check"),
        ((1, 3, 64, "w"), {}, [64, 640], "this one is usual, check"),
        (("n", "c", "h", "w"), {}, [640, 640], "this one is usual, check"),
    ],
)
def test_the_size(
    tmp_path: Path, input: Axes, notes: dict[str, str], size: list[int], remark: str
) -> None:
    outputs = {"y": (1, 6, "cells")}
    text = text_of(tmp_path, input=input, notes={**TWO, **notes}, outputs=outputs)

    assert tomllib.loads(text)["input"]["size"] == size
    assert remark in text
    assert ("the graph takes other sizes too" in text) is bool(remark)


def test_bytes_are_not_normalised(tmp_path: Path) -> None:
    text = text_of(tmp_path, dtype=TensorProto.UINT8)

    assert not {"scale", "mean", "std"} & tomllib.loads(text)["input"].keys()
    assert "# the graph takes uint8 0..255, so it scales and normalises by itself" in text


def test_a_grey_network(tmp_path: Path) -> None:
    maps = {"hm": (1, 2, 16, 16), "wh": (1, 2, 16, 16)}
    section = tomllib.loads(text_of(tmp_path, "centernet", outputs=maps, input=(1, 1, 64, 64)))

    assert section["input"]["color"] == "GRAY"
    assert "mean" not in section["input"]  # those of the template are for three channels


def test_a_graph_that_begins_with_arithmetic_may_scale_by_itself(tmp_path: Path) -> None:
    text = text_of(tmp_path, operators={"y": "Div"})

    assert "# the graph begins with Div: if it divides by 255 itself, say 1.0" in text
    assert "begins with" not in text_of(tmp_path)


@pytest.mark.parametrize(
    ("input", "outputs", "batch"),
    [
        ((1, 3, 64, 64), {"y": (1, 6, CELLS)}, {"max_size": 1}),
        (("n", 3, 64, 64), {"y": ("n", 6, CELLS)}, {"max_size": 8}),
        (("n", 3, 64, 64), {"y": (1, 6, CELLS)}, {"max_size": 1}),
        (("n", 3, 64, 64), {"y": (6, CELLS)}, {"max_size": 1, "axis": "input"}),
    ],
)
def test_the_batch(
    tmp_path: Path, input: Axes, outputs: dict[str, Axes], batch: dict[str, Any]
) -> None:
    assert tomllib.loads(text_of(tmp_path, input=input, outputs=outputs))["batch"] == batch


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ({"input": (8, 3, 64, 64)}, "its batch is fixed at 8"),
        ({"input": (1, 4, 64, 64)}, "pictures have 1 or 3 channels"),
        ({"input": (64, 64)}, "its input is no picture"),
        ({"dtype": TensorProto.INT64}, "its input is no picture"),
    ],
)
def test_inputs_that_are_no_picture(tmp_path: Path, graph: dict[str, Any], said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        text_of(tmp_path, **graph)


def test_a_graph_that_wants_more_than_a_picture(tmp_path: Path) -> None:
    graph = declared(tmp_path, {"y": (1, 6, CELLS)})
    graph.inputs = (*graph.inputs, *graph.inputs)

    with pytest.raises(ManifestError, match="it has 2 inputs, and Chiasm feeds one"):
        draft_detector(graph, name="mine", decoder=None, names=None)


def test_licence_and_source_are_the_exporters_or_left_to_fill_in(tmp_path: Path) -> None:
    notes = {"license": "MIT", "author": "Somebody", "version": "1.2"}
    known = tomllib.loads(text_of(tmp_path, notes={**TWO, **notes}))
    assert known["license"] == "MIT"
    assert known["source"] == "graph.onnx, exported by Somebody 1.2"

    text = text_of(tmp_path)
    assert tomllib.loads(text)["license"] == "unknown"
    assert tomllib.loads(text)["source"] == "graph.onnx"
    assert text.count("# fill in: ") == 2


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "ä"])
def test_a_name_that_no_model_may_have(tmp_path: Path, name: str) -> None:
    graph = declared(tmp_path, {"y": (1, 6, CELLS)})

    with pytest.raises(ManifestError, match=r"model.toml: name: "):
        draft_detector(graph, name=name, decoder=None, names=None)
