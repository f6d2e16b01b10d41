"""A segmentation network whose answer is painted: red is a thing, green what keeps two apart."""

from hashlib import sha256
from pathlib import Path

import numpy as np
from onnx import TensorProto
from PIL import Image

from service.arrays import U8, Array
from tools.graph import Graph

NAME = "painted"
BACKGROUND, THING, BORDER = (0, 0, 0), (255, 0, 0), (0, 255, 0)
MANIFEST = """
name = "painted"
task = "segment"
file = "model.onnx"
sha256 = "{digest}"
license = "Apache-2.0"
source = "tests/planted_masks.py"

[input]
size = [32, 32]

[config]
labels = "labels.txt"

[config.tile]
size = 64
multiple = 16
overlap = 16
batch = 2

[config.instances]
border = "border"
min_area = 4
reach = 4
"""


def folder(models_dir: Path) -> Path:
    """Write the model's folder: logits 100 for background, R for a thing, G for a border."""
    path = models_dir / NAME
    path.mkdir(parents=True)
    graph = Graph(NAME, half=False)
    image = graph.pictures("image", 3, "H", "W")
    pixels = graph.node("Cast", [image], "pixels", to=TensorProto.FLOAT)
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[1, 0], kernel[2, 1] = 1, 1
    weights = [graph.constant("kernel", kernel)]
    weights.append(graph.constant("bias", np.array([100, 0, 0], np.float32)))
    graph.output(graph.node("Conv", [pixels, *weights], "logits"), 3, "H", "W")
    content = graph.model().SerializeToString()
    (path / "model.onnx").write_bytes(content)
    (path / "labels.txt").write_text("nothing\nthing\nborder\n", encoding="utf-8")
    manifest = MANIFEST.format(digest=sha256(content).hexdigest())
    (path / "model.toml").write_text(manifest, encoding="utf-8")
    return path


def class_map(height: int = 150, width: int = 200) -> Array:
    """Return class ids: a ring, a bar cut in two by a border, and a speck of three pixels."""
    ids = np.zeros((height, width), np.uint8)
    y, x = np.mgrid[:height, :width]
    radius = np.hypot(y - 50, x - 60)
    ids[(radius < 40) & (radius > 15)] = 1
    ids[100:130, 20:180] = 1
    ids[100:130, 99:102] = 2
    ids[5, 150:153] = 1
    return ids


def picture(ids: Array) -> Image.Image:
    """Paint class ids in the colours that the network reads."""
    palette: U8 = np.array([BACKGROUND, THING, BORDER], np.uint8)
    return Image.fromarray(palette[ids])
