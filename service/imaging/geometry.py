"""Resizing a picture for a network, together with the exact way back to its own pixels."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from PIL import Image

from service.arrays import F32, U8
from service.imaging.picture import Picture, Size

# Pillow first averages whole blocks when a picture shrinks by more than this; at 3 the result
# differs from the slow way by less than rounding (Pillow's documentation of `reducing_gap`).
REDUCING_GAP = 3.0


class Interpolation(StrEnum):
    """How pixels are resampled; all but nearest are antialiased when a picture shrinks."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


class ResizeRule(StrEnum):
    """How a picture of any shape becomes one of the network's shape."""

    CROP = "crop"
    LETTERBOX = "letterbox"
    STRETCH = "stretch"


class Align(StrEnum):
    """Where a letterboxed picture sits in its frame."""

    CENTER = "center"
    TOP_LEFT = "top-left"


_FILTERS = {
    Interpolation.NEAREST: Image.Resampling.NEAREST,
    Interpolation.BILINEAR: Image.Resampling.BILINEAR,
    Interpolation.BICUBIC: Image.Resampling.BICUBIC,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSource:
    """The way back from network-input pixels to pixels of the full upright picture.

    x_source = (x_input - offset_x) * scale_x, and the same for y.
    """

    scale_x: float
    scale_y: float
    offset_x: float
    offset_y: float
    size: Size

    def boxes(self, boxes_input: F32) -> F32:
        """Map (N, 4) corners x1, y1, x2, y2 to source pixels, clipped to the picture."""
        offset = np.array([self.offset_x, self.offset_y] * 2, np.float32)
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        limit = np.array(self.size[::-1] * 2, np.float32)
        boxes_source: F32 = np.clip((boxes_input - offset) * scale, 0, limit)
        return boxes_source

    def points(self, points_input: F32) -> F32:
        """Map (..., 2) points x, y to source pixels, not clipped."""
        offset = np.array([self.offset_x, self.offset_y], np.float32)
        scale = np.array([self.scale_x, self.scale_y], np.float32)
        return (points_input - offset) * scale


@dataclass(frozen=True, slots=True)
class Resized:
    """Pixels of the network's shape, (H, W, 3) RGB, and the inverse of how they came to be."""

    pixels: U8
    to_source: ToSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """One model's way of fitting a picture into its input; calling it does the work.

    Attributes:
        rule: crop (the short side becomes `short_side`, then the centre is cut out), letterbox
            (the whole picture, padded) or stretch (the whole picture, its shape ignored).
        size: (H, W) of the network input.
        short_side: crop only, pixels; at least the longer side of `size`.
        pad: letterbox only, the grey value around the picture, 0..255.
        align: letterbox only.
        interpolation: the resampling filter.
    """

    rule: ResizeRule
    size: Size
    short_side: int = 0
    pad: int = 0
    align: Align = Align.CENTER
    interpolation: Interpolation = Interpolation.BILINEAR

    def needed(self, source: Size) -> Size:
        """Return the smallest (h, w) at which a picture of size `source` loses nothing here."""
        height, width = source
        if self.rule is ResizeRule.STRETCH:
            return min(height, self.size[0]), min(width, self.size[1])
        scale = min(1.0, self._scale(source))
        return max(1, round(height * scale)), max(1, round(width * scale))

    def __call__(self, picture: Picture) -> Resized:
        """Fit the picture into (H, W), keeping the exact inverse."""
        if self.rule is ResizeRule.CROP:
            return self.crop(picture, 0.5, 0.5)
        height, width = picture.size
        target_h, target_w = self.size
        if self.rule is ResizeRule.STRETCH:
            image = self._resample(picture, self.size)
            return Resized(np.asarray(image), self._inverse(picture.size, self.size, (0, 0)))
        scale = self._scale(picture.size)
        fitted = (
            min(target_h, max(1, round(height * scale))),
            min(target_w, max(1, round(width * scale))),
        )
        top, left = 0, 0
        if self.align is Align.CENTER:
            top, left = (target_h - fitted[0]) // 2, (target_w - fitted[1]) // 2
        pixels = np.full((target_h, target_w, 3), self.pad, np.uint8)
        pixels[top : top + fitted[0], left : left + fitted[1]] = np.asarray(
            self._resample(picture, fitted)
        )
        return Resized(pixels, self._inverse(picture.size, fitted, (top, left)))

    def crop(self, picture: Picture, y: float, x: float) -> Resized:
        """Cut a network-sized window from the picture whose short side is `short_side`.

        Only the window is resampled, never the whole scaled picture, so a 10,000 x 40 picture
        costs no more than a square one.

        Args:
            picture: any size.
            y: where the window sits, 0 (top) .. 1 (bottom).
            x: likewise, 0 (left) .. 1 (right).
        """
        height, width = picture.size
        scale = self.short_side / min(height, width)
        window_h, window_w = self.size[0] / scale, self.size[1] / scale
        top, left = (height - window_h) * y, (width - window_w) * x
        stored_h, stored_w = picture.stored_size
        ratio_y, ratio_x = stored_h / height, stored_w / width
        box = (
            max(0.0, left * ratio_x),
            max(0.0, top * ratio_y),
            min(float(stored_w), (left + window_w) * ratio_x),
            min(float(stored_h), (top + window_h) * ratio_y),
        )
        image = picture.image.resize(
            self.size[::-1], _FILTERS[self.interpolation], box, REDUCING_GAP
        )
        to_source = ToSource(
            scale_x=1 / scale,
            scale_y=1 / scale,
            offset_x=-left * scale,
            offset_y=-top * scale,
            size=picture.size,
        )
        return Resized(np.asarray(image), to_source)

    def _scale(self, source: Size) -> float:
        height, width = source
        if self.rule is ResizeRule.CROP:
            return self.short_side / min(height, width)
        return min(self.size[0] / height, self.size[1] / width)

    def _resample(self, picture: Picture, size: Size) -> Image.Image:
        if picture.stored_size == size:
            return picture.image
        return picture.image.resize(
            size[::-1], _FILTERS[self.interpolation], reducing_gap=REDUCING_GAP
        )

    @staticmethod
    def _inverse(source: Size, fitted: Size, corner: tuple[int, int]) -> ToSource:
        return ToSource(
            scale_x=source[1] / fitted[1],
            scale_y=source[0] / fitted[0],
            offset_x=float(corner[1]),
            offset_y=float(corner[0]),
            size=source,
        )
