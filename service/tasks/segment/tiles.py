"""A picture cut into overlapping tiles, and the tiles' maps blended into rows of one map."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from service.arrays import F32, U8
from service.imaging.picture import Size
from service.tasks.segment.config import Tiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a picture, mirrored at its end up to a multiple, and cut into T stretches.

    Attributes:
        length: pixels of the picture.
        padded: pixels of the mirrored picture.
        tile: pixels of each stretch, L.
        starts: (T,) where they begin; the last ends where the mirrored picture does.
        weights: (T, L) what each stretch counts for in its pixels. They rise and fall linearly
            where stretches overlap, and are 1 together everywhere.
    """

    length: int
    padded: int
    tile: int
    starts: tuple[int, ...]
    weights: F32

    @classmethod
    def cut(cls, length: int, tiles: Tiles) -> "Side":
        """Cut a side of `length` pixels; one that is no longer than a tile stays whole."""
        padded = -(-length // tiles.multiple) * tiles.multiple
        tile = min(tiles.size, padded)
        last = padded - tile
        starts = (*range(0, last, tiles.size - tiles.overlap), last)
        return cls(
            length=length,
            padded=padded,
            tile=tile,
            starts=starts,
            weights=_weights(starts, tile, tiles.overlap),
        )


def _weights(starts: tuple[int, ...], tile: int, overlap: int) -> F32:
    total = np.zeros(starts[-1] + tile)
    weights = np.ones((len(starts), tile))
    ramp = (np.arange(overlap) + 0.5) / max(overlap, 1)
    for start, weight in zip(starts, weights, strict=True):
        if start > 0:
            weight[:overlap] *= ramp
        if start < starts[-1]:
            weight[tile - overlap :] *= ramp[::-1]
        total[start : start + tile] += weight
    for start, weight in zip(starts, weights, strict=True):
        weight /= total[start : start + tile]
    return weights.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Grid:
    """All tiles of a picture; they have one size and come in reading order."""

    rows: Side
    columns: Side

    @classmethod
    def of(cls, size: Size, tiles: Tiles) -> "Grid":
        """Return the tiles of a picture of (height, width)."""
        return cls(Side.cut(size[0], tiles), Side.cut(size[1], tiles))

    def __len__(self) -> int:
        return len(self.rows.starts) * len(self.columns.starts)

    def pixels(self, picture: U8, index: int) -> U8:
        """Return the pixels of one tile, mirrored where it goes beyond the picture.

        Args:
            picture: (H, W, 3).
            index: of the tile.
        """
        row, column = divmod(index, len(self.columns.starts))
        top, left = self.rows.starts[row], self.columns.starts[column]
        part = picture[top : top + self.rows.tile, left : left + self.columns.tile]
        below, right = self.rows.tile - part.shape[0], self.columns.tile - part.shape[1]
        if not below and not right:
            return part
        # "symmetric", unlike "reflect", also mirrors a single pixel.
        return np.pad(part, ((0, below), (0, right), (0, 0)), "symmetric")


class Mosaic:
    """Joins the tiles' maps, and gives rows away as soon as no tile can change them any more.

    It holds a strip as high as one tile, so that its size does not grow with the picture's height.
    """

    def __init__(self, grid: Grid, finished: Callable[[int, F32], None]) -> None:
        """Start empty.

        Args:
            grid: the tiles.
            finished: called with y and (C, n, W), the maps of rows y to y + n of the picture; it
                must not keep them.
        """
        self._grid = grid
        self._finished = finished
        self._strip: F32 = np.zeros((0, grid.rows.tile, grid.columns.padded), np.float32)
        self._added = 0

    def add(self, maps: F32) -> None:
        """Blend in the maps of the next tile.

        Args:
            maps: (C, h, w), at the size of the tile.

        Raises:
            ValueError: they have another size; the manifest's fault.
        """
        rows, columns = self._grid.rows, self._grid.columns
        if maps.shape[1:] != (rows.tile, columns.tile):
            raise ValueError(
                f"the map of a tile of {rows.tile} x {columns.tile} is {maps.shape[1:]}: a network "
                "that runs on tiles must answer at the size of its input"
            )
        if not self._added:
            self._strip = np.zeros((len(maps), *self._strip.shape[1:]), np.float32)
        row, column = divmod(self._added, len(columns.starts))
        self._added += 1
        left = columns.starts[column]
        weights = rows.weights[row][:, None] * columns.weights[column]
        self._strip[:, :, left : left + columns.tile] += maps * weights
        if column == len(columns.starts) - 1:
            self._give_away(row)

    def _give_away(self, row: int) -> None:
        """Let go of what lies above the next row of tiles, or of all after the last one."""
        rows = self._grid.rows
        top, bottom = rows.starts[row], rows.length
        if row + 1 < len(rows.starts):
            bottom = rows.starts[row + 1]
        done = bottom - top
        self._finished(top, self._strip[:, :done, : self._grid.columns.length])
        self._strip[:, : rows.tile - done] = self._strip[:, done:].copy()
        self._strip[:, rows.tile - done :] = 0
