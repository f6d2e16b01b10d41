"""Alignment: equal to a general least-squares solver, and to dlib's own numbers."""

import numpy as np
import pytest

from service.arrays import F32
from service.imaging.warp import Similarity
from service.tasks.faces.geometry import (
    ANCHORED,
    FIVE,
    chip_points,
    five_points,
    roll_of,
    to_chip,
    umeyama,
)


def random_points(seed: int, count: int = 33) -> F32:
    return np.random.default_rng(seed).uniform(0, 500, (count, 2)).astype(np.float32)


def least_squares(source: F32, target: F32) -> np.ndarray:
    """Return a, b, shift_x, shift_y by a solver that knows nothing of complex numbers."""
    x, y = source.astype(np.float64).T
    zeros, ones = np.zeros_like(x), np.ones_like(x)
    rows = np.concatenate(
        [np.stack([x, -y, ones, zeros], axis=1), np.stack([y, x, zeros, ones], axis=1)]
    )
    return np.linalg.lstsq(rows, target.astype(np.float64).T.ravel(), rcond=None)[0]


def parameters(found: Similarity) -> list[float]:
    return [found.a, found.b, found.shift_x, found.shift_y]


@pytest.mark.parametrize("seed", range(50))
def test_umeyama_is_the_least_squares_solution(seed: int) -> None:
    count = 2 + seed % 40
    source, target = random_points(seed, count), random_points(seed + 1000, count)
    expected = least_squares(source, target)
    assert parameters(umeyama(source, target)) == pytest.approx(expected, abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_an_exact_similarity_is_found_again(seed: int) -> None:
    source = random_points(seed)
    random = np.random.default_rng(seed)
    a, b, shift_x, shift_y = random.uniform(-3, 3, 4)
    moved = Similarity(a=a, b=b, shift_x=shift_x, shift_y=shift_y).points(source)
    assert parameters(umeyama(source, moved)) == pytest.approx(
        [a, b, shift_x, shift_y], abs=1e-3, rel=1e-4
    )


def test_a_mirror_image_is_not_mirrored_back() -> None:
    source = chip_points(150, 0.25)
    mirrored = source * np.array([-1, 1], np.float32) + np.array([150, 0], np.float32)
    found = umeyama(source, mirrored)
    assert parameters(found) == pytest.approx(least_squares(source, mirrored), abs=1e-6, rel=1e-6)
    assert found.a**2 + found.b**2 > 0  # the determinant of a turn; a mirror's is negative


@pytest.mark.parametrize(
    ("source", "target"),
    [
        pytest.param(np.ones((5, 2), np.float32), random_points(0, 5), id="one point"),
        pytest.param(random_points(0, 5), random_points(0, 4), id="different counts"),
    ],
)
def test_what_cannot_be_aligned(source: F32, target: F32) -> None:
    with pytest.raises(ValueError, match="point"):
        umeyama(source, target)


def test_the_chip_is_dlibs() -> None:
    # dlib::get_face_chip_details: (padding + mean) / (2 * padding + 1) * size; the nose's root,
    # landmark 27, is the mean shape's (0.490127, 0.203352).
    assert chip_points(150, 0.25)[0] == pytest.approx([74.0127, 45.3352], abs=1e-3)
    assert ANCHORED.tolist() == [i for i in range(27, 68) if not (55 <= i <= 59 or i >= 65)]
    assert chip_points(150, 0.25).shape == (33, 2)


def test_a_face_is_brought_into_its_chip() -> None:
    leaning = Similarity.onto_square((70, 75), 60, side=150, roll=0.5).inverse()
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[ANCHORED] = leaning.points(chip_points(150, 0.25))
    landmarks[:17] = 1e6  # jaw, brows and lower lip have no say
    aligned = to_chip(landmarks, 150, 0.25).points(landmarks[ANCHORED])
    assert aligned == pytest.approx(chip_points(150, 0.25), abs=1e-2)


def test_five_points() -> None:
    landmarks = np.stack([np.arange(68), 100 + np.arange(68)], axis=1).astype(np.float32)
    found = dict(zip(FIVE, five_points(landmarks)[:, 0].tolist(), strict=True))
    assert found == {
        "right_eye": 38.5,
        "left_eye": 44.5,
        "nose": 30.0,
        "mouth_right": 48.0,
        "mouth_left": 54.0,
    }
    assert five_points(np.stack([landmarks, landmarks])).shape == (2, 5, 2)


@pytest.mark.parametrize(
    ("left_eye", "degrees"),
    [((10, 0), 0), ((0, 10), 90), ((10, 10), 45), ((10, -10), -45), ((-10, 0), 180)],
)
def test_roll(left_eye: tuple[int, int], degrees: float) -> None:
    roll = roll_of(np.zeros(2, np.float32), np.array(left_eye, np.float32))
    assert np.degrees(roll) == pytest.approx(degrees, abs=1e-3)
