"""Pictures with mirrored margins, and the sizes that they are worked on in."""

import re

import numpy as np
import pytest

from service.errors import InvalidOption
from service.imaging.picture import Picture, Size
from service.tasks.style.canvas import MARGIN, Canvas, working_size


def picture(height: int, width: int) -> Picture:
    """Return one whose pixels all differ: red grows to the right, green downwards."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width) % 256
    pixels[..., 1] = np.arange(height)[:, None] % 256
    pixels[..., 2] = 77
    return Picture.from_pixels(pixels)


@pytest.mark.parametrize(
    ("source", "longer_side", "expected"),
    [
        ((600, 800), 512, (384, 512)),  # scaled down, its shape kept
        ((800, 600), 512, (512, 384)),
        ((90, 120), 512, (90, 120)),  # never enlarged
        ((512, 512), 512, (512, 512)),
        ((32, 32), 512, (32, 32)),  # the smallest
        ((333, 1000), 100, (33, 100)),  # to the nearest pixel
    ],
)
def test_a_picture_is_worked_on_in_its_own_shape(
    source: Size, longer_side: int, expected: Size
) -> None:
    assert working_size(source, longer_side, part="content") == expected


@pytest.mark.parametrize(
    ("source", "longer_side", "says"),
    [
        ((31, 200), 512, "a picture of 200 x 31 is worked on at 200 x 31 pixels"),
        ((1, 1), 512, "worked on at 1 x 1 pixels"),
        ((40, 1000), 512, "worked on at 512 x 20 pixels"),  # too narrow for the size asked for
    ],
)
def test_a_side_too_short_is_refused(source: Size, longer_side: int, says: str) -> None:
    with pytest.raises(InvalidOption, match=f"^style: .*{re.escape(says)}") as caught:
        working_size(source, longer_side, part="style")

    assert caught.value.members["option"] == "style"


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (100, 64), (48, 111)])
def test_the_margins_make_both_sides_multiples(size: Size) -> None:
    canvas = Canvas.of(picture(*size), size)

    full, (top, left) = canvas.full_size, canvas.corner
    assert canvas.pixels.dtype == np.uint8
    for whole, side, before in zip(full, size, (top, left), strict=True):
        assert whole % 16 == 0
        after = whole - side - before
        assert MARGIN <= before <= after <= before + 1
        assert whole - side < 2 * MARGIN + 16


def test_the_margins_are_the_picture_in_the_mirror() -> None:
    canvas = Canvas.of(picture(40, 50), (40, 50))

    inside = picture(40, 50).pixels
    (top, left), (height, width) = canvas.corner, canvas.size
    for row in range(canvas.full_size[0]):
        mirrored = abs(row - top)
        mirrored = min(mirrored, 2 * (height - 1) - mirrored)
        line = canvas.pixels[row]
        assert (line[left : left + width] == inside[mirrored]).all()
        assert (line[left - 5 : left] == inside[mirrored, 5:0:-1]).all()
        assert (line[left + width : left + width + 5] == inside[mirrored, -2:-7:-1]).all()


def test_a_picture_may_be_put_on_in_another_size() -> None:
    flat = Picture.from_pixels(np.full((30, 90, 3), (10, 20, 30), np.uint8))

    canvas = Canvas.of(flat, (64, 48))

    assert canvas.size == (64, 48)
    assert (canvas.pixels == (10, 20, 30)).all()


def test_a_position_is_plane_by_plane_and_shows_the_picture() -> None:
    canvas = Canvas.of(picture(40, 50), (40, 50))

    position = canvas.position

    assert position.dtype == np.float32
    assert position.shape == (3 * canvas.full_size[0] * canvas.full_size[1],)
    red, green, blue = position.reshape(3, *canvas.full_size)
    assert (red[20, canvas.corner[1] : canvas.corner[1] + 50] == np.arange(50)).all()
    assert (green[canvas.corner[0] : canvas.corner[0] + 40, 20] == np.arange(40)).all()
    assert (blue == 77).all()
    assert (canvas.picture_at(position) == picture(40, 50).pixels).all()


@pytest.mark.parametrize(
    ("value", "shown"), [(-5.0, 0), (0.49, 0), (0.51, 1), (254.6, 255), (300.0, 255)]
)
def test_what_is_shown_is_rounded_to_what_a_pixel_can_be(value: float, shown: int) -> None:
    canvas = Canvas.of(picture(32, 32), (32, 32))

    pixels = canvas.picture_at(np.full_like(canvas.position, value))

    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == shown).all()


def test_noise_is_the_same_for_a_seed_and_another_for_the_next() -> None:
    canvas = Canvas.of(picture(64, 40), (64, 40))

    one, again, other = canvas.noise(1), canvas.noise(1), canvas.noise(2)

    assert (one.pixels == again.pixels).all()
    assert (one.pixels != other.pixels).mean() > 0.9
    assert (one.size, one.corner, one.full_size) == (canvas.size, canvas.corner, canvas.full_size)
    assert (one.pixels.min(), one.pixels.max()) == (0, 255)
    assert one.pixels.mean() == pytest.approx(127.5, abs=3)
