"""Turning, shifting and scaling a part of a picture into a small upright one."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from service.arrays import F32, U8
from service.imaging.picture import Picture, Size

# What bicubic resampling reads around a pixel, and one more for rounding.
_MARGIN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """A turn, a uniform scale and a shift; it never mirrors.

    x' = a * x - b * y + shift_x and y' = b * x + a * y + shift_y.
    """

    a: float
    b: float
    shift_x: float
    shift_y: float

    @classmethod
    def onto_square(
        cls, centre: tuple[float, float], extent: float, *, side: float, roll: float = 0.0
    ) -> "Similarity":
        """Return what maps a square of a picture onto (0, 0) .. (side, side).

        Args:
            centre: x, y of the square.
            extent: its side, in the same unit; above 0.
            side: what becomes of its side.
            roll: radians by which the square is turned clockwise, as the picture is seen.

        >>> to_chip = Similarity.onto_square((30, 40), 20, side=10)
        >>> to_chip.points(np.array([[20, 30], [40, 50]], np.float32)).tolist()
        [[0.0, 0.0], [10.0, 10.0]]
        """
        scale = side / extent
        a, b = scale * math.cos(roll), -scale * math.sin(roll)
        x, y = centre
        return cls(a=a, b=b, shift_x=side / 2 - (a * x - b * y), shift_y=side / 2 - (b * x + a * y))

    @property
    def scale(self) -> float:
        """How long a unit becomes."""
        return math.hypot(self.a, self.b)

    def inverse(self) -> "Similarity":
        """Return the way back.

        Raises:
            ZeroDivisionError: the scale is 0.
        """
        square = self.a**2 + self.b**2
        a, b = self.a / square, -self.b / square
        return Similarity(
            a=a,
            b=b,
            shift_x=-(a * self.shift_x - b * self.shift_y),
            shift_y=-(b * self.shift_x + a * self.shift_y),
        )

    def points(self, points: F32) -> F32:
        """Map (..., 2) points x, y."""
        x, y = points[..., 0].astype(np.float64), points[..., 1].astype(np.float64)
        mapped = (self.a * x - self.b * y + self.shift_x, self.b * x + self.a * y + self.shift_y)
        return np.stack(mapped, axis=-1).astype(np.float32)


def warp(picture: Picture, to_chip: Similarity, side: int) -> U8:
    """Cut a turned square out of a picture and bring it to `side` x `side` pixels.

    Where the picture shrinks it is averaged first, so that nothing aliases; the rest is bicubic.
    What lies outside the picture is black. Only the pixels around the square are touched.

    Args:
        picture: at any scale.
        to_chip: from pixels of the full picture to pixels of the result.
        side: of the result.

    Returns:
        (side, side, 3) RGB.
    """
    (height, width), (stored_h, stored_w) = picture.size, picture.stored_size
    back = to_chip.inverse()
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    to_stored = np.array([stored_w / width, stored_h / height])
    quad = back.points(corners) * to_stored
    # Stored pixels for each pixel of the result; what is above 1 has to be averaged.
    shrink = max(1.0, back.scale * float(to_stored.max()))
    window = _window(quad, _MARGIN * shrink, picture.stored_size)
    if window is None:
        return np.zeros((side, side, 3), np.uint8)
    left, top, right, bottom = window
    size = (max(1, round((right - left) / shrink)), max(1, round((bottom - top) / shrink)))
    piece = picture.image.crop(window)
    if shrink > 1:
        piece = piece.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    ratio_x, ratio_y = piece.width / (right - left), piece.height / (bottom - top)
    scale_x, scale_y = ratio_x * to_stored[0], ratio_y * to_stored[1]
    coefficients = (
        back.a * scale_x,
        -back.b * scale_x,
        back.shift_x * scale_x - left * ratio_x,
        back.b * scale_y,
        back.a * scale_y,
        back.shift_y * scale_y - top * ratio_y,
    )
    chip = piece.transform(
        (side, side), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC, fillcolor=0
    )
    return np.asarray(chip)


def outside(to_chip: Similarity, side: int, size: Size) -> float:
    """Return the share of a turned square that lies outside a picture, 0..1, to about 1/1000.

    Args:
        to_chip: from pixels of the picture to the square's own.
        side: of the square, in its own pixels.
        size: (H, W) of the picture.
    """
    middles = (np.arange(32, dtype=np.float32) + 0.5) * (side / 32)
    grid = np.stack(np.meshgrid(middles, middles), axis=-1)
    places = to_chip.inverse().points(grid)
    inside = (places >= 0).all(axis=-1) & (places < np.array(size[::-1])).all(axis=-1)
    return 1.0 - float(inside.mean())


def _window(quad: F32, margin: float, size: Size) -> tuple[int, int, int, int] | None:
    """Return left, top, right, bottom around a quadrangle, within the picture; None if beside."""
    low = np.floor(quad.min(axis=0) - margin)
    high = np.ceil(quad.max(axis=0) + margin)
    left, top = (max(0, int(value)) for value in low)
    right, bottom = min(size[1], int(high[0])), min(size[0], int(high[1]))
    return (left, top, right, bottom) if left < right and top < bottom else None
