"""YOLO heads that correct anchor boxes: YOLOv2, YOLOv3 and YOLOv4, YOLOv5 and YOLOv7."""

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.arrays import F32
from service.imaging.picture import Size
from service.tasks.decoders.candidates import Candidates
from service.tasks.decoders.grid import Anchors, GridConfig, search
from service.tasks.decoders.head import GraphShapes, Outputs, corners, require, shape_of
from service.tasks.decoders.scores import activate, choose_classes, objects


class AnchorHead(BaseModel):
    """One of several heads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output: str
    anchors: Anchors = Field(min_length=1, description="(w, h) in network-input pixels.")


class Yolov3Head(AnchorHead):
    """One of several heads, with what YOLOv4 adds to them."""

    scale_x_y: float = Field(1.0, ge=1, description="Lets centres reach the edges of their cells.")


class Yolov2(GridConfig):
    """YOLOv2 and Tiny-YOLOv2."""

    decoder: Literal["yolov2"]
    output: str
    anchors: Anchors = Field(min_length=1, description="(w, h) in cells, as in the paper.")
    class_activation: Literal["softmax", "sigmoid"] = "softmax"

    def check(self, outputs: GraphShapes, input_size: Size) -> None:
        """Compare the graph with this configuration; see `DecoderConfig.check`."""
        self.check_grid(shape_of(outputs, self.output, "output"), self.anchors, "", input_size)


class _Heads(GridConfig):
    def check_heads(
        self, outputs: GraphShapes, heads: tuple[AnchorHead, ...], input_size: Size
    ) -> None:
        for number, head in enumerate(heads):
            prefix = f"heads.{number}."
            shape = shape_of(outputs, head.output, f"{prefix}output")
            self.check_grid(shape, head.anchors, prefix, input_size)


class Yolov3(_Heads):
    """YOLOv3, YOLOv4 and their tiny variants."""

    decoder: Literal["yolov3"]
    heads: tuple[Yolov3Head, ...] = Field(min_length=1)

    def check(self, outputs: GraphShapes, input_size: Size) -> None:
        """Compare the graph with this configuration; see `DecoderConfig.check`."""
        self.check_heads(outputs, self.heads, input_size)


class Yolov5(_Heads):
    """YOLOv5 and YOLOv7: raw heads, or the rows that their own exports decode and join."""

    decoder: Literal["yolov5"]
    output: str | None = Field(
        None, description="Joined (A, 5+C): cx, cy, w, h in pixels, objectness, classes, activated."
    )
    heads: tuple[AnchorHead, ...] = ()

    @model_validator(mode="after")
    def _joined_or_raw(self) -> Self:
        if (self.output is None) == (not self.heads):
            raise ValueError("output: give either the joined output or the heads")
        return self

    def check(self, outputs: GraphShapes, input_size: Size) -> None:
        """Compare the graph with this configuration; see `DecoderConfig.check`."""
        if self.output is not None:
            shape = shape_of(outputs, self.output, "output")
            require(len(shape), 2, "output", "axes behind the batch axis")
            require(shape[1], 5 + self.num_classes, "num_classes", "values a row (5 + C)")
        self.check_heads(outputs, self.heads, input_size)


def decode_yolov2(
    outputs: Outputs, config: Yolov2, *, input_size: Size, score_threshold: float
) -> Candidates:
    """Return the boxes of a YOLOv2 head that reach the threshold.

    The 608 x 608 network divides the picture into 19 x 19 cells of 32 pixels. Its output is
    (19, 19, 5, 85): for each cell and each of 5 anchors x, y, w, h, p_c and 80 class values. A
    box's centre is its cell's corner plus sigmoid(x), sigmoid(y), its size the anchor's times
    exp(w), exp(h), all in cells; its score for class i is sigmoid(p_c) * softmax(c)_i. Of these
    1,805 boxes only those whose sigmoid(p_c) reaches the threshold have their classes scored.

    Without class values (`num_classes` 0) an anchor has 5 values: so are the face detectors.

    Args:
        outputs: one image's.
        config: of the head.
        input_size: (H, W) of the network input.
        score_threshold: 0..1; a score exactly at it passes.

    Source: Redmon and Farhadi, YOLO9000, CVPR 2017, section 2, "Direct location prediction".
    """
    found = search(
        outputs[config.output],
        config.anchors,
        config,
        input_size=input_size,
        score_threshold=score_threshold,
        class_activation=config.class_activation,
    )
    anchors = np.array(config.anchors, np.float32) * found.stride
    return found.boxed(found.centre(config, 1.0), found.exponential(anchors))


def decode_yolov3(
    outputs: Outputs, config: Yolov3, *, input_size: Size, score_threshold: float
) -> Candidates:
    """Return the boxes of the heads of a YOLOv3 or YOLOv4 that reach the threshold.

    As YOLOv2, with one head for each range of sizes, anchors in pixels, and classes that do not
    exclude each other. YOLOv4 stretches the sigmoids of the centre by `scale_x_y` about 0.5.

    Args:
        outputs: one image's.
        config: of the heads.
        input_size: (H, W) of the network input.
        score_threshold: 0..1; a score exactly at it passes.

    Source: Redmon and Farhadi, YOLOv3, arXiv:1804.02767, section 2; Bochkovskiy et al., YOLOv4,
        arXiv:2004.10934, section 3.4, "Eliminate grid sensitivity".
    """
    parts = []
    for head in config.heads:
        found = search(
            outputs[head.output],
            head.anchors,
            config,
            input_size=input_size,
            score_threshold=score_threshold,
        )
        extent = found.exponential(np.array(head.anchors, np.float32))
        parts.append(found.boxed(found.centre(config, head.scale_x_y), extent))
    return Candidates.join(parts)


def decode_yolov5(
    outputs: Outputs, config: Yolov5, *, input_size: Size, score_threshold: float
) -> Candidates:
    """Return the boxes of the heads, or joined rows, of a YOLOv5 or YOLOv7 above the threshold.

    A centre may leave its cell by half a cell, 2 sigmoid(x) - 0.5 from its corner; a size is the
    anchor's times (2 sigmoid(w))^2, so at most four times the anchor's.

    Args:
        outputs: one image's.
        config: of the heads or the joined rows.
        input_size: (H, W) of the network input.
        score_threshold: 0..1; a score exactly at it passes.

    Source: Jocher et al., YOLOv5 architecture description, section 4.3, "Eliminate grid
        sensitivity"; Wang et al., YOLOv7, arXiv:2207.02696, has the same head.
    """
    if config.output is not None:
        return _joined(outputs[config.output], config, score_threshold)
    parts = []
    for head in config.heads:
        found = search(
            outputs[head.output],
            head.anchors,
            config,
            input_size=input_size,
            score_threshold=score_threshold,
        )
        doubled = 2 * activate(found.terms[:, 2:], config.missing("boxes"))
        extent = np.array(head.anchors, np.float32)[found.anchor] * doubled**2
        parts.append(found.boxed(found.centre(config, 2.0), extent))
    return Candidates.join(parts)


def _joined(rows: F32, config: Yolov5, score_threshold: float) -> Candidates:
    """Return the candidates among (A, 5 + C) rows whose every activation is applied."""
    places, weights = objects(rows[:, 4], activation="none", score_threshold=score_threshold)
    likely = rows[places]
    chosen, class_ids, scores = choose_classes(
        likely[:, 5:],
        activation="none",
        score_threshold=score_threshold,
        objectness=weights,
        multi_label=config.multi_label,
    )
    boxes = corners(likely[chosen, :2], likely[chosen, 2:4])
    return Candidates(boxes=boxes, scores=scores, class_ids=class_ids)
