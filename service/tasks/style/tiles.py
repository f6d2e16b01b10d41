"""Large pictures in parts: what is to be looked at, so that the parts fit together without seams.

A style network normalises its channels over all that it sees, so parts of a picture that are
painted on their own differ in colour and contrast at every seam. All parts are painted with the
same statistics instead, and each with as much around it as its pixels depend on: then they come
out as they would within the whole. The statistics are those of a mosaic: many small windows of
the picture, evenly spread over it, side by side.

Source: after Chen et al., Towards Ultra-Resolution Neural Style Transfer via Thumbnail Instance
Normalization, AAAI 2022. Their thumbnail of the picture has no grain, and what it says of fine
texture is not true of the picture itself; windows have the picture's own scale.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from service.arrays import U8
from service.imaging.picture import Size

# Pixels; smaller ones see more places, but more of what they see are the borders between them.
WINDOW = 128

Area = tuple[slice, slice]
"""Rows and columns of a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A part of a picture.

    Attributes:
        core: the part itself.
        window: what has to be looked at for it.
        inner: where the core is in the window.
    """

    core: Area
    window: Area
    inner: Area


def tiles(size: Size, *, largest: Size, halo: int, multiple: int) -> list[Tile]:
    """Return parts that cover a picture once, all about as large, row by row.

    Args:
        size: (H, W) of the picture.
        largest: (h, w) of a window at most; multiples of `multiple`, larger than two halos.
        halo: pixels around a core that its result depends on, a multiple of `multiple`.
        multiple: windows begin there, because the network halves what it sees.
    """
    rows, columns = (
        _spans(side, most, halo, multiple) for side, most in zip(size, largest, strict=True)
    )
    return [
        Tile(
            core=(row.core, column.core),
            window=(row.window, column.window),
            inner=(row.inner, column.inner),
        )
        for row in rows
        for column in columns
    ]


def mosaic(pixels: U8, *, area: int, multiple: int) -> U8:
    """Return windows of a picture, evenly spread over it, side by side.

    Args:
        pixels: (H, W, 3).
        area: pixels of the result, about; fewer than the picture has.
        multiple: sides of the windows are multiples of it.
    """
    height, width = pixels.shape[:2]
    rows = _windows(height, math.sqrt(area * height / width), multiple)
    taken = max(sum(row.stop - row.start for row in rows), 2 * multiple)  # thinner is mirrored up
    columns = _windows(width, area / taken, multiple)
    return np.concatenate(
        [np.concatenate([pixels[row, column] for column in columns], axis=1) for row in rows]
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """One axis of a tile."""

    core: slice
    window: slice
    inner: slice


def _spans(side: int, most: int, halo: int, multiple: int) -> list[_Span]:
    if side <= most:
        whole = slice(0, side)
        return [_Span(whole, whole, whole)]
    # Places are rounded to the multiple, which may make a core longer by as much.
    count = math.ceil(side / (most - 2 * halo - multiple))
    ends = [round(side * index / count / multiple) * multiple for index in range(count)] + [side]
    spans = []
    for begin, end in pairwise(ends):
        window = slice(max(0, begin - halo), min(side, end + halo))
        inner = slice(begin - window.start, end - window.start)
        spans.append(_Span(slice(begin, end), window, inner))
    return spans


def _windows(side: int, kept: float, multiple: int) -> list[slice]:
    """Return windows along one axis that keep about so many of its pixels, `WINDOW` in each.

    Each is in the middle of its share of the axis.
    """
    count = max(1, int(kept) // WINDOW)
    length = min(side, max(multiple, int(kept) // count // multiple * multiple))
    centres = (side * (index + 0.5) / count for index in range(count))
    places = (round(centre - length / 2) for centre in centres)
    return [slice(place, place + length) for place in places]
