"""YOLO heads without anchor boxes: YOLOv8 to YOLO11, YOLOX; and NanoDet's distance bins."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from service.arrays import F32, Index
from service.imaging.picture import Size
from service.tasks.base import ConfigError
from service.tasks.decoders.candidates import Candidates
from service.tasks.decoders.head import (
    DecoderConfig,
    GraphShapes,
    Outputs,
    corners,
    require,
    shape_of,
    width_height,
)
from service.tasks.decoders.scores import choose_classes, objects, rows_reaching, softmax

Grids = tuple[tuple[int, int], ...]


class Yolov8(DecoderConfig):
    """YOLOv8, YOLOv9 and YOLO11, whose exports decode the boxes themselves."""

    decoder: Literal["yolov8"]
    output: str
    num_classes: PositiveInt
    strides: tuple[PositiveInt, ...] = Field((8, 16, 32), min_length=1)
    layout: Literal["channels_first", "channels_last"] = Field(
        "channels_first", description="(4+C, A), or channels_last: (A, 4+C)."
    )
    box_format: Literal["cxcywh", "xyxy"] = "cxcywh"
    normalized: bool = Field(False, description="Boxes are fractions of the input, not pixels.")
    activation: Literal["sigmoid", "none"] = Field("none", description="Of the classes, missing.")
    multi_label: bool = Field(False, description="Every class of a box, not only its best.")

    def check(self, outputs: GraphShapes, input_size: Size) -> None:
        """Compare the graph with this configuration; see `DecoderConfig.check`."""
        shape = shape_of(outputs, self.output, "output")
        require(len(shape), 2, "output", "axes behind the batch axis")
        channels, cells = shape if self.layout == "channels_first" else shape[::-1]
        if channels != 4 + self.num_classes == cells:
            raise ConfigError("layout", f"{self.layout} is the other way round: {shape}")
        require(channels, 4 + self.num_classes, "num_classes", "channels (4 + C)")
        require(cells, _count(_grids(input_size, self.strides)), "strides", "cells")


class Yolox(DecoderConfig):
    """YOLOX as its authors export it, its boxes still relative to their cells."""

    decoder: Literal["yolox"]
    output: str
    num_classes: PositiveInt
    strides: tuple[PositiveInt, ...] = Field((8, 16, 32), min_length=1)
    applied: frozenset[Literal["objectness", "classes"]] = Field(
        frozenset({"objectness", "classes"}),
        description="The parts whose sigmoid the graph already contains.",
    )
    multi_label: bool = Field(False, description="Every class of a box, not only its best.")

    def check(self, outputs: GraphShapes, input_size: Size) -> None:
        """Compare the graph with this configuration; see `DecoderConfig.check`."""
        shape = shape_of(outputs, self.output, "output")
        require(len(shape), 2, "output", "axes behind the batch axis")
        require(shape[0], _count(_grids(input_size, self.strides)), "strides", "cells")
        require(shape[1], 5 + self.num_classes, "num_classes", "values a cell (5 + C)")


class NanodetLevel(BaseModel):
    """The two outputs of one stride."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scores: str
    distances: str
    stride: PositiveInt


class Nanodet(DecoderConfig):
    """NanoDet, and other heads of generalised focal loss."""

    decoder: Literal["nanodet"]
    levels: tuple[NanodetLevel, ...] = Field(min_length=1)
    num_classes: PositiveInt
    reg_max: PositiveInt = Field(7, description="The largest distance in strides: n; n + 1 bins.")
    cell_offset: float = Field(0.5, description="Where in its cell a point is; NanoDet-Plus: 0.")
    activation: Literal["sigmoid", "none"] = Field("none", description="Of the classes, missing.")
    multi_label: bool = Field(False, description="Every class of a box, not only its best.")

    def check(self, outputs: GraphShapes, input_size: Size) -> None:
        """Compare the graph with this configuration; see `DecoderConfig.check`."""
        for number, level in enumerate(self.levels):
            prefix = f"levels.{number}"
            scores = shape_of(outputs, level.scores, f"{prefix}.scores")
            distances = shape_of(outputs, level.distances, f"{prefix}.distances")
            require(len(scores), 2, f"{prefix}.scores", "axes behind the batch axis")
            require(len(distances), 2, f"{prefix}.distances", "axes behind the batch axis")
            cells = _count(_grids(input_size, (level.stride,)))
            require(scores[0], cells, f"{prefix}.stride", "cells")
            require(distances[0], cells, f"{prefix}.stride", "cells")
            require(scores[1], self.num_classes, "num_classes", "classes")
            require(distances[1], 4 * (self.reg_max + 1), "reg_max", "distance bins, 4 (n + 1)")


