"""Which decoder is chosen for a graph, and what is said where none fits, or several do."""

from pathlib import Path

import pytest

from service.engine.templates import draft_detector
from service.engine.templates.catalogue import TEMPLATES
from service.errors import InvalidOption, ManifestError
from service.tasks.decoders import DECODERS
from tests.engine.templates.graphs import CELLS, SQUARE, Axes, declared, drafted, names

TWO = names("cat", "dog")


@pytest.mark.parametrize(
    ("outputs", "decoder"),
    [
        ({"y": (1, 6, CELLS)}, "yolov8"),
        ({"y": (1, 3 * CELLS, 7)}, "yolov5"),  # and yolov7, which says the same
        ({"y": (1, 3 * CELLS, 6)}, "yolov5"),  # too many rows for an end-to-end network
        ({"y": (1, 300, 6)}, "yolo_end2end"),
        ({"y": (1, CELLS, 7)}, "yolox"),
        ({"y": (1, 35, 2, 2)}, "yolov2"),
        ({"cls": (1, 64, 2), "dis": (1, 64, 32)}, "nanodet"),
        ({"hm": (1, 2, 16, 16), "wh": (1, 2, 16, 16)}, "centernet"),
        ({"boxes": (1, 9, 4), "logits": (1, 9, 3)}, "boxes_scores_labels"),
    ],
)
def test_the_decoder_that_fits_is_found(
    tmp_path: Path, outputs: dict[str, Axes], decoder: str
) -> None:
    notes = names("a") if next(iter(outputs.values()))[-1] == 6 else TWO
    manifest = drafted(tmp_path, outputs=outputs, notes=notes)

    assert manifest["config"]["head"]["decoder"] == decoder


@pytest.mark.parametrize("operator", ["Exp", "Div"])
def test_rows_that_are_decoded_are_no_yolox(tmp_path: Path, operator: str) -> None:
    outputs = {"y": (1, CELLS, 7)}
    manifest = drafted(tmp_path, outputs=outputs, notes=TWO, operators={"y": operator})

    assert manifest["config"]["head"]["decoder"] == "yolov5"


@pytest.mark.parametrize(
    ("outputs", "which"),
    [
        ({"a": (1, 21, 2, 2), "b": (1, 21, 4, 4)}, "yolov3 or yolov4"),
        ({f"s{n}": (1, 3, n, n, 7) for n in (2, 4, 8)}, "yolov5 or yolov7"),
    ],
)
def test_several_decoders_fit(tmp_path: Path, outputs: dict[str, Axes], which: str) -> None:
    with pytest.raises(ManifestError, match=f"fits {which}: choose with --decoder"):
        drafted(tmp_path, outputs=outputs, notes=TWO)


