"""Colours of one picture with the light and shade of another."""

import numpy as np
from PIL import Image

from service.arrays import F32, U8


def keep_color(painted: U8, content: U8) -> U8:
    """Return a picture as light as `painted` at every place, in the colours of `content`.

    Luma and the two colour differences of YIQ are linear in R, G and B, and adding one number to
    all three moves luma by it and the differences not at all. Where the sum leaves 0..255 it is
    cut off.

    Args:
        painted: (H, W, 3) RGB.
        content: likewise.

    Source: luminance-only transfer in Gatys, Bethge, Hertzmann and Shechtman, Preserving Color in
    Neural Artistic Style Transfer, arXiv:1606.05897.
    """
    lighter = _luma(painted) - _luma(content)
    moved = content + lighter[..., None]
    return np.clip(moved, 0, 255, out=moved).astype(np.uint8)


def blend(over: U8, under: U8, opacity: float) -> U8:
    """Return `over` laid on `under`, both (H, W, 3): 1 is `over` alone, 0 `under` alone."""
    lower: F32 = under.astype(np.float32)
    mixed = lower + np.float32(opacity) * (over - lower)
    return np.rint(mixed, out=mixed).astype(np.uint8)


def _luma(pixels: U8) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """Return (H, W) luma after ITU-R BT.601, 0..255, in a type that holds differences."""
    return np.asarray(Image.fromarray(pixels).convert("L")).astype(np.int16)
