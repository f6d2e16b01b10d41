"""Classes and weights from labels, by hand."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="SciPy is not installed")

from tools.train_unet.targets import (
    BACKGROUND,
    BORDER,
    NUCLEUS,
    SIGMA,
    WEIGHT,
    classes_and_weights,
)


def row(text: str) -> np.ndarray:
    """Return labels of one row, thrice, so that rows above and below are alike."""
    return np.array([[int(character) for character in text]] * 3)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ("00000000", "........"),
        ("00111000", "..nnn..."),  # alone: no border
        ("01112220", ".nbbbbn."),  # touching: two pixels on either side
        ("01110222", ".nnbbbnn"),  # a gap of one is border, and one pixel on either side
        ("01110022", ".nnn..nn"),  # a gap of two is background
        ("00001200", "....bb.."),  # nuclei of one pixel are all border
    ],
)
def test_classes(labels: str, classes: str) -> None:
    names = {".": BACKGROUND, "n": NUCLEUS, "b": BORDER}

    found, _ = classes_and_weights(row(labels))

    np.testing.assert_array_equal(found[1], [names[letter] for letter in classes])


def test_weights_are_the_papers() -> None:
    _, weights = classes_and_weights(row("0111000022"))
    alone = np.exp(-(5.0**2) / (2 * SIGMA**2))  # d1 + d2 = 5 everywhere in a gap of four

    np.testing.assert_allclose(weights[1, 4:8], 1 + WEIGHT * alone, rtol=1e-6)
    np.testing.assert_array_equal(weights[1, 1:4], 1)  # inside nuclei


def test_weights_of_one_nucleus_are_one() -> None:
    _, weights = classes_and_weights(row("0011100"))

    np.testing.assert_array_equal(weights, 1)
