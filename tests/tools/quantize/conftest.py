"""Digits as picture files, and the network that reads them, quantised once."""

from pathlib import Path

import pytest
from PIL import Image

from tools import digits

FIRST_OF_EACH = 4


@pytest.fixture(scope="session")
def digit_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of forty held-out digits, white on black, `CLASS_NUMBER.png`."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    folder = tmp_path_factory.mktemp("digits")
    _, held_out = digits.load()
    written = dict.fromkeys(range(10), 0)
    for picture, label in zip(held_out.pictures, held_out.classes.tolist(), strict=True):
        if written[label] < FIRST_OF_EACH:
            written[label] += 1
            Image.fromarray(picture).save(folder / f"{label}_{written[label]}.png")
    return folder
