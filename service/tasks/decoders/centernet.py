"""CenterNet: objects as the peaks of a heat map."""

from typing import Final, Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from service.arrays import F32, Index
from service.imaging.picture import Size
from service.tasks.decoders.candidates import Candidates
from service.tasks.decoders.head import (
    DecoderConfig,
    GraphShapes,
    Outputs,
    Shape,
    corners,
    require,
    require_grid,
    shape_of,
    width_height,
)
from service.tasks.decoders.scores import activate, lowest_raw

_NEIGHBOURS: Final = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]


class Centernet(DecoderConfig):
    """CenterNet, with sizes and offsets as in the paper or with distances to the four sides."""

    decoder: Literal["centernet"]
    heatmap: str
    regression: Literal["wh", "ltrb"] = Field("wh", description="What `box` is.")
    box: str
    offset: str | None = Field(None, description="wh only: from the cell's corner, in cells.")
    num_classes: PositiveInt
    layout: Literal["channels_first", "channels_last"] = Field(
        "channels_first", description="(C, H, W), or channels_last: (H, W, C)."
    )
    units: Literal["cells", "pixels"] = Field("cells", description="Of `box`.")
    activation: Literal["sigmoid", "none"] = Field("none", description="Of the heat map, missing.")
    multi_label: bool = Field(False, description="Every peak of a cell, not only the highest.")

    @model_validator(mode="after")
    def _offset_fits(self) -> Self:
        if self.regression == "ltrb" and self.offset is not None:
            raise ValueError("offset: distances to the sides are from the cell's corner")
        return self

    def check(self, outputs: GraphShapes, input_size: Size) -> None:
        """Compare the graph with this configuration; see `DecoderConfig.check`."""
        grid = self._checked_grid(outputs, self.heatmap, "heatmap", self.num_classes)
        require_grid(grid, input_size)
        regressions = [("box", self.box, 2 if self.regression == "wh" else 4)]
        if self.offset is not None:
            regressions.append(("offset", self.offset, 2))
        for key, name, channels in regressions:
            other = self._checked_grid(outputs, name, key, channels)
            for cells, expected in zip(other, grid, strict=True):
                if expected is not None:
                    require(cells, expected, key, "cells along a side, as in the heat map")

    def _checked_grid(self, outputs: GraphShapes, name: str, key: str, channels: int) -> Shape:
        shape = shape_of(outputs, name, key)
        require(len(shape), 3, key, "axes behind the batch axis")
        first = self.layout == "channels_first"
        wrong = {"heatmap": "num_classes", "box": "regression"}.get(key, key)
        require(shape[0] if first else shape[2], channels, wrong, "channels")
        return shape[1:] if first else shape[:2]


def decode_centernet(
    outputs: Outputs, config: Centernet, *, input_size: Size, score_threshold: float
) -> Candidates:
    """Return the boxes of the peaks of a CenterNet heat map that reach the threshold.

    A peak is a value not below its eight neighbours of the same class. Neighbouring cells may tie,
    and exports differ, so duplicates can occur.

    Args:
        outputs: one image's.
        config: of the outputs.
        input_size: (H, W) of the network input; the stride is that over the heat map's size.
        score_threshold: 0..1; a score exactly at it passes.

    Source: Zhou et al., Objects as Points, arXiv:1904.07850, section 4.
    """
    axes = (1, 2, 0) if config.layout == "channels_first" else (0, 1, 2)
    heat = outputs[config.heatmap].transpose(axes)
    row, column, class_ids = _peaks(heat, lowest_raw(score_threshold, config.activation))
    scores = activate(heat[row, column, class_ids], config.activation)
    chosen = np.flatnonzero(scores >= score_threshold)
    if not config.multi_label:
        cell = row[chosen] * heat.shape[1] + column[chosen]
        chosen = chosen[_best_of_each(cell, scores[chosen])]
    row, column = row[chosen], column[chosen]
    stride = width_height(input_size) / width_height(heat.shape[:2])
    unit = stride if config.units == "cells" else np.ones(2, np.float32)
    corner = np.stack([column, row], axis=1).astype(np.float32)
    box = outputs[config.box].transpose(axes)[row, column]
    if config.regression == "ltrb":
        boxes = np.concatenate(
            [corner * stride - box[:, :2] * unit, corner * stride + box[:, 2:] * unit], axis=1
        )
    else:
        if config.offset is not None:
            corner += outputs[config.offset].transpose(axes)[row, column]
        boxes = corners(corner * stride, box * unit)
    return Candidates(boxes=boxes, scores=scores[chosen], class_ids=class_ids[chosen])


def _peaks(heat: F32, lowest: float) -> tuple[Index, Index, Index]:
    """Return row, column and class, (K,) each, of the peaks of (H, W, C) not below `lowest`."""
    height, width = heat.shape[:2]
    row, column = np.nonzero(heat.max(axis=2) >= lowest)
    values = heat[row, column]
    is_peak = values >= lowest
    for down, right in _NEIGHBOURS:
        # Clipped at the border, a neighbour is another one of them or the cell itself.
        beside = np.clip(row + down, 0, height - 1), np.clip(column + right, 0, width - 1)
        is_peak &= values >= heat[beside]
    cell, class_ids = np.nonzero(is_peak)
    return row[cell], column[cell], class_ids


def _best_of_each(group: Index, scores: F32) -> Index:
    """Return, ascending, the index of the highest score of each group; of equals the first."""
    order = np.lexsort((-scores, group))
    return np.sort(order[np.diff(group[order], prepend=-1) != 0])
