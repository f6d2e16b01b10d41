"""Segmentation as a task: maps of one size spread over the picture, and tiles joined to one."""

from typing import Any

import numpy as np
import pytest

from service.arrays import F32, U8
from service.imaging.picture import Picture
from service.tasks.segment import DenseMap, Segmentation, SegmentOptions
from tests.tasks.segment.networks import (
    COLORS,
    TILE,
    blurred_colors,
    colors,
    noise,
    run,
    segmenter,
)

SIZES = [
    pytest.param((1, 1), id="one pixel"),
    pytest.param((1, 500), id="one row"),
    pytest.param((500, 1), id="one column"),
    pytest.param((30, 40), id="less than a tile"),
    pytest.param((64, 64), id="exactly a tile"),
    pytest.param((65, 64), id="a row more"),
    pytest.param((64, 65), id="a column more"),
    pytest.param((257, 255), id="many"),
]
UNTILED = {"size": 512, "multiple": 16, "overlap": 0, "batch": 1}


def patches(height: int, width: int) -> U8:
    """Return a picture of patches of plain colours."""
    palette = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)
    ids = np.random.default_rng(5).integers(0, 4, (-(-height // 8), -(-width // 8)))
    return palette[ids].repeat(8, axis=0).repeat(8, axis=1)[:height, :width]


def sharp(pixels: F32) -> F32:
    """Return 0.97 for the colour that each pixel has, and 0.01 for each other."""
    parts = (pixels > 127).astype(np.float32)
    first = (parts.sum(axis=1, keepdims=True) == 0).astype(np.float32)
    return np.concatenate([first, parts], axis=1) * np.float32(0.96) + np.float32(0.01)


def class_of(pixels: U8) -> U8:
    return np.where(pixels.max(axis=2) > 127, pixels.argmax(axis=2) + 1, 0).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_what_a_pixel_is_does_not_depend_on_its_tile(size: tuple[int, int]) -> None:
    pixels = patches(*size)

    found, shapes = run(segmenter(tile=TILE), pixels, sharp)

    np.testing.assert_array_equal(found.class_map, class_of(pixels))
    np.testing.assert_allclose(found.alpha, np.where(found.class_map > 0, 252, 8), atol=1)
    padded = [-(-side // 16) * 16 for side in size]
    assert {shape[2:] for shape in shapes} == {(min(64, padded[0]), min(64, padded[1]))}
    assert max(shape[0] for shape in shapes) <= TILE["batch"]


@pytest.mark.parametrize("size", SIZES)
def test_tiles_are_joined_without_a_seam(size: tuple[int, int]) -> None:
    # A tile's outermost pixels see black instead of their neighbours, which is off by no more
    # than 5 of 9 pixels; that counts for half of a 16th, once in either direction.
    allowed = 255 * 5 / 9 * 2 * 0.5 / 16 + 1
    pixels = noise(*size)

    tiled, runs = run(segmenter(tile=TILE), pixels, blurred_colors)
    whole, (one,) = run(segmenter(tile=UNTILED), pixels, blurred_colors)

    assert one[2:] == tuple(-(-side // 16) * 16 for side in size)
    off = np.abs(tiled.alpha.astype(int) - whole.alpha)
    assert off.max() <= allowed
    assert sum(shape[0] for shape in runs) > 1 or off.max() == 0
    # Away from the tiles' sides nothing differs.
    grid = np.arange(size[0])[:, None] % 16, np.arange(size[1]) % 16
    inner = (grid[0] > 0) & (grid[0] < 15) & (grid[1] > 0) & (grid[1] < 15)
    assert off[inner].max(initial=0) <= 1


def test_a_small_picture_is_mirrored_and_never_blown_up() -> None:
    pixels = noise(30, 40)
    task = segmenter(tile=TILE)

    prepared = task.preprocess(Picture.from_pixels(pixels), SegmentOptions())

    tensor = prepared.tensors["pixels"]
    mirrored = np.pad(pixels, ((0, 2), (0, 8), (0, 0)), "symmetric")
    np.testing.assert_array_equal(tensor[0].transpose(1, 2, 0), mirrored)


def test_tensors_are_made_for_one_run_at_a_time() -> None:
    found, shapes = run(segmenter(tile=TILE), noise(160, 160), colors)

    assert isinstance(found, Segmentation)
    assert shapes == [(3, 3, 64, 64)] * 3  # of a batch of 3, the 9 tiles


def test_two_pictures_on_their_way_do_not_meet() -> None:
    task = segmenter(tile=TILE)
    pictures = [patches(100, 130), patches(130, 100)[::-1]]
    flights = [task.preprocess(Picture.from_pixels(one), SegmentOptions()) for one in pictures]
    found: list[Any] = [None, None]

    while None in found:
        for index, prepared in enumerate(flights):
            if found[index] is None:
                outputs = {"maps": sharp(np.asarray(prepared.tensors["pixels"], np.float32))}
                assert prepared.following is not None
                after = prepared.following(outputs)
                if after is None:
                    found[index] = task.postprocess(outputs, prepared, SegmentOptions())
                else:
                    flights[index] = after

    for one, picture in zip(found, pictures, strict=True):
        np.testing.assert_array_equal(one.class_map, class_of(np.asarray(picture)))


@pytest.mark.parametrize(
    ("spec", "source"),
    [
        pytest.param({}, (64, 64), id="stretched: as it is"),
        pytest.param({}, (128, 256), id="stretched: smaller"),
        pytest.param({"resize": "letterbox"}, (64, 256), id="letterbox: bars above and below"),
        pytest.param({"resize": "letterbox"}, (192, 96), id="letterbox: bars left and right"),
        pytest.param(
            {"resize": "letterbox", "align": "top-left"}, (64, 128), id="letterbox: one bar"
        ),
        pytest.param({"resize": "letterbox"}, (16, 16), id="letterbox: larger"),
    ],
)
def test_a_map_is_spread_over_the_picture(spec: dict[str, Any], source: tuple[int, int]) -> None:
    # Four quarters, and bars of white, which would be a colour if they were not cut away.
    height, width = source
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, width // 2 :] = 255, 0, 0
    pixels[height // 2 :, : width // 2] = 0, 255, 0
    pixels[height // 2 :, width // 2 :] = 0, 0, 255

    found, (shape,) = run(segmenter(size=(64, 64), spec={"pad": 255, **spec}), pixels, sharp)

    assert shape == (1, 3, 64, 64)
    assert found.class_map.shape == found.alpha.shape == source
    # All but the pixels beside the middle lines, where the colours run into each other.
    y, x = np.abs(np.arange(height) - height / 2 + 0.5), np.abs(np.arange(width) - width / 2 + 0.5)
    away = (y[:, None] > height / 16) & (x > width / 16)
    np.testing.assert_array_equal(found.class_map[away], class_of(pixels)[away])
    assert away.mean() > 0.6


def test_a_coarse_map_is_spread_too() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 32:] = 255, 0, 0

    found, _ = run(segmenter(size=(64, 64)), pixels, lambda given: sharp(given[:, :, 4::8, 4::8]))

    np.testing.assert_array_equal(found.class_map, class_of(pixels))
    assert (np.diff(found.alpha[0].astype(int)) >= 0).all()  # interpolated, not in steps of 8
    assert len(np.unique(found.alpha[0])) > 4


@pytest.mark.parametrize("tile", [None, TILE])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_layout_is_that_of_the_input(layout: str, tile: dict[str, int] | None) -> None:
    pixels = patches(64, 64)
    task = segmenter(size=(64, 64), channels=4, spec={"layout": layout}, tile=tile)

    def nhwc(given: F32) -> F32:
        return sharp(given.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)

    found, _ = run(task, pixels, sharp if layout == "NCHW" else nhwc)

    np.testing.assert_array_equal(found.class_map, class_of(pixels))


@pytest.mark.parametrize("tile", [None, TILE])
@pytest.mark.parametrize(
    ("activation", "values", "alpha"),
    [
        ("softmax", [0.0, 0.0, np.log(2), 0.0], round(255 * 4 / 5)),
        ("softmax", [0.0, -1000.0, 1000.0, 0.0], 255),
        ("sigmoid", [np.log(1 / 3), -9.0, 1.0, 0.5], round(255 * 0.75)),
        ("none", [0.25, 0.2, 0.4, 0.15], round(255 * 0.75)),
        ("none", [-0.5, 0.2, 1.5, 1.0], 255),  # clipped
    ],
)
def test_activations(
    activation: str, values: list[float], alpha: int, tile: dict[str, int] | None
) -> None:
    task = segmenter(activation=activation, tile=tile)
    maps = np.array(values, np.float32)[:, None, None]

    found, _ = run(
        task, noise(20, 30), lambda given: np.broadcast_to(maps, (len(given), 4, *given.shape[2:]))
    )

    assert (found.class_map == 2).all()
    assert (found.alpha == alpha).all()


@pytest.mark.parametrize("tile", [None, TILE])
@pytest.mark.parametrize(
    ("activation", "threshold", "is_second"),
    [
        ("sigmoid", 0.5, [False, False, True, True]),
        ("sigmoid", 0.9, [False, False, False, True]),
        ("sigmoid", 0.0, [True, True, True, True]),
        ("none", 0.5, [False, False, False, True]),
    ],
)
def test_two_classes_on_one_channel(
    activation: str, threshold: float, is_second: list[bool], tile: dict[str, int] | None
) -> None:
    values = np.array([-9, -1, 0.1, 9], np.float32)
    task = segmenter(
        labels=["background", "person"],
        activation=activation,
        threshold=threshold,
        channels=1,
        tile=tile,
    )

    def stripes(given: F32) -> F32:
        return np.broadcast_to(values.repeat(4), (len(given), 1, 16, 16))

    found, _ = run(task, noise(16, 16), stripes)

    centers = found.class_map[:, 1::4]
    np.testing.assert_array_equal(centers, np.broadcast_to(is_second, (16, 4)))
    probabilities = 1 / (1 + np.exp(-values)) if activation == "sigmoid" else values.clip(0, 1)
    np.testing.assert_allclose(found.alpha[:, 1::4], [np.rint(255 * probabilities)] * 16, atol=2)


def test_things_are_found_on_the_joined_map_and_not_cut_by_tiles() -> None:
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[40:170, 40:170, 0] = 255  # red, over many tiles
    pixels[40:170, 104:107] = 0, 0, 255  # split by a blue border
    pixels[5:8, 5:8, 1] = 255  # and something small
    rule = {"border": "blue", "min_area": 10, "reach": 4}
    task = segmenter(tile=TILE, instances=rule)

    found, _ = run(task, pixels, sharp, SegmentOptions(instances=True))
    assert found.instances is not None
    assert found.instances.areas.tolist() == [130 * 66, 130 * 64]  # the middle goes to the first
    assert found.instances.class_ids.tolist() == [1, 1]

    found, _ = run(task, pixels, sharp)
    assert found.instances is None


@pytest.mark.parametrize("tile", [None, TILE])
@pytest.mark.parametrize(("chosen", "channel"), [(None, 0), ("red", 0), ("green", 1), ("blue", 2)])
def test_filters(chosen: str | None, channel: int, tile: dict[str, int] | None) -> None:
    pixels = noise(100, 90)
    task = segmenter(size=(100, 90), filters=COLORS[1:], channels=3, tile=tile)

    found, _ = run(task, pixels, lambda given: given / 255, SegmentOptions(filter=chosen))

    assert isinstance(found, DenseMap)
    assert found.filter == COLORS[1 + channel]
    np.testing.assert_allclose(found.values, pixels[..., channel], atol=1)


def test_a_cutout_follows_the_edges_of_the_picture_where_that_is_wanted() -> None:
    """The map is 8 times smaller than the picture; the thing's edge is inside one of its cells."""
    pixels = np.zeros((512, 512, 3), np.uint8)
    pixels[:, 229:] = 255
    picture = Picture.from_pixels(pixels)
    half = {"labels": ["nothing", "thing"]}
    plain, refined = (
        run(segmenter(size=(64, 64), refine=refine, **half), pixels, lambda maps: maps[:, :1] / 255)
        for refine in (False, True)
    )

    assert plain[0].cutout_alpha(picture) is plain[0].alpha
    alpha = refined[0].cutout_alpha(picture)
    assert alpha[:, :229].max() == 0
    assert alpha[:, 229:].min() == 255
    np.testing.assert_array_equal(refined[0].class_map, plain[0].class_map)


def test_many_classes_can_be_cut_out_too() -> None:
    pixels = patches(64, 64)
    found, _ = run(segmenter(size=(64, 64), refine=True), pixels, sharp)

    alpha = found.cutout_alpha(Picture.from_pixels(pixels))

    np.testing.assert_array_equal(alpha > 127, class_of(pixels) > 0)
