"""Soft masks drawn along the edges that a picture really has."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.arrays import F32
from service.imaging.picture import Picture

# Measured with selfie-person's maps of 256 x 256; the figures are in its README.
RADIUS = 4  # pixels of the map
EPSILON = 1e-3  # of colours in 0..1: what has a standard deviation below 0.03 is flat
# A linear filter leaves haze and faint holes; what is nearly sure is made sure, the middle stays.
RAMP = (0.25, 0.75)

ROWS = 256  # of the picture that are worked on at once, whatever its size

_F64 = NDArray[np.float64]


def refine(alpha: F32, picture: Picture) -> F32:
    """Return a network's small soft mask at the size of the picture, with the picture's edges.

    A guided filter: around every pixel of the mask the best linear function from colour to mask
    is found, and those functions, averaged and enlarged, are applied to the picture's own
    colours. They are found at the mask's size, so only the last step costs more for a larger
    picture. Where mask and colours say nothing of each other, the mask stays as it is but for a
    blur.

    Args:
        alpha: (h, w) of 0..1, covering the whole picture; its shape need not be the picture's.
        picture: at its full size.

    Returns:
        (H, W) of 0..1.

    Source: He, Sun and Tang, Guided image filtering, ECCV 2010, section 3.4 (colour guides); He
        and Sun, Fast guided filter, arXiv:1505.00996 (coefficients at a smaller size).
    """
    height, width = alpha.shape
    guide = picture.image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    colors = np.asarray(guide).transpose(2, 0, 1) / 255
    return _applied(_functions(colors, alpha.astype(np.float64)), picture)


def _functions(colors: _F64, alpha: _F64) -> F32:
    """Return the linear functions: (4, h, w), three slopes for (3, h, w) colours and an offset."""
    channels, height, width = colors.shape
    pairs = colors[:, None] * colors
    means = _windowed(np.concatenate([colors, alpha[None], colors * alpha]))
    color, mask, product = means[:channels], means[channels], means[channels + 1 :]
    spread = _windowed(pairs.reshape(-1, height, width)).reshape(pairs.shape)
    spread -= color[:, None] * color
    spread += EPSILON * np.eye(channels)[:, :, None, None]
    slopes = np.linalg.solve(
        spread.transpose(2, 3, 0, 1), (product - color * mask).transpose(1, 2, 0)[..., None]
    )[..., 0].transpose(2, 0, 1)
    offset = mask - (slopes * color).sum(axis=0)
    return _windowed(np.concatenate([slopes, offset[None]])).astype(np.float32)


def _windowed(fields: _F64) -> _F64:
    """Return the mean around every pixel of (K, h, w); beyond the border it repeats itself."""
    side = 2 * RADIUS + 1
    for _ in range(2):  # along the width, then, turned, along the height
        framed = np.pad(fields, ((0, 0), (0, 0), (RADIUS + 1, RADIUS)), mode="edge")
        total = framed.cumsum(axis=2)
        fields = ((total[..., side:] - total[..., :-side]) / side).swapaxes(1, 2)
    return fields


def _applied(functions: F32, picture: Picture) -> F32:
    """Return the functions' values for the colours of the picture, (H, W) of 0..1."""
    height, width = picture.stored_size
    fields = [Image.fromarray(field) for field in functions]
    step = fields[0].height / height
    low, high = RAMP
    result = np.empty((height, width), np.float32)
    for top in range(0, height, ROWS):
        bottom = min(top + ROWS, height)
        box = (0, top * step, fields[0].width, bottom * step)
        pixels = np.asarray(picture.image.crop((0, top, width, bottom)))
        *slopes, values = (
            np.array(field.resize((width, bottom - top), Image.Resampling.BILINEAR, box))
            for field in fields
        )
        for channel, slope in enumerate(slopes):
            slope *= pixels[..., channel]
            slope /= 255
            values += slope
        np.clip((values - low) / (high - low), 0, 1, out=result[top:bottom])
    return result
