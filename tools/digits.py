"""Handwritten digits 0..9 as LeNet-5 sees them, with a fixed fifth held out.

Source: scikit-learn's `load_digits`, the test half of "Optical Recognition of Handwritten Digits",
Alpaydin and Kaynak, UCI Machine Learning Repository, 1998 (CC BY 4.0): 1,797 pictures by 13
writers, 8 by 8 counts of inked pixels, 0..16.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from service.arrays import U8, Index

SIDE = 32
MAX_COUNT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """Pictures (N, 32, 32), white ink on black, 0..255, and their classes (N,), 0..9."""

    pictures: U8
    classes: Index


def load() -> tuple[Digits, Digits]:
    """Return the digits to learn from and the fifth that is held out, stratified by class.

    The split is by picture: the data do not say who wrote what, so a writer may be in both.
    """
    from sklearn.datasets import load_digits  # heavy, and only the export environment has it
    from sklearn.model_selection import train_test_split

    data = load_digits()
    pictures = np.stack([enlarge(counts) for counts in data.images])
    classes = data.target.astype(np.intp)
    learned, held_out = train_test_split(
        np.arange(len(classes)), test_size=0.2, stratify=classes, random_state=0
    )
    return (
        Digits(pictures=pictures[learned], classes=classes[learned]),
        Digits(pictures=pictures[held_out], classes=classes[held_out]),
    )


def enlarge(counts: np.ndarray) -> U8:
    """Return (32, 32) pixels of an (8, 8) digit, resampled as the service stretches a picture.

    Args:
        counts: inked pixels in each 4 by 4 block, 0 (paper) .. 16 (ink).
    """
    pixels = np.rint(counts * (255 / MAX_COUNT)).astype(np.uint8)
    image = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(image)
