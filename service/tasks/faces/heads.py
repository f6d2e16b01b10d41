"""From a face detector's raw outputs to boxes, scores and keypoints in network-input pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from service.arrays import F32, Index
from service.imaging.picture import Size
from service.tasks.base import ConfigError
from service.tasks.decoders.head import GraphShapes, corners, require, shape_of, width_height
from service.tasks.decoders.scores import lowest_raw, sigmoid

Outputs = Mapping[str, F32]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceCandidates:
    """Faces that reached the score threshold, with duplicates, in no particular order.

    Attributes:
        boxes: (K, 4) corners x1, y1, x2, y2 in network-input pixels, not clipped.
        scores: (K,) 0..1.
        keypoints: (K, P, 2) x, y in the same frame.
    """

    boxes: F32
    scores: F32
    keypoints: F32


class _Head(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    keypoints: tuple[str, ...] = Field(
        description="In the order of the output; right_eye is the person's own right eye."
    )


class SsdLayer(BaseModel):
    """One grid of anchors; `scores` and `boxes` may be one output, told apart by a column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scores: str
    boxes: str
    cells: int = Field(ge=1, description="Along each side.")
    anchors: int = Field(ge=1, description="In each cell.")
    score_column: int | None = Field(
        None, ge=0, description="Which column of `scores` is the score, if they are one output."
    )


class SsdHead(_Head):
    """BlazeFace and other MediaPipe detectors: anchors of one size that differ in place only."""

    decoder: Literal["ssd"]
    layers: tuple[SsdLayer, ...] = Field(min_length=1)

    def check(self, outputs: GraphShapes, input_size: Size) -> None:  # noqa: ARG002
        """Compare the graph with this configuration.

        Raises:
            ConfigError: names the key.
        """
        for number, layer in enumerate(self.layers):
            key, columns = f"layers.{number}", 4 + 2 * len(self.keypoints)
            for name in ("scores", "boxes"):
                shape = shape_of(outputs, getattr(layer, name), f"{key}.{name}")
                require(len(shape), 2, f"{key}.{name}", "axes behind the batch axis")
                require(shape[0], layer.cells**2 * layer.anchors, f"{key}.cells", "anchors")
            joined = layer.score_column is not None
            require(shape[1], columns + joined, f"{key}.boxes", "columns for box and keypoints")


class CenterfaceHead(_Head):
    """CenterFace: faces as the peaks of a heat map."""

    decoder: Literal["centerface"]
    heatmap: str
    size: str
    offset: str
    landmarks: str

    def check(self, outputs: GraphShapes, input_size: Size) -> None:  # noqa: ARG002
        """Compare the graph with this configuration.

        Raises:
            ConfigError: names the key.
        """
        wanted = {"heatmap": 1, "size": 2, "offset": 2, "landmarks": 2 * len(self.keypoints)}
        for key, channels in wanted.items():
            shape = shape_of(outputs, getattr(self, key), key)
            require(len(shape), 3, key, "axes behind the batch axis")
            require(shape[0], channels, key, "channels")


FaceHead = Annotated[SsdHead | CenterfaceHead, Field(discriminator="decoder")]


def decode_faces(
    outputs: Outputs, head: SsdHead | CenterfaceHead, *, input_size: Size, score_threshold: float
) -> FaceCandidates:
    """Return one picture's faces that reach the threshold; a score exactly at it passes.

    Args:
        outputs: by name, float32, without the batch axis.
        head: what the outputs mean.
        input_size: (H, W) of the network input.
        score_threshold: 0..1.
    """
    if isinstance(head, SsdHead):
        parts = [
            _decode_layer(outputs, layer, input_size, score_threshold) for layer in head.layers
        ]
        return FaceCandidates(
            boxes=np.concatenate([part.boxes for part in parts]),
            scores=np.concatenate([part.scores for part in parts]),
            keypoints=np.concatenate([part.keypoints for part in parts]),
        )
    return _decode_centerface(outputs, head, input_size, score_threshold)


def _decode_layer(
    outputs: Outputs, layer: SsdLayer, input_size: Size, score_threshold: float
) -> FaceCandidates:
    """Decode one grid: all values are offsets from the anchor's centre, or sizes, in input pixels.

    Source: MediaPipe, ssd_anchors_calculator.cc (fixed_anchor_size) and
        tensors_to_detections_calculator.cc, with x_scale = w_scale = the input's side.
    """
    logits = outputs[layer.scores][:, layer.score_column or 0]
    rows = np.flatnonzero(logits >= lowest_raw(score_threshold, "sigmoid"))
    scores = sigmoid(logits[rows])
    rows, scores = rows[scores >= score_threshold], scores[scores >= score_threshold]
    values = outputs[layer.boxes][rows]
    if layer.score_column is not None:
        values = np.delete(values, layer.score_column, axis=1)
    centres = _centres(layer.cells, layer.anchors) * width_height(input_size)
    points = values.reshape(len(rows), values.shape[1] // 2, 2)
    anchor = centres[rows]
    boxes = corners(anchor + points[:, 0], points[:, 1])
    return FaceCandidates(boxes=boxes, scores=scores, keypoints=anchor[:, None] + points[:, 2:])


@cache
def _centres(cells: int, anchors: int) -> F32:
    """Return the anchors' centres x, y, (cells * cells * anchors, 2), as fractions of the input."""
    middles = (np.arange(cells, dtype=np.float32) + 0.5) / cells
    grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
    centres: F32 = np.repeat(grid, anchors, axis=0)
    centres.setflags(write=False)
    return centres


def _decode_centerface(
    outputs: Outputs, head: CenterfaceHead, input_size: Size, score_threshold: float
) -> FaceCandidates:
    """Decode a heat map, in which every cell above the threshold proposes a face.

    Sizes are the logarithms of heights and widths in cells; landmarks are y, x in units of the
    box, from its corner.

    Source: Xu et al., CenterFace, arXiv:1911.03599, section 3; the order of channels and the half
        cell are those of the authors' own decoder, centerface.py.
    """
    heat = outputs[head.heatmap][0]
    cells: tuple[Index, ...] = np.nonzero(heat >= score_threshold)
    row, column = cells
    stride = width_height(input_size) / width_height(heat.shape)
    extent = np.exp(outputs[head.size][::-1, row, column]).T * stride
    offset = outputs[head.offset][::-1, row, column].T
    centre = (np.stack([column, row], axis=1) + offset + 0.5).astype(np.float32) * stride
    boxes = corners(centre, extent)
    places = outputs[head.landmarks][:, row, column].T.reshape(len(row), len(head.keypoints), 2)[
        ..., ::-1
    ]
    keypoints = boxes[:, None, :2] + places * extent[:, None]
    return FaceCandidates(
        boxes=boxes, scores=heat[row, column], keypoints=keypoints.astype(np.float32)
    )


def check_head(head: SsdHead | CenterfaceHead, outputs: GraphShapes, input_size: Size) -> None:
    """Compare the graph with a head's configuration.

    Raises:
        ConfigError: they contradict each other; names the key of the manifest.
    """
    try:
        head.check(outputs, input_size)
    except ConfigError as error:
        raise ConfigError(f"config.head.{error.key}", error.reason) from error