def test_no_decoder_fits(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        drafted(tmp_path, outputs={"y": (1, 5)})

    first, *objections = caught.value.reason.splitlines()
    assert first == "fits no decoder. Found: images (1, 3, 64, 64) float32 -> y (1, 5) float32"
    assert len(objections) == len(TEMPLATES)
    assert "  yolov8: wants (4 + C, A)" in objections


@pytest.mark.parametrize(
    ("decoder", "outputs", "said"),
    [
        ("yolov8", {"y": (1, 3 * CELLS, 7)}, ["yolov8: ", "252", "it fits yolov5"]),
        ("yolox", {"y": (1, 6, CELLS)}, ["yolox: ", "it fits yolov8", "y (1, 6, 84) float32"]),
        ("yolov5", {"y": (1, 35, 2, 2)}, ["yolov5: wants", "it fits yolov2"]),
        ("nanodet", {"y": (1, CELLS, 7)}, ["nanodet: wants", "it fits yolox"]),
        ("centernet", {"hm": (1, 2, 16, 16), "x": (1, 7, 16, 16)}, ["centernet: wants"]),
        ("yolov3", {"a": (1, 21, 8, 8), "b": (1, 21, 4, 4)}, ["yolov3: wants"]),  # strides 8, 16
        ("yolov2", {"y": (1, 35, 3, 3)}, ["yolov2: wants"]),  # 3 cells do not divide 64 pixels
        ("yolov2", {"y": (1, 35, 2, 4)}, ["yolov2: wants"]),  # cells that are not square
        ("detr", {"boxes": (1, 9, 4), "logits": (1, 9, "c")}, ["detr: wants"]),
        ("detr", {"boxes": (1, 9, 4), "more": (1, 9, 3), "logits": (1, 9, 3)}, ["detr: wants"]),
        (
            "detr",
            {"boxes": (1, 9, 4), "logits": (1, 9, 7)},
            ["background: class values: 3 expected"],
        ),
        ("yolov8", {"boxes": ("n", 4), "s": ("n",), "label": ("n",)}, ["it fits faster_rcnn"]),
        (
            "boxes_scores_labels",
            {"y": (1, 6, CELLS)},
            ["faster_rcnn: wants", "detr: wants", "it fits yolov8"],
        ),
    ],
)
def test_a_contradiction_says_what_was_found_and_what_fits(
    tmp_path: Path, decoder: str, outputs: dict[str, Axes], said: list[str]
) -> None:
    with pytest.raises(ManifestError) as caught:
        drafted(tmp_path, decoder, outputs=outputs, notes=TWO)

    assert caught.value.file == tmp_path / "graph.onnx"
    assert all(part in caught.value.reason for part in said), caught.value.reason


def test_a_single_place_is_no_class_beside_no_object(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="detr: wants"):
        drafted(tmp_path, "detr", outputs={"boxes": (1, 9, 4), "logits": (1, 9, 1)})


def test_names_that_contradict_the_outputs(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"num_classes: .*6 expected, the graph has 7"):
        drafted(tmp_path, "yolov8", outputs={"y": (1, 7, CELLS)}, notes=TWO)


def test_an_unknown_decoder(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="there is no 'yolo99'; there are yolov2, yolov3"):
        drafted(tmp_path, "yolo99", outputs={"y": (1, 6, CELLS)})


@pytest.mark.parametrize("task", ["segment", "pose", "obb", "classify"])
def test_a_network_for_another_task(tmp_path: Path, task: str) -> None:
    notes = {"task": task, **TWO}

    with pytest.raises(ManifestError, match=f"for '{task}', not for detection"):
        drafted(tmp_path, "yolov8", outputs={"y": (1, 6, CELLS)}, notes=notes)


def test_names_are_asked_for_where_nothing_counts_classes(tmp_path: Path) -> None:
    graph = declared(tmp_path, {"y": (1, 300, 6)})

    with pytest.raises(ManifestError, match="name them with --labels FILE"):
        draft_detector(graph, name="mine", decoder=None, names=None)

    draft = draft_detector(graph, name="mine", decoder=None, names=["cat", "dog"])
    assert draft.labels == ("cat", "dog")
    assert "num_classes = 2" in draft.manifest


def test_classes_without_names_are_numbered(tmp_path: Path) -> None:
    graph = declared(tmp_path, {"y": (1, 6, CELLS)})
    draft = draft_detector(graph, name="mine", decoder="yolov8", names=None)

    assert draft.labels == ("class 0", "class 1")
    assert "# the graph does not name its classes" in draft.manifest


def test_given_names_win(tmp_path: Path) -> None:
    graph = declared(tmp_path, {"y": (1, 6, CELLS)}, notes=TWO)
    draft = draft_detector(graph, name="mine", decoder="yolov8", names=["lion", "wolf"])

    assert draft.labels == ("lion", "wolf")


@pytest.mark.parametrize(
    ("outputs", "input", "axis"),
    [
        ({"y": (1, 6, CELLS)}, SQUARE, "all"),
        ({"y": (6, CELLS)}, SQUARE, "input"),
        ({"y": (6, CELLS)}, (3, 64, 64), "none"),
        ({"y": (1, 6, CELLS)}, (1, 64, 64, 3), "all"),
    ],
)
def test_the_batch_axis(tmp_path: Path, outputs: dict[str, Axes], input: Axes, axis: str) -> None:
    manifest = drafted(tmp_path, "yolov8", outputs=outputs, input=input)

    assert manifest["batch"].get("axis", "all") == axis


def test_every_decoder_has_a_template_of_its_name() -> None:
    assert DECODERS.keys() <= {name for row in TEMPLATES for name in (row.name, *row.also)}
