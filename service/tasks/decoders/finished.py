"""Networks whose outputs are boxes already: end-to-end YOLO, Faster R-CNN, DETR and their like."""

from typing import Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from service.arrays import F32, Array, Index, Mask
from service.imaging.picture import Size
from service.tasks.decoders.candidates import Candidates, Suppression
from service.tasks.decoders.head import (
    DecoderConfig,
    GraphShapes,
    Outputs,
    corners,
    require,
    shape_of,
    width_height,
)
from service.tasks.decoders.scores import Activation, choose_classes, rows_reaching, softmax


class YoloEnd2End(DecoderConfig):
    """YOLOv10 and YOLO26, trained to give each object one box."""

    decoder: Literal["yolo_end2end"]
    output: str
    num_classes: PositiveInt
    normalized: bool = Field(False, description="Boxes are fractions of the input, not pixels.")
    suppression: Suppression = Field("none", description="How duplicates are removed.")

    def check(self, outputs: GraphShapes, input_size: Size) -> None:  # noqa: ARG002 (the same for all)
        """Compare the graph with this configuration; see `DecoderConfig.check`."""
        shape = shape_of(outputs, self.output, "output")
        require(len(shape), 2, "output", "axes behind the batch axis")
        require(shape[1], 6, "output", "values a row: x1, y1, x2, y2, score, class")


class BoxesScoresLabels(DecoderConfig):
    """Boxes beside scores and labels (Faster R-CNN) or beside class values (DETR)."""

    decoder: Literal["boxes_scores_labels"]
    boxes: str = "boxes"
    scores: str = Field("scores", description="(N,) beside labels, else (N, C) class values.")
    labels: str | None = Field(None, description="(N,) labels, of the scores' best classes.")
    num_classes: PositiveInt = Field(description="C, without background or no-object.")
    background: Literal["first", "last", "none"] = Field(
        "none", description="Where among the classes background, or no-object, has a place."
    )
    activation: Literal["softmax", "sigmoid", "none"] = Field(
        "none", description="Of the class values, missing; softmax counts the background in."
    )
    box_format: Literal["xyxy", "cxcywh"] = "xyxy"
    normalized: bool = Field(False, description="Boxes are fractions of the input, not pixels.")
    multi_label: bool = Field(False, description="Every class of a box; needs class values.")
    suppression: Suppression = Field("none", description="How duplicates are removed.")

    @model_validator(mode="after")
    def _labels_are_final(self) -> Self:
        if self.labels is not None and (self.activation != "none" or self.multi_label):
            raise ValueError("labels: with labels, activation and multi_label have no meaning")
        return self

    def check(self, outputs: GraphShapes, input_size: Size) -> None:  # noqa: ARG002 (the same for all)
        """Compare the graph with this configuration; see `DecoderConfig.check`."""
        boxes = shape_of(outputs, self.boxes, "boxes")
        require(len(boxes), 2, "boxes", "axes behind the batch axis")
        require(boxes[1], 4, "boxes", "values a box")
        scores = shape_of(outputs, self.scores, "scores")
        if self.labels is not None:
            labels = shape_of(outputs, self.labels, "labels")
            require(len(scores), 1, "scores", "axes behind the batch axis, beside labels")
            require(len(labels), 1, "labels", "axes behind the batch axis")
        else:
            require(len(scores), 2, "scores", "axes behind the batch axis, without labels")
            places = self.num_classes + (self.background != "none")
            key = "num_classes" if self.background == "none" else "background"
            require(scores[1], places, key, "class values")
        if boxes[0] is not None:
            require(scores[0], boxes[0], "scores", "rows, as boxes have")


def decode_yolo_end2end(
    outputs: Outputs, config: YoloEnd2End, *, input_size: Size, score_threshold: float
) -> Candidates:
    """Return the rows x1, y1, x2, y2, score, class that reach the threshold.

    Args:
        outputs: one image's, (N, 6), N usually 300; rows that are padding have low scores.
        config: of the output.
        input_size: (H, W) of the network input.
        score_threshold: 0..1; a score exactly at it passes.

    Source: Wang et al., YOLOv10, arXiv:2405.14458, section 3.1; layout of its ONNX export.
    """
    rows = outputs[config.output]
    likely = rows[rows[:, 4] >= score_threshold]
    likely = likely[_is_class(likely[:, 5], config.num_classes)]
    boxes = likely[:, :4]
    if config.normalized:
        boxes = boxes * np.tile(width_height(input_size), 2)
    class_ids = np.rint(likely[:, 5]).astype(np.intp)
    return Candidates(boxes=boxes, scores=likely[:, 4], class_ids=class_ids)


def decode_boxes_scores_labels(
    outputs: Outputs, config: BoxesScoresLabels, *, input_size: Size, score_threshold: float
) -> Candidates:
    """Return the boxes whose score, or best class, reaches the threshold.

    With labels, classes are numbered on from the background: torchvision's Faster R-CNN calls it
    0 and the first class 1. Class values of a DETR have a last place for "no object": softmax
    counts it in, and it is no class.

    Args:
        outputs: one image's.
        config: of the outputs.
        input_size: (H, W) of the network input.
        score_threshold: 0..1; a score exactly at it passes.

    Source: Ren et al., Faster R-CNN, arXiv:1506.01497, as torchvision exports it; Carion et al.,
        DETR, arXiv:2005.12872, section 3.2.
    """
    if config.labels is not None:
        rows, class_ids, scores = _labelled(outputs, config, score_threshold)
    else:
        rows, class_ids, scores = _classified(outputs[config.scores], config, score_threshold)
    boxes = outputs[config.boxes][rows]
    if config.normalized:
        boxes = boxes * np.tile(width_height(input_size), 2)
    if config.box_format == "cxcywh":
        boxes = corners(boxes[:, :2], boxes[:, 2:])
    return Candidates(boxes=boxes, scores=scores, class_ids=class_ids)


def _labelled(
    outputs: Outputs, config: BoxesScoresLabels, score_threshold: float
) -> tuple[Index, Index, F32]:
    """Return rows, class ids and scores, (K,) each, of boxes whose label is a class."""
    scores, labels = outputs[config.scores], outputs[str(config.labels)]
    numbers = labels - 1 if config.background == "first" else labels
    rows = np.flatnonzero((scores >= score_threshold) & _is_class(numbers, config.num_classes))
    return rows, np.rint(numbers[rows]).astype(np.intp), scores[rows]


def _classified(
    values: F32, config: BoxesScoresLabels, score_threshold: float
) -> tuple[Index, Index, F32]:
    """Return rows, class ids and scores, (K,) each, from (N, C) or (N, C + 1) class values."""
    activation: Activation = config.activation
    if activation == "softmax":
        values, activation = softmax(values), "none"
    places = {"first": slice(1, None), "last": slice(None, -1), "none": slice(None)}
    rows, classes = rows_reaching(
        values[:, places[config.background]],
        axis=1,
        activation=activation,
        score_threshold=score_threshold,
    )
    chosen, class_ids, scores = choose_classes(
        classes,
        activation=activation,
        score_threshold=score_threshold,
        multi_label=config.multi_label,
    )
    return rows[chosen], class_ids, scores


def _is_class(numbers: Array, num_classes: int) -> Mask:
    """Return which (N,) labels, of any number type, are a class; NaN is none."""
    mask: Mask = (numbers > -0.5) & (numbers < num_classes - 0.5)  # type: ignore[operator]
    return mask
