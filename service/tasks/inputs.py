"""The `[input]` section of a manifest, and pixels to tensor as it says."""

from enum import StrEnum
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.arrays import F32, U8
from service.imaging.geometry import Align, Interpolation, Resize, ResizeRule

# ITU-R BT.601 luma in 16-bit fixed point, as Pillow's own RGB to L conversion.
LUMA = np.array([19595, 38470, 7471], np.uint32)


class Layout(StrEnum):
    """Order of the axes that the graph wants."""

    NCHW = "NCHW"
    NHWC = "NHWC"


class Color(StrEnum):
    """Order of the channels that the graph wants."""

    RGB = "RGB"
    BGR = "BGR"
    GRAY = "GRAY"


class InputSpec(BaseModel):
    """How a picture becomes the network's input tensor: all of it data, none of it code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(None, description="The graph's input; default: its only one.")
    size: tuple[int, int] = Field(description="(height, width), pixels.")
    layout: Layout = Layout.NCHW
    color: Color = Color.RGB
    resize: ResizeRule = ResizeRule.STRETCH
    short_side: int = Field(0, ge=0, description="crop only; default: the longer side of `size`.")
    interpolation: Interpolation = Interpolation.BILINEAR
    pad: int = Field(114, ge=0, le=255, description="letterbox only: the grey around the picture.")
    align: Align = Align.CENTER
    scale: float = Field(1.0, gt=0, description="tensor = (pixel * scale - mean) / std")
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if min(self.size) < 1:
            raise ValueError("size: both sides must be positive")
        if self.short_side and self.short_side < max(self.size):
            raise ValueError("short_side: must not be below the longer side of size")
        for key, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in {1, self.channels}:
                raise ValueError(f"{key}: give one value or one for each of {self.channels}")
        if min(self.std) <= 0:
            raise ValueError("std: must be positive")
        return self

    @property
    def channels(self) -> int:
        """1 for GRAY, else 3."""
        return 1 if self.color is Color.GRAY else 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """One row of the tensor: (C, H, W) or (H, W, C), as `layout` says."""
        height, width = self.size
        if self.layout is Layout.NCHW:
            return self.channels, height, width
        return height, width, self.channels

    @property
    def normalizes(self) -> bool:
        """Whether `scale`, `mean` or `std` change a pixel's value."""
        return self.scale != 1.0 or any(self.mean) or any(value != 1.0 for value in self.std)

    def resizer(self) -> Resize:
        """Return the resize that this section describes."""
        return Resize(
            rule=self.resize,
            size=self.size,
            short_side=self.short_side or max(self.size),
            pad=self.pad,
            align=self.align,
            interpolation=self.interpolation,
        )

    def arrange(self, pixels: U8) -> U8:
        """Put (N, H, W, 3) RGB pixels into the graph's colour and axis order, still U8.

        Returns:
            (N, C, H, W) or (N, H, W, C), contiguous.
        """
        if self.color is Color.GRAY:
            luma = (pixels.astype(np.uint32) @ LUMA + 0x8000) >> 16
            pixels = luma.astype(np.uint8)[..., None]
        elif self.color is Color.BGR:
            pixels = pixels[..., ::-1]
        if self.layout is Layout.NCHW:
            pixels = pixels.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(pixels)

    def normalize(self, pixels: U8) -> F32:
        """Return `(pixel * scale - mean) / std` for pixels in the graph's own order.

        Args:
            pixels: (N, C, H, W) or (N, H, W, C) as `arrange` returns them.
        """
        tensor = pixels.astype(np.float32)
        if not self.normalizes:
            return tensor
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        if self.layout is Layout.NCHW:
            mean, std = mean.reshape(-1, 1, 1), std.reshape(-1, 1, 1)
        tensor *= np.float32(self.scale) / std
        tensor -= mean / std
        return tensor