def decode_yolov8(
    outputs: Outputs, config: Yolov8, *, input_size: Size, score_threshold: float
) -> Candidates:
    """Return the boxes of a YOLOv8 output that reach the threshold.

    The output is (4 + C, A), for a 640 x 640 input and COCO (84, 8400): box terms and one score a
    class, without objectness.

    Args:
        outputs: one image's.
        config: of the output.
        input_size: (H, W) of the network input.
        score_threshold: 0..1; a score exactly at it passes.

    Source: the ONNX exports of YOLOv8, YOLOv9 (Wang et al., arXiv:2402.13616) and YOLO11.
    """
    head = outputs[config.output]
    by_channel = head if config.layout == "channels_first" else head.T
    rows, classes = rows_reaching(
        head[4:] if config.layout == "channels_first" else head[:, 4:],
        axis=0 if config.layout == "channels_first" else 1,
        activation=config.activation,
        score_threshold=score_threshold,
    )
    chosen, class_ids, scores = choose_classes(
        classes,
        activation=config.activation,
        score_threshold=score_threshold,
        multi_label=config.multi_label,
    )
    terms = by_channel[:4, rows[chosen]].T
    if config.normalized:
        terms = terms * np.tile(width_height(input_size), 2)
    boxes = terms if config.box_format == "xyxy" else corners(terms[:, :2], terms[:, 2:])
    return Candidates(boxes=boxes, scores=scores, class_ids=class_ids)


def decode_yolox(
    outputs: Outputs, config: Yolox, *, input_size: Size, score_threshold: float
) -> Candidates:
    """Return the boxes of a YOLOX output that reach the threshold.

    Every cell of every stride predicts one box, in rows dx, dy, log w, log h, objectness and C
    classes: the centre from the cell's corner and the logarithm of the size, both in strides.
    A 416 x 416 input has 52^2 + 26^2 + 13^2 = 3,549 cells.

    Args:
        outputs: one image's.
        config: of the output.
        input_size: (H, W) of the network input.
        score_threshold: 0..1; a score exactly at it passes.

    Source: Ge et al., YOLOX, arXiv:2107.08430, section 2.1, "Anchor-free".
    """
    rows = outputs[config.output]
    places, weights = objects(
        rows[:, 4],
        activation="none" if "objectness" in config.applied else "sigmoid",
        score_threshold=score_threshold,
    )
    likely = rows[places]
    chosen, class_ids, scores = choose_classes(
        likely[:, 5:],
        activation="none" if "classes" in config.applied else "sigmoid",
        score_threshold=score_threshold,
        objectness=weights,
        multi_label=config.multi_label,
    )
    terms = likely[chosen, :4]
    cell, stride = _cells(places[chosen], _grids(input_size, config.strides), config.strides)
    with np.errstate(over="ignore"):  # an infinite box is dropped as not valid
        extent = np.exp(terms[:, 2:]) * stride
    boxes = corners((cell + terms[:, :2]) * stride, extent)
    return Candidates(boxes=boxes, scores=scores, class_ids=class_ids)


def decode_nanodet(
    outputs: Outputs, config: Nanodet, *, input_size: Size, score_threshold: float
) -> Candidates:
    """Return the boxes of NanoDet's levels that reach the threshold.

    Each point of each level has scores (C,) and, for left, top, right and bottom, n + 1 bins: a
    distribution over the distances 0, 1 ... n strides whose mean is the distance from the point
    to that side.

    Args:
        outputs: one image's.
        config: of the levels.
        input_size: (H, W) of the network input.
        score_threshold: 0..1; a score exactly at it passes.

    Source: Li et al., Generalized Focal Loss, arXiv:2006.04388, section 3.2, equation 5.
    """
    parts = []
    for level in config.levels:
        rows, classes = rows_reaching(
            outputs[level.scores],
            axis=1,
            activation=config.activation,
            score_threshold=score_threshold,
        )
        chosen, class_ids, scores = choose_classes(
            classes,
            activation=config.activation,
            score_threshold=score_threshold,
            multi_label=config.multi_label,
        )
        strides = (level.stride,)
        cell, stride = _cells(rows[chosen], _grids(input_size, strides), strides)
        point = (cell + np.float32(config.cell_offset)) * stride
        bins = outputs[level.distances][rows[chosen]].reshape(-1, 4, config.reg_max + 1)
        distance = softmax(bins) @ np.arange(config.reg_max + 1, dtype=np.float32) * stride
        boxes = np.concatenate([point - distance[:, :2], point + distance[:, 2:]], axis=1)
        parts.append(Candidates(boxes=boxes, scores=scores, class_ids=class_ids))
    return Candidates.join(parts)


def _grids(input_size: Size, strides: tuple[int, ...]) -> Grids:
    """Return the (rows, columns) of each stride; a partial cell at the edge counts."""
    height, width = input_size
    return tuple((-(-height // stride), -(-width // stride)) for stride in strides)


def _count(grids: Grids) -> int:
    return sum(rows * columns for rows, columns in grids)


def _cells(places: Index, grids: Grids, strides: tuple[int, ...]) -> tuple[F32, F32]:
    """Return the (K, 2) x, y of cells numbered through all grids, and their (K, 1) strides."""
    starts = np.cumsum([0, *(rows * columns for rows, columns in grids[:-1])])
    level = np.searchsorted(starts, places, side="right") - 1
    row, column = np.divmod(places - starts[level], np.array([w for _, w in grids])[level])
    cell = np.stack([column, row], axis=1).astype(np.float32)
    return cell, np.array(strides, np.float32)[level, None]
