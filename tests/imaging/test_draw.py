"""Drawing: what is drawn is where it was said, and can be read."""

import numpy as np
import pytest

from service.imaging.draw import Mark, annotate, color
from service.imaging.picture import Picture


def white(height: int, width: int) -> Picture:
    return Picture.from_pixels(np.full((height, width, 3), 255, np.uint8))


def mark(*box: float, caption: str = "person 90%", class_id: int = 0) -> Mark:
    x1, y1, x2, y2 = box
    return Mark(box=(x1, y1, x2, y2), caption=caption, class_id=class_id)


def drawn(picture: Picture) -> np.ndarray:
    """(H, W) where the picture is not white."""
    return (picture.pixels != 255).any(axis=2)


def test_without_marks_nothing_is_drawn_and_the_original_stays() -> None:
    picture = white(50, 60)
    assert not drawn(annotate(picture, [])).any()
    annotate(picture, [mark(5, 5, 40, 40)])
    assert not drawn(picture).any()


def test_the_outline_is_the_box() -> None:
    after = annotate(white(400, 400), [mark(100, 150, 300, 350, class_id=3)])
    pixels = after.pixels
    for y, x in ((150, 200), (349, 200), (250, 100), (250, 299)):
        assert tuple(pixels[y, x]) == color(3)
    assert not drawn(after)[200:300, 110:290].any()  # the inside stays as it was
    assert not drawn(after)[360:].any()


@pytest.mark.parametrize(
    ("size", "box"),
    [
        pytest.param((200, 300), (0, 0, 300, 200), id="the whole picture"),
        pytest.param((200, 300), (250, 0, 300, 30), id="the top right corner"),
        pytest.param((200, 300), (0, 180, 20, 200), id="the bottom left corner"),
        pytest.param((3000, 4000), (3900, 2950, 4000, 3000), id="a corner of a large picture"),
        pytest.param((20, 20), (2, 2, 18, 18), id="a picture smaller than its caption"),
        pytest.param((1, 1), (0, 0, 1, 1), id="one pixel"),
        pytest.param((400, 1), (0, 10, 1, 300), id="one pixel wide"),
        pytest.param((40, 10_000), (5, 5, 9_000, 30), id="very wide"),
        pytest.param((50, 50), (10.2, 10.4, 10.3, 10.4), id="a box without area"),
    ],
)
def test_any_size_can_be_drawn_on(
    size: tuple[int, int], box: tuple[float, float, float, float]
) -> None:
    after = annotate(white(*size), [mark(*box)])
    assert after.size == size
    assert after.stored_size == size
    assert drawn(after).any()


@pytest.mark.parametrize(("height", "width"), [(120, 160), (480, 640), (3000, 4000)])
def test_letters_grow_with_the_picture_and_can_be_told_from_their_ground(
    height: int, width: int
) -> None:
    """The caption's plate is the colour of the class; ink on it is black or white, and there."""
    after = annotate(white(height, width), [mark(0, height * 0.5, width * 0.9, height * 0.9)])
    plate = (after.pixels[: height // 2] == color(0)).all(axis=2)
    rows = np.flatnonzero(plate.any(axis=1))
    assert len(rows) >= max(11, height // 60)  # a line of letters is no smaller than that
    ink = drawn(after)[: height // 2] & ~plate
    assert ink.sum() > 0.05 * plate.sum()


def test_captions_of_boxes_on_one_spot_do_not_cover_each_other() -> None:
    marks = [
        mark(100, 100, 300, 300, caption="cat 90%", class_id=1),
        mark(100, 100, 300, 300, caption="dog 80%", class_id=2),
        mark(100, 100, 300, 300, caption="sofa 70%", class_id=5),
    ]
    pixels = annotate(white(400, 400), marks).pixels
    areas = [(pixels == color(class_id)).all(axis=2).sum() for class_id in (1, 2, 5)]
    assert min(areas) > 600  # each plate is to be seen


def test_the_best_is_drawn_last() -> None:
    marks = [mark(50, 50, 150, 150, class_id=1), mark(50, 50, 150, 150, class_id=2)]
    pixels = annotate(white(200, 200), marks).pixels
    assert tuple(pixels[149, 100]) == color(1)


def test_colors_are_stable_and_apart() -> None:
    colors = [color(class_id) for class_id in range(80)]
    assert colors == [color(class_id) for class_id in range(80)]
    neighbours = np.abs(np.diff(np.array(colors, int), axis=0)).sum(axis=1)
    assert neighbours.min() > 100
    assert len(set(colors)) == 80
