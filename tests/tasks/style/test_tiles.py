"""Parts of large pictures: that they are all of it, and have enough around them."""

import numpy as np
import pytest

from service.tasks.style.tiles import WINDOW, Tile, mosaic, tiles

HALO, MULTIPLE = 16, 4
SIZES = [(1, 1), (96, 96), (97, 96), (100, 500), (500, 100), (333, 777), (96, 10_001), (3, 2000)]


def parts(size: tuple[int, int]) -> list[Tile]:
    return tiles(size, largest=(96, 128), halo=HALO, multiple=MULTIPLE)


@pytest.mark.parametrize("size", SIZES)
def test_parts_cover_a_picture_once(size: tuple[int, int]) -> None:
    covered = np.zeros(size, int)

    for part in parts(size):
        covered[part.core] += 1

    assert (covered == 1).all()


@pytest.mark.parametrize("size", SIZES)
def test_a_part_is_found_again_in_its_window(size: tuple[int, int]) -> None:
    places = np.arange(np.prod(size)).reshape(size)

    for part in parts(size):
        np.testing.assert_array_equal(places[part.window][part.inner], places[part.core])


@pytest.mark.parametrize("size", SIZES)
def test_windows_are_no_larger_than_allowed_and_begin_at_multiples(size: tuple[int, int]) -> None:
    for part in parts(size):
        for axis, most in enumerate((96, 128)):
            window = part.window[axis]
            assert window.start % MULTIPLE == 0
            assert window.stop - window.start <= most


@pytest.mark.parametrize("size", SIZES)
def test_a_part_has_a_halo_unless_the_picture_ends(size: tuple[int, int]) -> None:
    for part in parts(size):
        for axis, side in enumerate(size):
            core, window = part.core[axis], part.window[axis]
            assert window.start == 0 or core.start - window.start >= HALO
            assert window.stop == side or window.stop - core.stop >= HALO


def test_what_fits_is_one_part() -> None:
    whole = (slice(0, 96), slice(0, 128))
    assert parts((96, 128)) == [Tile(core=whole, window=whole, inner=whole)]


def test_parts_are_about_as_large() -> None:
    widths = [part.core[1].stop - part.core[1].start for part in parts((96, 1000))]
    assert max(widths) - min(widths) <= 2 * MULTIPLE


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((3000, 4000), (864, 1188)),  # 6 x 9 windows of 144 x 132
        ((1200, 1200), (1024, 1024)),  # 8 x 8 of 128 x 128
        ((100, 30_000), (56, 18_688)),  # too thin for windows one above the other
        ((3, 700_000), (3, 131_072)),  # the network sees eight rows, mirrored
    ],
)
def test_a_mosaic_is_about_as_large_as_asked(size: tuple[int, int], shape: tuple[int, int]) -> None:
    found = mosaic(np.zeros((*size, 3), np.uint8), area=1024 * 1024, multiple=MULTIPLE)

    assert found.shape == (*shape, 3)


def test_a_mosaic_shows_the_picture_at_its_own_scale_and_all_over_it() -> None:
    places = np.indices((1500, 1500)).transpose(1, 2, 0).astype(np.uint16)

    found = mosaic(places, area=4 * WINDOW * WINDOW, multiple=MULTIPLE)  # type: ignore[arg-type]

    corners = found[::WINDOW, ::WINDOW]
    assert corners.tolist() == [[[311, 311], [311, 1061]], [[1061, 311], [1061, 1061]]]
    window = found[:WINDOW, WINDOW:]
    np.testing.assert_array_equal(window, places[311 : 311 + WINDOW, 1061 : 1061 + WINDOW])
