"""The decoded picture: what it says of its sizes, and that nobody can write through it."""

import numpy as np
from PIL import Image

from service.imaging.picture import Picture
from tests.imaging.pictures import corners, ramp


def test_pixels_go_in_and_come_out() -> None:
    pixels = corners(5, 7)

    picture = Picture.from_pixels(pixels)

    assert picture.size == picture.stored_size == (5, 7)
    np.testing.assert_array_equal(picture.pixels, pixels)


def test_pixels_are_a_copy_that_may_be_written_to() -> None:
    picture = Picture.from_pixels(corners(4, 4))

    picture.pixels[:] = 0

    np.testing.assert_array_equal(picture.pixels, corners(4, 4))


def test_a_view_that_is_not_contiguous_is_taken_as_it_looks() -> None:
    mirrored = corners(4, 6)[:, ::-1]

    np.testing.assert_array_equal(Picture.from_pixels(mirrored).pixels, mirrored)


def test_a_picture_decoded_at_a_reduced_scale_knows_both_sizes() -> None:
    picture = Picture(ramp(30, 40), (240, 320))

    assert picture.size == (240, 320)
    assert picture.stored_size == (30, 40)
    assert isinstance(picture.image, Image.Image)
    assert picture.pixels.shape == (30, 40, 3)
