"""One picture for several networks, decoded as finely as its smallest face needs, and kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from service.engine.pipeline import Source
from service.imaging.decode import Scale
from service.imaging.picture import Picture, Size
from service.imaging.warp import Similarity

# A picture is first decoded so that its longer side has this many pixels. A face that fills a
# quarter of that side, as on portraits, then fills the encoder's chip too; only for smaller ones
# the picture is decoded a second time, finer.
FIRST_LOOK = 640


class Kept:
    """A source that remembers its picture, and opens it again only if more of it is needed.

    For one request, whose networks look one after the other.
    """

    def __init__(self, source: Source) -> None:
        """Remember where the picture comes from."""
        self._source = source
        self._picture: Picture | None = None

    def open(self, scale: Scale) -> Picture:
        """Return the picture with at least the pixels that `scale` asks for."""
        if self._picture is None:
            self._picture = self._source.open(lambda size: _larger(scale(size), _first_look(size)))
        height, width = scale(self._picture.size)
        stored_h, stored_w = self._picture.stored_size
        if stored_h < height or stored_w < width:
            self._picture = self._source.open(scale)
        return self._picture


@dataclass(frozen=True, slots=True)
class Look:
    """A kept picture of which `ratio` pixels are needed along each pixel of the full one's side."""

    kept: Kept
    ratio: float

    def open(self, scale: Scale) -> Picture:  # noqa: ARG002  (a task cannot know how small faces are)
        """Return the picture with at least these pixels."""
        return self.kept.open(lambda size: (ceil(size[0] * self.ratio), ceil(size[1] * self.ratio)))


def ratio(cuts: Sequence[Similarity], factor: float = 1.0) -> float:
    """Return which ratio, 0..1, of a picture's pixels is needed for what is cut out of it.

    Args:
        cuts: from the full picture's pixels to those of what is cut out.
        factor: how many times more of those are wanted.
    """
    return min(1.0, factor * max(cut.scale for cut in cuts))


def _first_look(size: Size) -> Size:
    shrink = min(1.0, FIRST_LOOK / max(size))
    return ceil(size[0] * shrink), ceil(size[1] * shrink)


def _larger(one: Size, other: Size) -> Size:
    return max(one[0], other[0]), max(one[1], other[1])
