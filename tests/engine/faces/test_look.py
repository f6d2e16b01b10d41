"""How finely a picture is decoded: once if that will do, finer where small faces need it."""

import numpy as np
import pytest

from service.engine.faces.look import FIRST_LOOK, Kept, Look, ratio
from service.imaging.decode import Scale
from service.imaging.picture import Picture, Size
from service.imaging.warp import Similarity


class Scaled:
    """A picture that is decoded at 1, 1/2, 1/4 or 1/8, as a JPEG is."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.stored: list[Size] = []

    def open(self, scale: Scale) -> Picture:
        height, width = scale(self.size)
        for shrink in (8, 4, 2, 1):
            stored = (-(-self.size[0] // shrink), -(-self.size[1] // shrink))
            if stored[0] >= height and stored[1] >= width:
                break
        self.stored.append(stored)
        pixels = np.zeros((*stored, 3), np.uint8)
        return Picture(Picture.from_pixels(pixels).image, self.size)


def to_384(size: Size) -> Size:
    shrink = min(1.0, 384 / max(size))
    return round(size[0] * shrink), round(size[1] * shrink)


def test_the_first_look_is_finer_than_a_detector_needs() -> None:
    source = Scaled((3000, 4000))
    assert Kept(source).open(to_384).stored_size == (750, 1000)
    assert to_384(source.size) == (288, 384)  # for which an eighth, (375, 500), would do
    assert FIRST_LOOK > 500


def test_a_detector_may_need_more_than_the_first_look() -> None:
    source = Scaled((3000, 4000))
    assert Kept(source).open(lambda size: size).stored_size == (3000, 4000)


@pytest.mark.parametrize(
    ("needed", "stored"),
    [
        pytest.param(0.1, [(750, 1000)], id="large faces: once"),
        pytest.param(0.25, [(750, 1000)], id="just enough"),
        pytest.param(0.26, [(750, 1000), (1500, 2000)], id="small faces: again, finer"),
        pytest.param(1.0, [(750, 1000), (3000, 4000)], id="every pixel"),
    ],
)
def test_it_is_decoded_again_only_if_needed(needed: float, stored: list[Size]) -> None:
    source = Scaled((3000, 4000))
    kept = Kept(source)
    kept.open(to_384)
    for _ in range(2):
        Look(kept, needed).open(to_384)
    assert source.stored == stored


@pytest.mark.parametrize("size", [(1, 1), (250, 250), (FIRST_LOOK, 9), (1023, 1024)])
def test_a_small_picture_is_decoded_once(size: Size) -> None:
    source = Scaled(size)
    kept = Kept(source)
    kept.open(to_384)
    Look(kept, 1.0).open(to_384)
    assert source.stored == [size]


def test_the_smallest_face_decides() -> None:
    cuts = [Similarity.onto_square((0, 0), extent, side=150) for extent in (300, 600)]
    assert ratio(cuts) == pytest.approx(0.5)
    assert ratio(cuts, 0.5) == pytest.approx(0.25)
    assert ratio([Similarity.onto_square((0, 0), 20, side=150)]) == 1.0
