"""Detectors run the slow way, to see what the service's own way costs.

Decoding, letterbox, heads and suppression are written a second time here, one step after the
other as the papers describe them, from nothing but a model folder's manifest and graph.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from PIL import Image, ImageOps

from service.arrays import F32, Array

LOWEST_SCORE = 0.001
MAX_DETECTIONS = 100

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Detection:
    """One box x1, y1, x2, y2 and what is in it."""

    box: F32
    score: float
    class_id: int


class Reference:
    """One detector, one picture at a time, every JPEG decoded at its full size."""

    def __init__(self, folder: Path) -> None:
        """Open the folder's graph.

        Raises:
            KeyError: no head of the manifest's decoder is written here.
        """
        manifest = tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))
        self._input: Config = manifest["input"]
        self._config: Config = manifest["config"]
        self._head = HEADS[self._config["head"]["decoder"]]
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(
            folder / manifest["file"], options, providers=["CPUExecutionProvider"]
        )

    def detect(self, path: Path) -> list[Detection]:
        """Return what is in a picture, best first, in its own pixels, upright."""
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
        pixels, scale, corner = letterbox(image, self._input)
        taken = self._session.get_inputs()[0]
        tensor = arrange(pixels, self._input).astype(
            np.uint8 if taken.type == "tensor(uint8)" else np.float32
        )
        names = [output.name for output in self._session.get_outputs()]
        values = self._session.run(names, {taken.name: tensor})
        outputs = {name: value[0] for name, value in zip(names, values, strict=True)}
        found = self._head(outputs, self._config["head"], self._input["size"])
        kept = suppress(found, self._config.get("iou_threshold", 0.45), MAX_DETECTIONS)
        limits = np.array([image.width, image.height] * 2, np.float32)
        shift = np.array([corner[1], corner[0]] * 2, np.float32)
        return [
            Detection(np.clip((one.box - shift) / scale, 0, limits), one.score, one.class_id)
            for one in kept
        ]


def letterbox(image: Image.Image, spec: Config) -> tuple[Array, float, tuple[int, int]]:
    """Scale a picture into the input's shape, keeping its own.

    Returns:
        pixels: (H, W, 3) RGB, padded.
        scale: input pixels for one of the picture's.
        corner: (y, x) of the picture in the input.
    """
    if spec["resize"] != "letterbox":
        raise ValueError(f"{spec['resize']} is not written here")
    height, width = spec["size"]
    scale = min(height / image.height, width / image.width)
    fitted = round(image.width * scale), round(image.height * scale)
    y, x = 0, 0
    if spec.get("align", "center") == "center":
        y, x = (height - fitted[1]) // 2, (width - fitted[0]) // 2
    canvas = Image.new("RGB", (width, height), (spec.get("pad", 114),) * 3)
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    canvas.paste(image.resize(fitted, filters[spec.get("interpolation", "bilinear")]), (x, y))
    return np.asarray(canvas), scale, (y, x)


def arrange(pixels: Array, spec: Config) -> F32:
    """Return a batch of one in the colours, the range and the axis order of the input."""
    values = pixels.astype(np.float32)
    if spec.get("color", "RGB") == "BGR":
        values = values[:, :, ::-1]
    values = values * spec.get("scale", 1.0)
    values = (values - np.array(spec.get("mean", [0.0]))) / np.array(spec.get("std", [1.0]))
    if spec.get("layout", "NCHW") == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[None], np.float32)


def yolox(outputs: Mapping[str, F32], head: Config, size: tuple[int, int]) -> list[Detection]:
    """Read a YOLOX head cell by cell; the class that is likeliest in a cell counts.

    Source: Ge et al., YOLOX, arXiv:2107.08430, section 2.1.
    """
    rows = iter(outputs[head["output"]])
    found = []
    for stride in head["strides"]:
        for y in range(size[0] // stride):
            for x in range(size[1] // stride):
                row = next(rows)
                class_id = int(row[5:].argmax())
                score = float(row[4] * row[5 + class_id])
                if score >= LOWEST_SCORE:
                    centre = (row[:2] + np.array([x, y])) * stride
                    half = np.exp(row[2:4]) * stride / 2
                    box = np.concatenate([centre - half, centre + half])
                    found.append(Detection(box, score, class_id))
    return found


def centernet(outputs: Mapping[str, F32], head: Config, size: tuple[int, int]) -> list[Detection]:
    """Read the peaks of a CenterNet heat map with distances to the four sides, in input pixels.

    Source: Zhou et al., Objects as Points, arXiv:1904.07850, section 4.
    """
    if head["regression"] != "ltrb" or head["units"] != "pixels" or not head["multi_label"]:
        raise ValueError("only distances in pixels, and every peak of a cell, are written here")
    heat, distances = outputs[head["heatmap"]], outputs[head["box"]]
    if head.get("layout", "channels_first") == "channels_first":
        heat, distances = heat.transpose(1, 2, 0), distances.transpose(1, 2, 0)
    rows, columns = heat.shape[:2]
    padded = np.pad(heat, ((1, 1), (1, 1), (0, 0)))
    around = [padded[y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    peaks = (heat == reduce(np.maximum, around)) & (heat >= LOWEST_SCORE)
    stride = size[0] / rows
    y, x, class_ids = np.nonzero(peaks)
    left, top, right, bottom = distances[y, x].T
    boxes = [x * stride - left, y * stride - top, x * stride + right, y * stride + bottom]
    places = zip(np.stack(boxes, axis=1), heat[peaks].tolist(), class_ids.tolist(), strict=True)
    return [Detection(*row) for row in places]


HEADS: dict[str, Callable[[Mapping[str, F32], Config, tuple[int, int]], list[Detection]]] = {
    "yolox": yolox,
    "centernet": centernet,
}
"""By the manifest's name of the decoder."""


def suppress(found: list[Detection], iou_limit: float, count: int) -> list[Detection]:
    """Return the best `count` detections that no better one of their class overlaps too much."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda one: -one.score):
        rivals = (other for other in kept if other.class_id == one.class_id)
        if all(overlap(one.box, other.box) <= iou_limit for other in rivals):
            kept.append(one)
        if len(kept) == count:
            break
    return kept


def overlap(first: F32, second: F32) -> float:
    """Return the intersection over union of two boxes; 0 where there is no union."""
    x1, y1, x2, y2 = first.tolist()
    u1, v1, u2, v2 = second.tolist()
    shared = max(0.0, min(x2, u2) - max(x1, u1)) * max(0.0, min(y2, v2) - max(y1, v1))
    union = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - shared
    return shared / union if union > 0 else 0.0
