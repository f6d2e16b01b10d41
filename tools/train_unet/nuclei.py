"""The pictures of nuclei, their kinds, and which of them are never trained on."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from service.arrays import U8, Array

VALIDATION_SHARE = 0.15
COLORED_ABOVE = 8.0  # mean spread of the channels; grey pictures have none at all
BRIGHT_ABOVE = 127.0


class Kind(StrEnum):
    """How the picture was taken: three looks, of which the first outnumbers the others."""

    FLUORESCENT = "fluorescent"  # light nuclei on black, grey
    STAINED = "stained"  # purple or pink tissue
    BRIGHTFIELD = "brightfield"  # dark nuclei on light grey


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One picture.

    Attributes:
        name: of its file, without the suffix.
        pixels: (H, W, 3) RGB.
        labels: (H, W) int32; 0 is background, every nucleus has a number of its own.
    """

    name: str
    kind: Kind
    pixels: U8
    labels: Array


def is_validation(name: str) -> bool:
    """Tell whether a picture is kept for validation, by the hash of its name alone."""
    share = int(sha256(name.encode()).hexdigest()[:8], 16) / 2**32
    return share < VALIDATION_SHARE


def load(data: Path, *, validation: bool) -> list[Sample]:
    """Read one side of the split, ordered by name.

    Raises:
        FileNotFoundError: `data` has no pictures.
    """
    paths = sorted((data / "images").glob("*.png"))
    if not paths:
        raise FileNotFoundError(f"{data / 'images'} has no PNG")
    return [_read(data, path) for path in paths if is_validation(path.stem) == validation]


def _read(data: Path, path: Path) -> Sample:
    with Image.open(path) as picture, Image.open(data / "labels" / path.name) as labels:
        pixels = np.asarray(picture.convert("RGB"))
        return Sample(
            name=path.stem,
            kind=_kind(pixels),
            pixels=pixels,
            labels=np.asarray(labels).astype(np.int32),
        )


def _kind(pixels: U8) -> Kind:
    spread = pixels.max(axis=2).astype(np.float32) - pixels.min(axis=2)
    if spread.mean() > COLORED_ABOVE:
        return Kind.STAINED
    return Kind.BRIGHTFIELD if pixels.mean() > BRIGHT_ABOVE else Kind.FLUORESCENT
