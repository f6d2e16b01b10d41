"""The digits are prepared as the service will prepare a caller's picture."""

import numpy as np
import pytest

from service.imaging.geometry import Interpolation, Resize, ResizeRule
from service.imaging.picture import Picture
from tools import digits


def test_a_digit_is_stretched_as_the_service_does() -> None:
    counts = np.random.default_rng(0).integers(0, 17, (8, 8)).astype(np.float64)
    grey = np.rint(counts / 16 * 255).astype(np.uint8)
    resize = Resize(rule=ResizeRule.STRETCH, size=(32, 32), interpolation=Interpolation.BILINEAR)

    served = resize(Picture.from_pixels(np.repeat(grey[..., None], 3, axis=2))).pixels

    np.testing.assert_array_equal(digits.enlarge(counts), served[..., 0])


def test_ink_and_paper_use_the_whole_range() -> None:
    assert (digits.enlarge(np.zeros((8, 8))) == 0).all()
    assert (digits.enlarge(np.full((8, 8), 16.0)) == 255).all()


def test_a_stratified_fifth_is_held_out() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")

    learned, held_out = digits.load()

    assert learned.pictures.shape == (1437, 32, 32)
    assert held_out.pictures.shape == (360, 32, 32)
    shares = np.bincount(held_out.classes) / np.bincount(
        np.concatenate([learned.classes, held_out.classes])
    )
    assert np.abs(shares - 0.2).max() < 0.01  # of every class
