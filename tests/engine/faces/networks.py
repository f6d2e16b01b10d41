"""Three networks that see white squares as faces, in place of onnxruntime's."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from service.arrays import Array
from service.engine.manifest import ModelFolder, read_folder
from service.engine.session import CPU_PROVIDER, Device
from service.imaging.picture import Picture, Size
from service.tasks.base import TensorInfo
from service.tasks.faces.geometry import ANCHORED, chip_points

DETECT, LANDMARKS, EMBED = "squares", "parts", "greys"
GRAPH = b"not a graph: these tests' sessions are fakes"

MANIFEST = """\
name = "{name}"
task = "{task}"
file = "model.onnx"
sha256 = "{sha256}"
license = "CC0-1.0"
source = "written by a test"

[input]
size = [{side}, {side}]
layout = "NHWC"

[batch]
max_size = 8

[config]
{config}
"""

# Name: task, side of the input, outputs and the manifest's own section.
NETWORKS = {
    DETECT: (
        "face-detect",
        32,
        {"rows": (4, 9)},
        """head = { decoder = "ssd", keypoints = ["right_eye", "left_eye"], layers = [
  { scores = "rows", boxes = "rows", cells = 2, anchors = 1, score_column = 0 },
] }""",
    ),
    LANDMARKS: ("face-landmarks", 16, {"points": (68, 2)}, "upright = true"),
    EMBED: ("face-embed", 16, {"vector": (2,)}, "quality = { min_side = 8 }"),
}


def see(rows: Array) -> Array:
    """Find a face in each quarter of the input that is bright: 12 of its 16 pixels wide."""
    quarters = rows.reshape(len(rows), 2, 16, 2, 16, 3).mean((2, 4, 5)).reshape(len(rows), 4)
    found = np.zeros((len(rows), 4, 9), np.float32)
    found[..., 0] = np.where(quarters > 60, 3 + quarters / 255, -20)
    found[..., 3:5] = 12
    found[..., 5:] = [-2, -2, 2, -2]
    return found


def measure(rows: Array) -> Array:
    """See every face upright, in the middle of its crop."""
    points = np.full((68, 2), 0.5, np.float32)
    points[ANCHORED] = chip_points(1, 0.25)
    return np.broadcast_to(points, (len(rows), 68, 2))


def describe(rows: Array) -> Array:
    """Encode a chip as its brightness and its contrast."""
    flat = rows.reshape(len(rows), -1) / np.float32(255)
    return np.stack([flat.mean(axis=1), flat.std(axis=1)], axis=1)


ANSWERS: dict[str, Callable[[Array], Array]] = {DETECT: see, LANDMARKS: measure, EMBED: describe}


class FakeSession:
    """One of the three networks; `before` may delay it or make it fail."""

    provider = CPU_PROVIDER  # it runs on the pool's threads

    def __init__(self, name: str, before: Callable[[Array], object] = lambda _: None) -> None:
        _, side, outputs, _ = NETWORKS[name]
        self.inputs = (TensorInfo("image", (None, side, side, 3), "uint8"),)
        self.outputs = tuple(
            TensorInfo(output, (None, *shape), "float32") for output, shape in outputs.items()
        )
        self.runs: list[int] = []
        self._name = name
        self._before = before

    def run(
        self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        rows = feeds["image"]
        self.runs.append(len(rows))
        self._before(rows)
        return {self.outputs[0].name: ANSWERS[self._name](rows)}

    def close(self) -> None: ...


class Sessions:
    """Opens the networks by the names of their folders; warm runs are not counted."""

    def __init__(self, **before: Callable[[Array], object]) -> None:
        self.opened: dict[str, FakeSession] = {}
        self._before = before

    def __call__(self, path: Path, device: Device, threads: int) -> FakeSession:
        name = path.parent.name
        quiet: Callable[[Array], object] = lambda _: None  # noqa: E731
        self.opened[name] = FakeSession(name, self._before.get(name, quiet))
        return self.opened[name]

    def runs(self) -> dict[str, list[int]]:
        """Return the rows of every run since the models were warmed with two."""
        return {name: session.runs[2:] for name, session in self.opened.items()}


def write(directory: Path, *names: str, more: str = "") -> list[ModelFolder]:
    """Write folders of the networks named, or of all; `more` goes behind the encoder's config."""
    folders = []
    for name in names or NETWORKS:
        task, side, _, config = NETWORKS[name]
        folder = directory / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(GRAPH)
        text = MANIFEST.format(
            name=name,
            task=task,
            side=side,
            sha256=hashlib.sha256(GRAPH).hexdigest(),
            config=config + (more if name == EMBED else ""),
        )
        (folder / "model.toml").write_text(text, encoding="utf-8")
        folders.append(read_folder(folder))
    return folders


def squares(*quarters: int, grey: int = 255, size: Size = (64, 64)) -> Picture:
    """A black picture with bright quarters: 0 and 1 above, 2 and 3 below."""
    pixels = np.zeros((*size, 3), np.uint8)
    high, wide = size[0] // 2, size[1] // 2
    for quarter in quarters:
        top, left = quarter // 2 * high, quarter % 2 * wide
        pixels[top : top + high, left : left + wide] = grey
    return Picture.from_pixels(pixels)
