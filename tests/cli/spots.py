"""A detector that can be told what to find: it sees coloured spots on black."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE, REACH = 32, 4
LABELS = ("red", "green", "blue")
NAME = "spots"
Spot = tuple[int, int, str, int]  # x, y, colour, how bright, 0..255: the score

MANIFEST = """\
name = "spots"
task = "detect"
file = "model.onnx"
sha256 = "{sha256}"
license = "Apache-2.0"
source = "made by a test"

[input]
size = [32, 32]
layout = "NHWC"
resize = "stretch"
interpolation = "nearest"

[batch]
max_size = 2

[config]
labels = ["red", "green", "blue"]
score_threshold = 0.5

[config.head]
decoder = "centernet"
heatmap = "heat"
box = "reach"
regression = "ltrb"
units = "pixels"
num_classes = 3
layout = "channels_last"
"""


def spots_network() -> onnx.ModelProto:
    """Return a CenterNet whose heat is the colours, and whose boxes all reach 4 pixels far."""
    constants = {
        "white": np.array(255, np.float32),
        "none": np.zeros((3, 4), np.float32),
        "far": np.array(REACH, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["light"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["light", "white"], ["heat"]),
        helper.make_node("MatMul", ["heat", "none"], ["nothing"]),
        helper.make_node("Add", ["nothing", "far"], ["reach"]),
    ]
    shape = ["n", SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        NAME,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [*shape, 3])],
        [
            helper.make_tensor_value_info("heat", TensorProto.FLOAT, [*shape, 3]),
            helper.make_tensor_value_info("reach", TensorProto.FLOAT, [*shape, 4]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def write_model(models_dir: Path) -> None:
    folder = models_dir / NAME
    folder.mkdir(parents=True)
    graph = spots_network().SerializeToString()
    (folder / "model.onnx").write_bytes(graph)
    digest = hashlib.sha256(graph).hexdigest()
    (folder / "model.toml").write_text(MANIFEST.format(sha256=digest), encoding="utf-8")


def write_picture(path: Path, spots: Sequence[Spot], *, side: int = SIDE) -> None:
    pixels = np.zeros((side, side, 3), np.uint8)
    for x, y, colour, brightness in spots:
        pixels[y, x, LABELS.index(colour)] = brightness
    Image.fromarray(pixels).save(path)


def annotation(image_id: int, x: int, y: int, category_id: int, **more: object) -> dict:
    """Return an object of the very box that a spot at (x, y) gives."""
    box = [x - REACH, y - REACH, 2 * REACH, 2 * REACH]
    return {"image_id": image_id, "category_id": category_id, "bbox": box, **more}


def write_annotations(
    path: Path,
    images: Mapping[int, str],
    categories: Mapping[int, str],
    annotations: Sequence[Mapping[str, object]],
    **size: int,
) -> None:
    document = {
        "info": {"description": "a member that nobody needs"},
        "images": [{"id": key, "file_name": name, **size} for key, name in images.items()],
        "categories": [{"id": key, "name": name} for key, name in categories.items()],
        "annotations": [{"id": number, **one} for number, one in enumerate(annotations, 1)],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
