"""Pictures of any size are covered by tiles, whose maps join to one without a seam."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from service.arrays import F32, U8
from service.tasks.segment.config import Tiles
from service.tasks.segment.tiles import Grid, Mosaic, Side
from tests.tasks.segment.networks import TILE, noise

TILES = Tiles.model_validate(TILE)  # 64, multiples of 16, 16 shared
LENGTHS = [1, 2, 15, 16, 17, 63, 64, 65, 80, 111, 112, 113, 160, 257, 500]


@pytest.mark.parametrize(
    ("length", "tile", "starts"),
    [
        pytest.param(1, 16, (0,), id="one pixel"),
        pytest.param(16, 16, (0,), id="one multiple"),
        pytest.param(50, 64, (0,), id="mirrored up to a tile"),
        pytest.param(64, 64, (0,), id="exactly a tile"),
        pytest.param(65, 64, (0, 16), id="a pixel more: the last tile ends with the picture"),
        pytest.param(112, 64, (0, 48), id="exactly two tiles"),
        pytest.param(113, 64, (0, 48, 64), id="three share pixels"),
        pytest.param(208, 64, (0, 48, 96, 144), id="exactly four"),
    ],
)
def test_where_tiles_are(length: int, tile: int, starts: tuple[int, ...]) -> None:
    side = Side.cut(length, TILES)
    assert (side.tile, side.starts) == (tile, starts)


@pytest.mark.parametrize("length", LENGTHS)
def test_tiles_cover_the_mirrored_side_on_the_networks_own_grid(length: int) -> None:
    side = Side.cut(length, TILES)

    assert side.padded % 16 == 0
    assert length <= side.padded < length + 16
    assert (side.starts[0], side.starts[-1] + side.tile) == (0, side.padded)
    assert all(start % 16 == 0 for start in side.starts)
    assert all(b - a <= 64 - 16 for a, b in zip(side.starts, side.starts[1:], strict=False))


@pytest.mark.parametrize(
    ("width", "seen"),
    [
        (1, [0, 0, 0, 0]),
        (2, [0, 1, 1, 0]),
        (3, [0, 1, 2, 2]),
        (5, [0, 1, 2, 3, 4, 4, 3, 2]),
    ],
)
def test_the_end_is_mirrored(width: int, seen: list[int]) -> None:
    grid = Grid.of((1, width), Tiles(size=8, multiple=4, overlap=0))
    picture = np.arange(width, dtype=np.uint8).repeat(3).reshape(1, width, 3)
    tile = grid.pixels(picture, 0)
    np.testing.assert_array_equal(tile, np.array([seen] * 4)[..., None].repeat(3, axis=2))


@pytest.mark.parametrize("tiles", [TILES, Tiles(size=48, multiple=1, overlap=24), Tiles(overlap=0)])
@pytest.mark.parametrize("length", LENGTHS)
def test_weights_are_one_together_at_every_pixel(length: int, tiles: Tiles) -> None:
    side = Side.cut(length, tiles)
    total = np.zeros(side.padded)
    for start, weight in zip(side.starts, side.weights, strict=True):
        total[start : start + side.tile] += weight

    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert side.weights.min() > 0


def test_weights_rise_and_fall_linearly_where_two_tiles_overlap() -> None:
    first, second = Side.cut(112, TILES).weights
    rising = (np.arange(16) + 0.5) / 16

    np.testing.assert_allclose(first, [1] * 48 + [*rising[::-1]], atol=1e-6)
    np.testing.assert_allclose(second, [*rising] + [1] * 48, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (64, 64), (65, 64), (257, 255), (113, 16)])
def test_tiles_are_the_pixels_of_the_mirrored_picture(size: tuple[int, int]) -> None:
    picture = noise(*size)
    grid = Grid.of(size, TILES)
    padding = [(0, -side % 16) for side in size]
    mirrored = np.pad(picture, [*padding, (0, 0)], "symmetric")

    index = 0
    for top in grid.rows.starts:
        for left in grid.columns.starts:
            tile = mirrored[top : top + grid.rows.tile, left : left + grid.columns.tile]
            np.testing.assert_array_equal(grid.pixels(picture, index), tile)
            index += 1
    assert index == len(grid)


def joined(picture: U8, tiles: Tiles) -> tuple[F32, list[tuple[int, int]]]:
    """Cut a picture, join its tiles again, and say which rows were given away together."""
    height, width = picture.shape[:2]
    grid = Grid.of((height, width), tiles)
    whole = np.full((3, height, width), np.nan, np.float32)
    parts: list[tuple[int, int]] = []

    def finished(top: int, rows: F32) -> None:
        assert np.isnan(whole[:, top : top + rows.shape[1]]).all()  # none comes twice
        whole[:, top : top + rows.shape[1]] = rows
        parts.append((top, top + rows.shape[1]))

    mosaic = Mosaic(grid, finished)
    for index in range(len(grid)):
        mosaic.add(grid.pixels(picture, index).transpose(2, 0, 1).astype(np.float32))
    return whole, parts


@pytest.mark.parametrize("height", LENGTHS)
@pytest.mark.parametrize("width", [1, 64, 65, 257])
def test_what_was_cut_is_joined_again(height: int, width: int) -> None:
    picture = noise(height, width)

    whole, parts = joined(picture, TILES)

    np.testing.assert_allclose(whole, picture.transpose(2, 0, 1), atol=1e-3)
    starts = Side.cut(height, TILES).starts
    # rows go as soon as the next row of tiles begins below them
    assert parts == list(zip(starts, [*starts[1:], height], strict=True))


def test_what_does_not_overlap_is_not_blended() -> None:
    picture = noise(64, 128)
    whole, _ = joined(picture, Tiles(size=32, multiple=16, overlap=0))
    np.testing.assert_array_equal(whole, picture.transpose(2, 0, 1))


def test_the_strip_is_as_high_as_a_tile_however_high_the_picture() -> None:
    width, classes = 256, 5
    strip_bytes = classes * 64 * width * 4
    peaks = []
    for height in (640, 6400):
        grid = Grid.of((height, width), TILES)
        maps = np.ones((classes, 64, 64), np.float32)
        tracemalloc.start()
        mosaic = Mosaic(grid, lambda top, rows: None)
        for _ in range(len(grid)):
            mosaic.add(maps)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 2.5 * strip_bytes


@pytest.mark.parametrize("shape", [(2, 32, 32), (2, 1, 1), (2, 64, 63)])
def test_a_map_of_another_size_is_the_manifests_mistake(shape: Any) -> None:
    mosaic = Mosaic(Grid.of((64, 64), TILES), lambda top, rows: None)
    with pytest.raises(ValueError, match="must answer at the size of its input"):
        mosaic.add(np.zeros(shape, np.float32))
