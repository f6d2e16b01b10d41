"""Things told apart: touching ones by the border between them, and small ones left out."""

import numpy as np
import pytest

from service.arrays import U8, Mask
from service.tasks.segment.instances import Instances, find_instances

NUCLEUS, BORDER = 1, 2


def find(
    class_map: U8,
    alpha: U8 | None = None,
    *,
    border_id: int | None = BORDER,
    min_area: int = 1,
    reach: int = 4,
) -> Instances:
    alpha = np.full(class_map.shape, 255, np.uint8) if alpha is None else alpha
    return find_instances(class_map, alpha, border_id=border_id, min_area=min_area, reach=reach)


def rows(*lines: str) -> U8:
    """Read a class map from digits."""
    return np.array([[int(digit) for digit in line] for line in lines], np.uint8)


def disc(size: tuple[int, int], x: float, y: float, radius: float) -> Mask:
    ys, xs = np.mgrid[: size[0], : size[1]]
    return (xs - x) ** 2 + (ys - y) ** 2 <= radius**2


def touching() -> U8:
    """Two discs that touch, with a border three pixels wide drawn between them."""
    size = (40, 70)
    class_map = np.where(disc(size, 20, 20, 14) | disc(size, 49, 20, 14), NUCLEUS, 0)
    class_map[10:31, 33:36] = BORDER
    return class_map.astype(np.uint8)


def test_discs_that_touch_are_two_and_share_the_border() -> None:
    class_map = touching()

    found = find(class_map)

    assert found.class_ids.tolist() == [NUCLEUS, NUCLEUS]
    assert found.map[20, [20, 49]].tolist() == [1, 2]
    # a pixel of the border belongs to the nearer disc, the middle one to the first
    assert found.map[20, 32:37].tolist() == [1, 1, 1, 2, 2]
    assert ((found.map > 0) == (class_map > 0))[15:26].all()
    assert found.map.dtype == np.int32
    for number, (x1, y1, x2, y2) in enumerate(found.boxes.tolist(), start=1):
        ys, xs = np.nonzero(found.map == number)
        assert (x1, y1, x2, y2) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert found.areas[number - 1] == len(xs)


def test_without_a_border_they_are_one() -> None:
    class_map = np.where(touching() > 0, NUCLEUS, 0).astype(np.uint8)
    assert find(class_map, border_id=None).class_ids.tolist() == [NUCLEUS]


@pytest.mark.parametrize(
    ("reach", "numbers"),
    [
        (0, [1, 1, 0, 0, 0, 0, 0, 2]),
        (1, [1, 1, 1, 0, 0, 0, 2, 2]),
        (2, [1, 1, 1, 1, 0, 2, 2, 2]),
        (9, [1, 1, 1, 1, 1, 2, 2, 2]),
    ],
)
def test_things_grow_into_the_border_and_no_farther_than_they_reach(
    reach: int, numbers: list[int]
) -> None:
    assert find(rows("11222221"), reach=reach).map.tolist() == [numbers]


def test_things_grow_into_nothing_but_the_border() -> None:
    class_map = rows(
        "0000",
        "0120",
        "0300",
    )
    found = find(class_map)

    assert found.map.tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 2, 0, 0]]
    assert found.class_ids.tolist() == [1, 3]


def test_small_things_are_left_out_and_the_others_numbered_without_gaps() -> None:
    class_map = rows(
        "1101",
        "1001",
        "0010",
        "1100",
    )
    found = find(class_map, border_id=None, min_area=2)

    assert found.map.tolist() == [[1, 1, 0, 2], [1, 0, 0, 2], [0, 0, 0, 0], [3, 3, 0, 0]]
    assert found.areas.tolist() == [3, 2, 2]


def test_corners_do_not_touch() -> None:
    assert find(rows("10", "01")).map.tolist() == [[1, 0], [0, 2]]


def test_things_are_in_reading_order_whatever_their_class() -> None:
    class_map = rows(
        "0300",
        "0001",
        "1003",
    )
    found = find(class_map)

    assert found.class_ids.tolist() == [3, 1, 1, 3]
    assert found.boxes.tolist() == [[1, 0, 2, 1], [3, 1, 4, 2], [0, 2, 1, 3], [3, 2, 4, 3]]


def test_the_score_is_the_mean_over_the_things_pixels() -> None:
    alpha = np.array([[255, 51, 0, 204]], np.uint8)
    found = find(rows("1101"), alpha)
    assert found.scores.tolist() == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize("size", [(1, 1), (5, 1), (3, 4)])
@pytest.mark.parametrize("class_id", [0, BORDER])
def test_background_and_border_are_no_things(size: tuple[int, int], class_id: int) -> None:
    found = find(np.full(size, class_id, np.uint8))

    assert not found.map.any()
    assert (found.boxes.shape, found.scores.shape) == ((0, 4), (0,))
