"""A picture that goes through a network in parts: some tiles a run, one run after another."""

from collections.abc import Callable, Mapping

import numpy as np

from service.arrays import F32, U8, Array
from service.tasks.base import Prepared
from service.tasks.segment.config import Tiles
from service.tasks.segment.tiles import Grid, Mosaic


class Passes:
    """One picture's tiles on their way. What is finished of its answer is kept as bytes.

    Tensors are made for one run at a time, so that memory grows with the picture by a few bytes
    a pixel and no more.
    """

    def __init__(
        self,
        pixels: U8,
        tiles: Tiles,
        *,
        feed: Callable[[U8], Mapping[str, Array]],
        read: Callable[[Mapping[str, Array]], F32],
        decide: Callable[[F32], tuple[U8, ...]],
    ) -> None:
        """Cut the picture.

        Args:
            pixels: (H, W, 3).
            tiles: how.
            feed: (R, h, w, 3) tiles to the network's inputs.
            read: the network's outputs to (R, C, h, w) maps of 0..1.
            decide: (C, n, W), maps of some rows, to planes of (n, W).
        """
        self.planes: tuple[U8, ...] = ()
        self._pixels = pixels
        self._grid = Grid.of((pixels.shape[0], pixels.shape[1]), tiles)
        self._mosaic = Mosaic(self._grid, self._finish)
        self._batch = tiles.batch
        self._begun = 0
        self._feed = feed
        self._read = read
        self._decide = decide

    def next(self) -> Prepared | None:
        """Return the next run, whose context this is, or None if all tiles have been run."""
        batch = range(self._begun, min(self._begun + self._batch, len(self._grid)))
        if not batch:
            return None
        self._begun = batch.stop
        tiles = np.stack([self._grid.pixels(self._pixels, index) for index in batch])
        return Prepared(tensors=self._feed(tiles), context=self, following=self.take)

    def take(self, outputs: Mapping[str, Array]) -> Prepared | None:
        """Add a run's outputs to the answer, and return the next run, or None after the last."""
        for maps in self._read(outputs):
            self._mosaic.add(maps)
        return self.next()

    def _finish(self, top: int, maps: F32) -> None:
        rows = self._decide(maps)
        if not self.planes:
            size = self._pixels.shape[:2]
            self.planes = tuple(np.empty(size, np.uint8) for _ in rows)
        for plane, part in zip(self.planes, rows, strict=True):
            plane[top : top + len(part)] = part
