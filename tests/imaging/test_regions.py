"""Regions: what touches is one, what does not is not, and a loop over pixels says the same."""

from collections.abc import Iterator

import numpy as np
import pytest

from service.arrays import Array, Mask
from service.imaging.regions import connected, extents, grow, runs


def drawing(text: str) -> Mask:
    return np.array([[letter == "#" for letter in row] for row in text.split()])


SPIRAL = drawing("""
    #########
    ........#
    #######.#
    #.....#.#
    #.###.#.#
    #.#...#.#
    #.#####.#
    #.......#
    #########
""")
COMB = drawing("""
    #.#.#.#
    #.#.#.#
    #######
""")
# Each tooth is found to be one with the next only further down.
STAIRS = drawing("""
    #.#.#.#.#
    #.#.#.###
    #.#.#...#
    #.#.#####
    #.#.....#
    #.#######
    #.......#
    #########
""")


def neighbours(y: int, x: int, size: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    for to in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
        if 0 <= to[0] < size[0] and 0 <= to[1] < size[1]:
            yield to


def flood_filled(mask: Mask) -> tuple[Array, int]:
    """The plain way: from each pixel in reading order that has no number yet, fill."""
    labels, count = np.zeros(mask.shape, int), 0
    for start in zip(*np.nonzero(mask), strict=True):
        if labels[start]:
            continue
        count += 1
        labels[start] = count
        waiting = [start]
        while waiting:
            y, x = waiting.pop()
            for to in neighbours(y, x, mask.shape):
                if mask[to] and not labels[to]:
                    labels[to] = count
                    waiting.append(to)
    return labels, count


def grown_by_hand(labels: Array, within: Mask, reach: int) -> Array:
    """The plain way: step by step, each free pixel looks at its neighbours."""
    for _ in range(reach):
        before = labels.copy()
        for y, x in zip(*np.nonzero(within & (before == 0)), strict=True):
            beside = [int(before[to]) for to in neighbours(y, x, labels.shape) if before[to]]
            labels[y, x] = min(beside, default=0)
    return labels


@pytest.mark.parametrize(
    ("mask", "count"),
    [
        pytest.param(np.zeros((0, 0), bool), 0, id="nothing"),
        pytest.param(np.zeros((0, 4), bool), 0, id="no rows"),
        pytest.param(np.zeros((4, 0), bool), 0, id="no columns"),
        pytest.param(np.zeros((4, 5), bool), 0, id="empty"),
        pytest.param(np.ones((4, 5), bool), 1, id="full"),
        pytest.param(drawing("#.##..#"), 3, id="one row"),
        pytest.param(drawing("#.##..#").T, 3, id="one column"),
        pytest.param(drawing("#. .#"), 2, id="over a corner is apart"),
        pytest.param(drawing("##. ..#"), 2, id="over a corner to the right"),
        pytest.param(drawing("..# ##."), 2, id="over a corner to the left"),
        pytest.param(drawing("..# #.."), 2, id="the end of a row is not beside the next"),
        pytest.param(drawing("#.# ###"), 1, id="two that meet below"),
        pytest.param(SPIRAL, 1, id="spiral"),
        pytest.param(~SPIRAL, 1, id="the gap of a spiral"),
        pytest.param(COMB, 1, id="comb"),
        pytest.param(~COMB, 3, id="the gaps of a comb"),
        pytest.param(COMB.T, 1, id="comb on its side"),
        pytest.param(STAIRS, 1, id="stairs"),
        pytest.param(STAIRS[:, ::-1], 1, id="stairs to the other side"),
        pytest.param(STAIRS[::-1], 1, id="stairs upside down"),
        pytest.param(np.indices((9, 9)).sum(axis=0) % 2 == 0, 41, id="checkers"),
    ],
)
def test_regions_are_counted(mask: Mask, count: int) -> None:
    labels, found = connected(mask)

    assert found == count
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, flood_filled(mask)[0])


@pytest.mark.parametrize("share", [0.2, 0.5, 0.6, 0.65, 0.9])  # a lattice percolates at 0.59
def test_regions_are_those_of_a_flood_fill(share: float) -> None:
    rng = np.random.default_rng(round(share * 100))
    for _ in range(40):
        mask = rng.random(rng.integers(1, 30, 2)) < share
        labels, count = connected(mask)
        expected, expected_count = flood_filled(mask)
        assert count == expected_count
        np.testing.assert_array_equal(labels, expected)


