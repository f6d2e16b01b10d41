"""How a camera was held: undone once, in every format, and never a reason to refuse a picture."""

import numpy as np
import pytest
from PIL import Image

from service.imaging.decode import DecodeLimits, decode
from tests.imaging.pictures import corners, exif, ramp, turned
from tests.pictures import encoded

# pytest's own filters hide the one that `decode` sets for the process.
pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\..*")

LIMITS = DecodeLimits()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation_comes_out_upright(file_format: str, orientation: int) -> None:
    upright = corners()
    stored = Image.fromarray(np.ascontiguousarray(turned(upright, orientation)))
    quality = {"lossless": True} if file_format == "WEBP" else {"quality": 100, "subsampling": 0}
    data = encoded(stored, file_format, exif=exif(orientation), **quality)

    picture = decode(data, limits=LIMITS)

    assert picture.size == picture.stored_size == (48, 64)
    np.testing.assert_allclose(picture.pixels.astype(int), upright, atol=6)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "MPO"])
def test_every_orientation_comes_out_upright_at_a_reduced_scale(
    file_format: str, orientation: int
) -> None:
    upright = corners(480, 640)
    stored = Image.fromarray(np.ascontiguousarray(turned(upright, orientation)))
    data = encoded(stored, file_format, exif=exif(orientation))

    picture = decode(data, limits=LIMITS, scale=lambda size: (size[0] // 8, size[1] // 8))

    assert picture.size == (480, 640)
    assert picture.stored_size == (60, 80)
    for y, x in [(15, 20), (15, 60), (45, 20), (45, 60)]:  # the middle of each quarter
        np.testing.assert_allclose(picture.pixels[y, x].astype(int), upright[y * 8, x * 8], atol=6)


@pytest.mark.parametrize(
    "tags",
    [
        b"Exif\0\0noise, not tags",
        b"Exif\0\0MM\0*",  # ends where the directory's place is due
        b"Exif\0\0MM\0*\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x05abc",
        # an orientation that is no number
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04six\0\0\0\0\0",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0\0\0\0\0",  # and a ninth
    ],
    ids=range(6),
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_is_no_reason_to_refuse_a_picture(file_format: str, tags: bytes) -> None:
    resolution = {} if file_format == "WEBP" else {"dpi": (72, 72)}

    picture = decode(encoded(ramp(24, 32), file_format, exif=tags, **resolution), limits=LIMITS)

    np.testing.assert_allclose(picture.pixels.astype(int), np.asarray(ramp(24, 32)), atol=12)
