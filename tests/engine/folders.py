"""Model folders written by tests: a valid one, and whatever a test changes about it."""

import hashlib
import json
from pathlib import Path

from service.engine.manifest import ModelFolder, read_folder
from tests.imaging.pictures import ramp
from tests.pictures import encoded

GRAPH = b"not a graph: these tests' sessions are fakes"
MANIFEST = """\
name = "{name}"
task = "classify"
file = "model.onnx"
sha256 = "{sha256}"
license = "CC0-1.0"
source = "written by a test"

[input]
size = [4, 4]
layout = "NHWC"

[batch]
max_size = 8

[config]
labels = ["dark", "bright"]
activation = "none"
"""


def write_model(
    directory: Path,
    *changes: tuple[str, str],
    name: str = "brightness",
    graph: bytes = GRAPH,
) -> Path:
    """Write a folder for `FakeSession`, with parts of the manifest's text replaced by others."""
    folder = directory / name
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph)
    text = MANIFEST.format(name=name, sha256=hashlib.sha256(graph).hexdigest())
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "model.toml").write_text(text, encoding="utf-8")
    return folder


def read_model(directory: Path, *changes: tuple[str, str], **choices: object) -> ModelFolder:
    return read_folder(write_model(directory, *changes, **choices))


def write_golden(
    folder: Path, *, picture: bytes = encoded(ramp(8, 8), "PNG"), **members: object
) -> None:
    """Write a golden answer about a picture that is as bright as it is dark."""
    (folder / "golden.png").write_bytes(picture)
    golden = {
        "image": "golden.png",
        "options": {"top_k": 1},
        "expected": {"predictions": [{"class_id": 1, "label": "bright", "score": 0.5}]},
        "tolerance": {"score": 0.01},
    }
    (folder / "golden.json").write_text(json.dumps(golden | members), encoding="utf-8")
