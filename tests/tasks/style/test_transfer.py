"""Networks that paint: what they are fed, what comes out, and manifests that cannot be."""

from typing import Any

import numpy as np
import pytest

from service.errors import InvalidOption
from service.imaging.picture import Picture
from service.tasks.base import ConfigError
from service.tasks.style.mixture import Mixture
from service.tasks.style.transfer import Painted, PresetsOptions, TransformOptions
from tests.tasks.style.networks import CHANNELS, presets, transform

RNG = np.random.default_rng(0)
PLAIN = PresetsOptions()


def noise(height: int, width: int) -> Picture:
    return Picture.from_pixels(RNG.integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((12, 20), (12, 20)),
        ((13, 18), (16, 20)),  # mirrored up to multiples
        ((1, 1), (8, 8)),  # enough to be mirrored inside the network
        ((24, 96), (24, 96)),  # as many pixels as 48 x 48, if not as high
        ((96, 96), (48, 48)),  # shrunk
        ((96, 100), (44, 48)),
        ((2, 4000), (8, 1072)),  # never enlarged, but mirrored
    ],
)
def test_the_network_sees_the_picture_in_its_own_size_or_shrunk(
    size: tuple[int, int], seen: tuple[int, int]
) -> None:
    task, picture = presets(), noise(*size)

    prepared = task.preprocess(picture, PLAIN)

    assert prepared.tensors["image"].shape == (1, *seen, 3)
    assert prepared.rows == 1
    height, width = task.needed(size)
    assert height <= size[0]
    assert width <= size[1]
    if (height, width) == size:
        np.testing.assert_array_equal(prepared.tensors["image"][0, :height, :width], picture.pixels)


def test_a_picture_is_mirrored_at_the_right_and_below() -> None:
    picture = noise(10, 11)

    image = presets().preprocess(picture, PLAIN).tensors["image"][0]

    assert image.shape == (12, 12, 3)
    np.testing.assert_array_equal(image[:10, 11], picture.pixels[:, 10])
    np.testing.assert_array_equal(image[[10, 11], :11], picture.pixels[[9, 8]])


def test_a_run_takes_its_own_statistics_unless_it_is_given_others() -> None:
    task, pixels = presets(), noise(16, 16).pixels
    style = np.array([0, 1, 0], np.float32)
    statistics = RNG.random((1, CHANNELS, 2), np.float32)

    alone, given = task.feeds(pixels, style), task.feeds(pixels, style, statistics)

    assert alone["given"].shape == (0, CHANNELS, 2)
    np.testing.assert_array_equal(given["given"], statistics)
    np.testing.assert_array_equal(alone["style"], [[0, 1, 0]])
    np.testing.assert_array_equal(task.statistics({"statistics": statistics}), statistics)


def test_what_comes_out_is_rounded_and_cut_to_the_picture() -> None:
    task = presets()
    prepared = task.preprocess(noise(10, 11), PLAIN)
    pixels = np.zeros((1, 12, 12, 3), np.float32)
    pixels[0, 0, 0], pixels[0, 9, 10] = [0.4, 0.6, 255], [1.5, 2.5, 254.51]

    painted = task.postprocess({"pixels": pixels}, prepared, PLAIN).pixels

    assert painted.shape == (10, 11, 3)
    assert painted.dtype == np.uint8
    assert painted[0, 0].tolist() == [0, 1, 255]
    assert painted[9, 10].tolist() == [2, 2, 255]


def test_a_style_is_a_mixture_of_presets() -> None:
    options = PresetsOptions(preset=Mixture.parse("0:1,2:3"))

    np.testing.assert_array_equal(presets().style(options), [0.25, 0, 0.75])
    np.testing.assert_array_equal(presets().style(PLAIN), [1, 0, 0])


def test_a_style_is_a_vector() -> None:
    options = TransformOptions(vector=(0.5, -1, 2))

    np.testing.assert_array_equal(transform().style(options), [0.5, -1, 2])
    np.testing.assert_array_equal(transform().style(TransformOptions()), [0, 0, 0])


def test_a_style_that_the_network_does_not_have_is_refused_before_any_work() -> None:
    with pytest.raises(InvalidOption, match="there is no preset 3; they are 0 to 2"):
        presets().check_options(PresetsOptions(preset=Mixture.parse("3")))
    with pytest.raises(InvalidOption, match="vector: must have 3 numbers"):
        transform().check_options(TransformOptions(vector=(1.0,)))


def test_a_picture_is_one_part_if_one_run_sees_it() -> None:
    assert len(presets().tiles((48, 48))) == 1
    assert len(presets().tiles((23, 96))) == 1
    assert len(presets().tiles((48, 49))) == 2


def test_a_mosaic_is_what_one_run_sees() -> None:
    pixels = noise(300, 400).pixels
    height, width = presets().mosaic(pixels).shape[:2]
    assert 0.8 * 48 * 48 < height * width <= 48 * 48


@pytest.mark.parametrize("size", [(8, 12), (9, 7), (3, 2), (1, 1)])
def test_an_answer_is_sixteen_colours(size: tuple[int, int]) -> None:
    pixels = np.full((*size, 3), (10, 20, 30), np.uint8)

    assert Painted(pixels).answer() == {"colors": [[10.0, 20.0, 30.0]] * 16}
    assert Painted(pixels).text() == "\n".join([" ".join(["#0a141e"] * 4)] * 4)


def test_colours_go_row_by_row() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:2, 6:], pixels[6:, :2] = (255, 0, 0), (0, 0, 100)
    pixels[7, 0] = 0

    colors = Painted(pixels).colors()

    assert colors[3] == [255, 0, 0]
    assert colors[12] == [0, 0, 75]
    assert sum(map(any, colors)) == 2


@pytest.mark.parametrize(
    ("config", "choices", "key"),
    [
        ({"style": "weights"}, {}, "config.style"),
        ({"given": "weights"}, {}, "config.given"),
        ({"pixels": "stylized"}, {}, "config.pixels"),
        ({"statistics": "stylized"}, {}, "config.statistics"),
        ({}, {"numbers": None}, "config.style"),
        ({}, {"layout": "NCHW"}, "input"),  # the graph's axes do not agree either
        ({}, {"color": "BGR"}, "input"),
        ({}, {"size": (48, 50)}, "input.size"),
        ({}, {"size": (16, 48)}, "input.size"),  # no room for a core
        ({"halo": 6}, {}, "config.halo"),
    ],
)
def test_a_manifest_that_contradicts_the_graph_is_refused(
    config: dict[str, Any], choices: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        presets(config, **choices)
    assert refusal.value.key.startswith(key)
