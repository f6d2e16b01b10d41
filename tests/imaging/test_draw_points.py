"""Points of a mark: drawn where they are, and only there."""

import numpy as np
import pytest

from service.imaging.draw import Mark, annotate, color
from service.imaging.picture import Picture


def after(*points: tuple[float, float], size: tuple[int, int] = (400, 400)) -> np.ndarray:
    white = Picture.from_pixels(np.full((*size, 3), 255, np.uint8))
    mark = Mark(box=(100, 100, 300, 300), caption="face", class_id=0, points=points)
    return annotate(white, [mark]).pixels


def test_a_point_is_a_dot_where_it_was_said() -> None:
    pixels = after((150.0, 200.0), (250.0, 220.0))
    for x, y in ((150, 200), (250, 220)):
        assert tuple(pixels[y, x]) == color(1)
    inside = (pixels[150:290, 110:290] != 255).any(axis=2)
    assert 2 <= inside.sum() <= 60  # two dots of a few pixels


@pytest.mark.parametrize("point", [(-50.0, -50.0), (399.9, 0.0), (5000.0, 20.0)])
def test_a_point_may_lie_beside_the_picture(point: tuple[float, float]) -> None:
    assert after(point).shape == (400, 400, 3)


def test_without_points_there_are_no_dots() -> None:
    assert (after()[150:290, 110:290] == 255).all()
