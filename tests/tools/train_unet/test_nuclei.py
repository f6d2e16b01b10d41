"""The pictures of nuclei: the split by name, the kinds, and what is read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.train_unet import nuclei
from tools.train_unet.nuclei import Kind


def test_the_split_depends_on_the_name_alone_and_keeps_its_share() -> None:
    kept = [nuclei.is_validation(f"{number:016x}") for number in range(4000)]

    assert kept == [nuclei.is_validation(f"{number:016x}") for number in range(4000)]
    assert np.mean(kept) == pytest.approx(nuclei.VALIDATION_SHARE, abs=0.02)


def write(folder: Path, name: str, color: tuple[int, int, int], labels: np.ndarray) -> None:
    for part in ("images", "labels"):
        (folder / part).mkdir(exist_ok=True)
    pixels = np.full((*labels.shape, 3), color, np.uint8)
    Image.fromarray(pixels).save(folder / "images" / f"{name}.png")
    Image.fromarray(labels.astype(np.uint16)).save(folder / "labels" / f"{name}.png")


def test_load_reads_either_side_with_its_kinds(tmp_path: Path) -> None:
    looks = {
        Kind.FLUORESCENT: (9, 9, 9),
        Kind.STAINED: (200, 120, 190),
        Kind.BRIGHTFIELD: (220, 220, 220),
    }
    labels = np.array([[0, 1, 1], [0, 0, 60000]])
    for kind, color in looks.items():
        for number in range(8):
            write(tmp_path, f"{kind.value}-{number}", color, labels)

    sides = [nuclei.load(tmp_path, validation=side) for side in (False, True)]

    assert sum(map(len, sides)) == 24
    assert {sample.name for sample in sides[0]}.isdisjoint(sample.name for sample in sides[1])
    for sample in sides[0] + sides[1]:
        assert sample.name.startswith(sample.kind.value)
        assert sample.pixels.shape == (2, 3, 3)
        np.testing.assert_array_equal(sample.labels, labels)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has no PNG"):
        nuclei.load(tmp_path, validation=True)
