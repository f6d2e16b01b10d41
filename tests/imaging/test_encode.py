"""Encoding: the bytes are of the format that was asked for, and hold the picture."""

import numpy as np
import pytest

from service.imaging.decode import DecodeLimits, decode
from service.imaging.encode import PictureFormat, encode
from service.imaging.formats import sniff
from service.imaging.picture import Picture


@pytest.mark.parametrize(
    ("kind", "name", "tolerance"),
    [
        pytest.param(PictureFormat.PNG, "PNG", 0, id="png loses nothing"),
        pytest.param(PictureFormat.JPEG, "JPEG", 6, id="jpeg"),
        pytest.param(PictureFormat.WEBP, "WEBP", 6, id="webp"),
    ],
)
def test_round_trip(kind: PictureFormat, name: str, tolerance: int) -> None:
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    pixels = np.stack([np.tile(ramp, (48, 1))] * 3, axis=2)
    data = encode(Picture.from_pixels(pixels), kind)
    assert sniff(data) == name
    back = decode(data, limits=DecodeLimits()).pixels
    assert np.abs(back.astype(int) - pixels).max() <= tolerance
