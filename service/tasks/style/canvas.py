"""A picture with mirrored margins around it, cut off again when the work on it is done."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from service.arrays import F32, U8
from service.errors import InvalidOption
from service.imaging.geometry import Interpolation, Resize, ResizeRule
from service.imaging.picture import Picture, Size

# VGG-16 halves a picture four times before its deepest layer that is looked at.
MULTIPLE = 16
# Below, the deepest layer sees a single place: there is no texture to speak of.
MIN_SIDE = 32
# The network's convolutions put zeros around every picture, which an optimisation answers with
# stripes along the border. They stay within the margin.
MARGIN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """A picture and its margins.

    Attributes:
        pixels: (H, W, 3) RGB; both sides multiples of `MULTIPLE`.
        corner: (top, left), where the picture itself begins.
        size: (h, w) of the picture itself.
    """

    pixels: U8
    corner: tuple[int, int]
    size: Size

    @classmethod
    def of(cls, picture: Picture, size: Size) -> Self:
        """Return the picture at `size` with its own mirror image around it.

        Args:
            picture: any size; its shape is not kept.
            size: (h, w) of the result without margins, at least `MIN_SIDE`.
        """
        resize = Resize(rule=ResizeRule.STRETCH, size=size, interpolation=Interpolation.BICUBIC)
        margins = [_margins(side) for side in size]
        pixels = np.pad(resize(picture).pixels, (*margins, (0, 0)), mode="reflect")
        return cls(pixels=pixels, corner=(margins[0][0], margins[1][0]), size=size)

    @property
    def full_size(self) -> Size:
        """(H, W), with the margins."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def position(self) -> F32:
        """All pixels, margins too, as an optimiser moves them: (3 H W,), plane by plane, 0..255."""
        return self.pixels.transpose(2, 0, 1).astype(np.float32).ravel()

    def noise(self, seed: int) -> Self:
        """Return a canvas of the same size on which every value is as likely as any other."""
        pixels = np.random.default_rng(seed).integers(0, 256, self.pixels.shape, np.uint8)
        return replace(self, pixels=pixels)

    def picture_at(self, position: F32) -> U8:
        """Return the pixels of a position (3 H W,) without the margins: (h, w, 3)."""
        (top, left), (height, width) = self.corner, self.size
        planes = position.reshape(3, *self.full_size)
        planes = planes[:, top : top + height, left : left + width]
        rounded = np.rint(np.clip(planes, 0, 255)).astype(np.uint8)
        return np.ascontiguousarray(rounded.transpose(1, 2, 0))


def working_size(source: Size, longer_side: int, *, part: str) -> Size:
    """Return the size at which a picture is worked on: its shape kept, never enlarged.

    Args:
        source: (H, W) of the picture.
        longer_side: of the result at most.
        part: what the picture is called in an error.

    Raises:
        InvalidOption: a side would be shorter than `MIN_SIDE`.

    >>> working_size((600, 800), 512, part="content"), working_size((90, 120), 512, part="content")
    ((384, 512), (90, 120))
    """
    scale = min(1.0, longer_side / max(source))
    height, width = (round(side * scale) for side in source)
    if min(height, width) < MIN_SIDE:
        raise InvalidOption(
            part,
            f"a picture of {source[1]} x {source[0]} is worked on at {width} x {height} pixels; "
            f"both sides must be at least {MIN_SIDE}",
        )
    return height, width


def _margins(side: int) -> tuple[int, int]:
    """Return the pixels before and after, `MARGIN` at least on both ends."""
    whole = -(-(side + 2 * MARGIN) // MULTIPLE) * MULTIPLE
    before = (whole - side) // 2
    return before, whole - side - before
