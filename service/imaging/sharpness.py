"""How sharp a picture is, in a number that contrast does not change."""

import numpy as np

from service.arrays import U8

# ITU-R BT.601 luma.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def sharpness(pixels: U8) -> float:
    """Return the variance of the Laplacian over the variance of the brightness; 0 for a flat one.

    The Laplacian is the sum of the four neighbours minus four times the pixel. White noise has
    20, a photograph at the limit of its resolution about 0.1, and each doubling of a blur a
    small fraction of that. Brightness and contrast cancel out.

    Args:
        pixels: (H, W, 3) RGB, at least 3 x 3. Comparable only between pictures of one size that
            show the same thing as large.

    Source: variance of the Laplacian as in Pech-Pacheco et al., Diatom autofocusing in
        brightfield microscopy, ICPR 2000; the division by the variance is ours.

    >>> sharpness(np.full((8, 8, 3), 90, np.uint8))
    0.0
    """
    luma = pixels.astype(np.float32) @ _LUMA
    middle = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * middle
    contrast = float(middle.var())
    # Below one grey level of contrast there is nothing to see, sharp or not.
    return float(laplacian.var()) / contrast if contrast >= 1 else 0.0
