"""The decoded picture that travels through the house, so that no other layer needs PIL."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from service.arrays import U8

Size = tuple[int, int]
"""(height, width), pixels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright RGB picture, perhaps decoded at a reduced scale, that knows its full size.

    Attributes:
        image: mode RGB; for `service.imaging` only.
        size: (H, W) of the full picture after EXIF rotation: the frame of every answer.
    """

    image: Image.Image
    size: Size

    @property
    def stored_size(self) -> Size:
        """(h, w) of the pixels at hand: at most `size`, smaller after a scaled decode."""
        return self.image.height, self.image.width

    @property
    def pixels(self) -> U8:
        """A copy of the pixels at hand, (h, w, 3), RGB, 0..255."""
        return np.asarray(self.image).copy()

    @classmethod
    def from_pixels(cls, pixels: U8) -> "Picture":
        """Wrap (H, W, 3) RGB pixels as a full-size picture."""
        image = Image.fromarray(np.ascontiguousarray(pixels))
        return cls(image, (image.height, image.width))