def test_a_labyrinth_is_one_region() -> None:
    """Walls around walls, open above and below in turns: more than one round can join."""
    mask = np.ones((401, 401), bool)
    for low in range(1, 200, 2):
        high = 400 - low
        mask[[low, high], low : high + 1] = False
        mask[low : high + 1, [low, high]] = False
        mask[low + 1 if low % 4 == 1 else high - 1, low] = True

    assert connected(mask)[1] == 1


@pytest.mark.parametrize("share", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("reach", [0, 1, 3, 50])
def test_growing_is_one_step_after_another(share: float, reach: int) -> None:
    rng = np.random.default_rng(reach)
    for _ in range(20):
        size = rng.integers(1, 16, 2)
        labels = rng.integers(-20, 5, size).clip(0).astype(np.int32)
        within = rng.random(size) < share
        np.testing.assert_array_equal(
            grow(labels, within, reach), grown_by_hand(labels.copy(), within, reach)
        )


@pytest.mark.parametrize(
    ("labels", "within", "reach", "expected"),
    [
        pytest.param([[1, 0, 0, 0]], [[1, 1, 1, 1]], 2, [[1, 1, 1, 0]], id="as far as it reaches"),
        pytest.param([[2, 0, 1]], [[1, 1, 1]], 1, [[2, 1, 1]], id="of two as near, the lower"),
        pytest.param([[2, 0, 0, 1]], [[1, 1, 1, 1]], 9, [[2, 2, 1, 1]], id="the nearer"),
        pytest.param([[1, 0, 0]], [[1, 0, 1]], 9, [[1, 0, 0]], id="not across what is closed"),
        pytest.param([[1, 0]], [[0, 1]], 1, [[1, 1]], id="out of where nothing grows"),
        pytest.param(
            [[1, 0], [0, 0]], [[1, 0], [0, 1]], 9, [[1, 0], [0, 0]], id="not over corners"
        ),
        pytest.param(
            [[0, 1], [0, 0]], [[1, 1], [0, 0]], 9, [[1, 1], [0, 0]], id="not around a row"
        ),
    ],
)
def test_growing(
    labels: list[list[int]], within: list[list[int]], reach: int, expected: list[list[int]]
) -> None:
    before = np.array(labels, np.int32)

    grown = grow(before, np.array(within, bool), reach)

    np.testing.assert_array_equal(grown, expected)
    np.testing.assert_array_equal(before, labels)  # the caller's is left alone


def test_extents_are_those_of_each_region_on_its_own() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        labels, count = connected(rng.random(rng.integers(1, 25, 2)) < 0.5)
        boxes, areas = extents(labels, count)
        assert boxes.shape == (count, 4)
        for number in range(1, count + 1):
            y, x = np.nonzero(labels == number)
            expected = [x.min(), y.min(), x.max() + 1, y.max() + 1]
            np.testing.assert_array_equal(boxes[number - 1], expected)
            assert areas[number - 1] == len(y)


def test_extents_of_regions_that_touch() -> None:
    boxes, areas = extents(np.array([[1, 2], [2, 2]], np.int32), 2)

    np.testing.assert_array_equal(boxes, [[0, 0, 1, 1], [0, 0, 2, 2]])
    np.testing.assert_array_equal(areas, [1, 3])


def test_a_number_without_pixels_has_neither_box_nor_area() -> None:
    boxes, areas = extents(np.array([[0, 3]], np.int32), 3)

    np.testing.assert_array_equal(boxes, [[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 2, 1]])
    np.testing.assert_array_equal(areas, [0, 0, 1])


def test_without_regions_there_is_nothing_to_measure() -> None:
    boxes, areas = extents(np.zeros((3, 4), np.int32), 0)

    assert boxes.shape == (0, 4)
    assert areas.shape == (0,)


def test_a_run_ends_with_its_row() -> None:
    starts, ends = runs(np.ones((3, 4), bool))

    np.testing.assert_array_equal(starts, [0, 4, 8])
    np.testing.assert_array_equal(ends, [4, 8, 12])
