"""Turned squares out of pictures: every pixel comes from where it was said to come from."""

import math

import numpy as np
import pytest
from PIL import Image

from service.imaging.picture import Picture
from service.imaging.warp import Similarity, outside, warp
from tests.imaging.pictures import BLUE, GREEN, RED, WHITE, corners, ramp

IDENTITY = Similarity(a=1, b=0, shift_x=0, shift_y=0)


def picture(height: int = 60, width: int = 80) -> Picture:
    return Picture.from_pixels(np.asarray(ramp(height, width)))


def square(x: float, y: float, extent: float, *, side: int = 16, roll: float = 0.0) -> Similarity:
    return Similarity.onto_square((x, y), extent, side=side, roll=roll)


def test_the_identity_changes_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    assert (warp(Picture.from_pixels(pixels), IDENTITY, 20) == pixels).all()


@pytest.mark.parametrize("quarter", range(4))
def test_a_quarter_turn_is_exact(quarter: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    turned = warp(Picture.from_pixels(pixels), square(8, 8, 16, roll=quarter * math.pi / 2), 16)
    # What leans clockwise is brought back counter-clockwise, as np.rot90 turns.
    assert np.abs(turned.astype(int) - np.rot90(pixels, quarter)).max() <= 1


@pytest.mark.parametrize("roll", [0.0, 0.3, -0.7, 2.5])
@pytest.mark.parametrize("extent", [12.0, 16.0, 30.0])
def test_each_pixel_comes_from_its_place(roll: float, extent: float) -> None:
    to_chip = square(40, 30, extent, roll=roll)
    chip = warp(picture(), to_chip, 16).astype(float)
    middles = np.stack(np.meshgrid(np.arange(16) + 0.5, np.arange(16) + 0.5), -1)
    places = to_chip.inverse().points(middles.astype(np.float32))
    assert np.abs(chip[..., 0] - places[..., 0] / 80 * 255).max() < 3  # red tells x
    assert np.abs(chip[..., 1] - places[..., 1] / 60 * 255).max() < 3  # green tells y


def test_what_shrinks_is_averaged() -> None:
    board = np.indices((400, 400)).sum(axis=0) % 2 * 255
    pixels = np.repeat(board[..., None], 3, axis=-1).astype(np.uint8)
    chip = warp(Picture.from_pixels(pixels), square(200, 200, 300, roll=0.2), 16)
    assert np.abs(chip.astype(int) - 127).max() <= 8


def test_a_reduced_picture_gives_the_same_in_the_frame_of_the_full_one() -> None:
    full = picture(240, 320)
    half = Picture(full.image.resize((160, 120), Image.Resampling.BOX), full.size)
    to_chip = square(150, 110, 120, side=32, roll=0.4)
    assert np.abs(warp(full, to_chip, 32).astype(int) - warp(half, to_chip, 32)).max() <= 3


def test_the_corners_of_a_picture_stay_where_they_are() -> None:
    chip = warp(Picture.from_pixels(corners(48, 48)), square(24, 24, 48), 16)
    assert [tuple(chip[y, x]) for y in (2, 13) for x in (2, 13)] == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize(
    ("x", "y", "share"),
    [
        pytest.param(40, 30, 0.0, id="inside"),
        pytest.param(0, 30, 0.5, id="half beside"),
        pytest.param(0, 0, 0.75, id="three quarters beside"),
        pytest.param(-500, 30, 1.0, id="all beside"),
    ],
)
def test_what_is_outside_is_black_and_counted(x: float, y: float, share: float) -> None:
    to_chip = square(x, y, 20)
    white = Picture.from_pixels(np.full((60, 80, 3), 255, np.uint8))
    assert outside(to_chip, 16, white.size) == pytest.approx(share)
    assert (warp(white, to_chip, 16) < 128).mean() == pytest.approx(share, abs=0.07)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_a_picture_of_any_shape_will_do(size: tuple[int, int]) -> None:
    chip = warp(picture(*size), square(size[1] / 2, size[0] / 2, 300, roll=0.1), 16)
    assert chip.shape == (16, 16, 3)


def test_there_and_back_is_where_it_was() -> None:
    points = np.random.default_rng(2).uniform(0, 100, (50, 2)).astype(np.float32)
    to_chip = square(31, 17, 45, roll=1.1)
    assert to_chip.inverse().points(to_chip.points(points)) == pytest.approx(points, abs=1e-4)
    assert to_chip.inverse().scale == pytest.approx(45 / 16)


def test_a_leaning_square_is_brought_upright() -> None:
    # Eyes that lean clockwise by 45 degrees become level.
    level = square(50, 50, 40, side=40, roll=math.pi / 4).points(
        np.array([[40, 40], [60, 60]], np.float32)
    )
    assert level[0, 1] == pytest.approx(level[1, 1], abs=1e-4)
    assert level[0, 0] < level[1, 0]
