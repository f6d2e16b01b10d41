"""Polygons: untouched they are the mask, simplified nearly, with every hole where it belongs."""

import math

import numpy as np
import pytest

from service.arrays import Mask
from service.imaging.picture import Size
from service.imaging.polygons import Polygon, Ring, polygons
from service.imaging.regions import connected


def drawing(text: str) -> Mask:
    return np.array([[letter == "#" for letter in row] for row in text.split()])


def area(ring: Ring) -> float:
    """The signed area; clockwise, as the picture is seen, is positive."""
    x, y = ring.T.astype(float)
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def rasterised(rings: Polygon, size: Size) -> Mask:
    """The pixels with an odd number of vertical sides to their left: the even-odd rule."""
    crossed = np.zeros((size[0], size[1] + 1), bool)
    for ring in rings:
        for (x1, y1), (x2, y2) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if x1 == x2:
                crossed[min(y1, y2) : max(y1, y2), x1] ^= True
    return np.asarray(np.cumsum(crossed, axis=1)[:, :-1] % 2 == 1)


def random_masks(seed: int, largest: int = 20) -> list[Mask]:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, largest, (100, 2))
    return [rng.random(size) < rng.choice([0.2, 0.5, 0.65, 0.8]) for size in sizes]


def smooth(seed: int, size: Size = (200, 240)) -> Mask:
    """Blobs with holes and bays: where a sum of slow waves is high."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(size)
    waves = [
        np.sin(x * fx + y * fy + phase)
        for fx, fy, phase in rng.uniform((-0.15, -0.15, 0), (0.15, 0.15, math.tau), (8, 3))
    ]
    return np.asarray(np.sum(waves, axis=0) > 0.7)


def disk(radius: int) -> Mask:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x * x + y * y <= radius * radius)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        pytest.param(np.zeros((0, 0), bool), [], id="nothing"),
        pytest.param(np.zeros((0, 3), bool), [], id="no rows"),
        pytest.param(np.zeros((3, 0), bool), [], id="no columns"),
        pytest.param(np.zeros((3, 4), bool), [], id="empty"),
        pytest.param(np.ones((3, 4), bool), [[[[0, 0], [4, 0], [4, 3], [0, 3]]]], id="full"),
        pytest.param(drawing("#"), [[[[0, 0], [1, 0], [1, 1], [0, 1]]]], id="one pixel"),
        pytest.param(
            drawing("... .#."), [[[[1, 1], [2, 1], [2, 2], [1, 2]]]], id="in its own place"
        ),
        pytest.param(
            drawing("#. .#"),
            [[[[0, 0], [1, 0], [1, 1], [0, 1]]], [[[1, 1], [2, 1], [2, 2], [1, 2]]]],
            id="over a corner they are two",
        ),
        pytest.param(
            drawing(".# #."),
            [[[[1, 0], [2, 0], [2, 1], [1, 1]]], [[[0, 1], [1, 1], [1, 2], [0, 2]]]],
            id="over the other corner too",
        ),
        pytest.param(
            drawing("### #.# ###"),
            [[[[0, 0], [3, 0], [3, 3], [0, 3]], [[2, 1], [1, 1], [1, 2], [2, 2]]]],
            id="a hole runs the other way",
        ),
        pytest.param(
            drawing("##. #.# ###"),
            [[[[0, 0], [2, 0], [2, 1], [1, 1], [1, 2], [2, 2], [2, 1], [3, 1], [3, 3], [0, 3]]]],
            id="open over a corner is no hole: the ring touches itself",
        ),
    ],
)
def test_what_is_traced(mask: Mask, expected: list[list[list[list[int]]]]) -> None:
    assert [[ring.tolist() for ring in rings] for rings in polygons(mask, 0)] == expected


def test_untouched_polygons_are_the_regions() -> None:
    for mask in random_masks(0):
        labels, count = connected(mask)
        found = polygons(mask, 0)
        assert len(found) == count
        for number, rings in enumerate(found, 1):
            region = labels == number
            assert sum(area(ring) for ring in rings) == region.sum()
            np.testing.assert_array_equal(rasterised(rings, mask.shape), region)


def test_a_polygon_has_one_outer_ring_and_its_own_holes() -> None:
    for mask in random_masks(1):
        labels, _ = connected(mask)
        for number, rings in enumerate(polygons(mask, 0), 1):
            assert area(rings[0]) > 0
            assert all(area(hole) < 0 for hole in rings[1:])
            inside = rasterised(rings[:1], mask.shape) & (labels != number)
            for hole in rings[1:]:
                pixels = rasterised([hole], mask.shape)
                assert inside[pixels].all()
                inside &= ~pixels
            assert not inside.any()  # every pixel that is missing is in some hole, and in one


def test_a_region_in_the_hole_of_another_is_its_own() -> None:
    target = drawing("""
        #######
        #.....#
        #.###.#
        #.#.#.#
        #.###.#
        #.....#
        #######
    """)

    outer, inner = polygons(target, 0)

    assert [area(ring) for ring in outer] == [49, -25]
    assert [area(ring) for ring in inner] == [9, -1]


def test_rings_turn_at_every_corner_and_go_along_no_side_twice() -> None:
    for mask in random_masks(2):
        sides = []
        for rings in polygons(mask, 0):
            for ring in rings:
                steps = np.diff(np.vstack([ring, ring[:1]]), axis=0)
                assert ((steps == 0).sum(axis=1) == 1).all()
                assert (np.diff(steps[:, 0] == 0)).all()  # across, down, across, ...
                for (x, y), (dx, dy) in zip(ring, steps, strict=True):
                    length = abs(dx) + abs(dy)
                    sides += [
                        (2 * x + (2 * i + 1) * np.sign(dx), 2 * y + (2 * i + 1) * np.sign(dy))
                        for i in range(length)
                    ]
        assert len(set(sides)) == len(sides)


@pytest.mark.parametrize("tolerance", [0.5, 1.0, 2.0, 8.0])
def test_areas_stay_within_a_hundredth(tolerance: float) -> None:
    for mask in [*random_masks(3, 30)[:30], smooth(0), smooth(1), disk(40)]:
        exact, simplified = polygons(mask, 0), polygons(mask, tolerance)
        for before, after in zip(exact, simplified, strict=True):
            for one, other in zip(before, after, strict=True):  # no ring is lost
                assert abs(area(one) - area(other)) < 0.01 * abs(area(one))
            net = sum(area(ring) for ring in before)
            assert abs(net - sum(area(ring) for ring in after)) < 0.01 * net


@pytest.mark.parametrize("tolerance", [1.0, 3.0])
def test_what_is_left_out_was_near(tolerance: float) -> None:
    for mask in (smooth(2), smooth(3), disk(50)):
        for before, after in zip(polygons(mask, 0), polygons(mask, tolerance), strict=True):
            for one, other in zip(before, after, strict=True):
                assert {*map(tuple, other.tolist())} <= {*map(tuple, one.tolist())}
                assert distances(one, other).max() <= tolerance + 1e-9


def distances(points: Ring, ring: Ring) -> np.ndarray:
    """How far each of the points is from the nearest side of a ring."""
    start, side = ring[None], np.roll(ring, -1, axis=0)[None] - ring[None]
    offset = points[:, None] - start
    along = (offset * side).sum(axis=-1) / (side * side).sum(axis=-1)
    return np.asarray(
        np.linalg.norm(offset - along.clip(0, 1)[..., None] * side, axis=-1).min(axis=1)
    )


def corners(found: list[Polygon]) -> int:
    return sum(len(ring) for rings in found for ring in rings)


@pytest.mark.parametrize(
    ("mask", "share"),
    [
        pytest.param(disk(300), 0.3, id="a disk"),
        pytest.param(smooth(4, (600, 800)), 0.45, id="blobs"),
        pytest.param(np.tri(200, dtype=bool), 0.02, id="stairs are a slanted line"),
    ],
)
def test_few_corners_of_a_smooth_outline_remain(mask: Mask, share: float) -> None:
    assert corners(polygons(mask, 1.0)) < share * corners(polygons(mask, 0))


def test_a_larger_tolerance_leaves_fewer_corners() -> None:
    counts = [corners(polygons(disk(300), tolerance)) for tolerance in (0, 0.5, 1, 2)]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == len(counts)


def test_what_would_vanish_stays() -> None:
    lines = drawing("""
        .......#
        ######.#
        .......#
        .#.#.#.#
    """)

    for before, after in zip(polygons(lines, 0), polygons(lines, 5.0), strict=True):
        np.testing.assert_array_equal(before, after)
