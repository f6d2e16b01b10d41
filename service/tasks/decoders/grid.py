"""What heads with anchor boxes have in common: where their values are, and which of them count.

Such a head has for each of A anchors and each cell of a grid 5 + C values: four box terms, the
objectness, C class values. A grid is (rows, columns), a stride the pixels from cell to cell.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, PositiveFloat

from service.arrays import F32, Index
from service.imaging.picture import Size
from service.tasks.base import ConfigError
from service.tasks.decoders.candidates import Candidates
from service.tasks.decoders.head import (
    DecoderConfig,
    Shape,
    corners,
    require,
    require_grid,
    width_height,
)
from service.tasks.decoders.scores import Activation, activate, choose_classes, objects

Anchors = tuple[tuple[PositiveFloat, PositiveFloat], ...]
Layout = Literal["channels_first", "channels_last", "anchors_first"]
Part = Literal["boxes", "objectness", "classes"]


class GridConfig(DecoderConfig):
    """The keys of every decoder with anchor boxes."""

    num_classes: int = Field(ge=0, description="0: the objectness is the score of the only class.")
    layout: Layout = Field(
        "channels_first",
        description="channels_first: (A*(5+C), H, W) or (A, 5+C, H, W); channels_last: "
        "(H, W, A*(5+C)) or (H, W, A, 5+C); anchors_first: (A, H, W, 5+C).",
    )
    applied: frozenset[Part] = Field(
        frozenset(), description="The parts whose sigmoid or softmax the graph already contains."
    )
    multi_label: bool = Field(False, description="Every class of a box, not only its best.")

    def missing(self, part: Part, activation: Activation = "sigmoid") -> Activation:
        """Return what `part` still needs: its `activation`, or none if the graph contains it."""
        return "none" if part in self.applied else activation

    def check_grid(self, shape: Shape, anchors: Anchors, prefix: str, input_size: Size) -> None:
        """Compare one head with this configuration.

        Args:
            shape: one image's head.
            anchors: of the head.
            prefix: what goes before the keys of the head.
            input_size: (H, W) of the network input.

        Raises:
            ConfigError: they contradict each other; names the key.
        """
        channels, grid = _channels_and_grid(shape, self.layout)
        require_grid(grid, input_size)
        wanted = 5 + self.num_classes
        if len(channels) == 2:
            require(channels[0], len(anchors), f"{prefix}anchors", "anchors")
            require(channels[1], wanted, "num_classes", "values an anchor (5 + C)")
        elif channels[0] is not None:
            if channels[0] % len(anchors):
                reason = f"{len(anchors)} anchors do not divide {channels[0]} channels"
                raise ConfigError(f"{prefix}anchors", reason)
            values = channels[0] // len(anchors)
            require(values, wanted, "num_classes", "values an anchor (5 + C)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a head says above the threshold.

    Attributes:
        anchor: (K,) index of the anchor.
        cell: (K, 2) x, y of the cell.
        terms: (K, 4) the head's box terms x, y, w, h, as they are.
        scores: (K,) 0..1.
        class_ids: (K,)
        stride: (2,) pixels from cell to cell along x and y.
    """

    anchor: Index
    cell: F32
    terms: F32
    scores: F32
    class_ids: Index
    stride: F32

    def centre(self, config: GridConfig, scale_x_y: float) -> F32:
        """Return (K, 2) centres in pixels: sigmoids, stretched about the middle of their cells."""
        inside = activate(self.terms[:, :2], config.missing("boxes"))
        return ((inside - 0.5) * scale_x_y + 0.5 + self.cell) * self.stride

    def exponential(self, anchors: F32) -> F32:
        """Return (K, 2) extents: (A, 2) `anchors` times exp of the terms."""
        with np.errstate(over="ignore"):  # an infinite box is dropped as not valid
            extent: F32 = anchors[self.anchor] * np.exp(self.terms[:, 2:])
        return extent

    def boxed(self, centre: F32, extent: F32) -> Candidates:
        """Return the candidates, given their centres and extents in pixels."""
        return Candidates(
            boxes=corners(centre, extent), scores=self.scores, class_ids=self.class_ids
        )


def search(
    head: F32,
    anchors: Anchors,
    config: GridConfig,
    *,
    input_size: Size,
    score_threshold: float,
    class_activation: Activation = "sigmoid",
) -> Found:
    """Return what one image's head says above the threshold.

    The objectness is looked at first; only where it reaches the threshold are classes scored, and
    only where these do are box terms of any interest.
    """
    grid = _as_grid(head, len(anchors), config.layout)
    objectness = grid[..., 4]
    places, weights = objects(
        objectness.reshape(-1),
        activation=config.missing("objectness"),
        score_threshold=score_threshold,
    )
    anchor, row, column = np.unravel_index(places, objectness.shape)
    values = grid[anchor, row, column]
    chosen, class_ids, scores = choose_classes(
        values[:, 5:],
        activation=config.missing("classes", class_activation),
        score_threshold=score_threshold,
        objectness=weights,
        multi_label=config.multi_label,
    )
    return Found(
        anchor=anchor[chosen],
        cell=np.stack([column, row], axis=1)[chosen].astype(np.float32),
        terms=values[chosen, :4],
        scores=scores,
        class_ids=class_ids,
        stride=width_height(input_size) / width_height(objectness.shape[1:]),
    )


def _as_grid(head: F32, anchors: int, layout: Layout) -> F32:
    """Return a view (A, H, W, 5 + C) of a head."""
    if layout == "channels_first":
        return head.reshape(anchors, -1, *head.shape[-2:]).transpose(0, 2, 3, 1)
    if layout == "channels_last":
        return head.reshape(*head.shape[:2], anchors, -1).transpose(2, 0, 1, 3)
    return head


def _channels_and_grid(shape: Shape, layout: Layout) -> tuple[Shape, Shape]:
    ranks = {4} if layout == "anchors_first" else {3, 4}
    if len(shape) not in ranks:
        raise ConfigError("layout", f"{layout} does not have {len(shape)} axes")
    if layout == "channels_first":
        return shape[:-2], shape[-2:]
    if layout == "channels_last":
        return shape[2:], shape[:2]
    return (shape[0], shape[3]), shape[1:3]
