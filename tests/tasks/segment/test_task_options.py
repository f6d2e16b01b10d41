"""What a segmentation task accepts: options of callers, manifests beside their graphs."""

from typing import Any

import pytest

from service.errors import InvalidOption
from service.tasks.base import ConfigError
from service.tasks.segment import SegmentOptions
from tests.tasks.segment.networks import TILE, noise, run, segmenter

FILTERS: dict[str, Any] = {"filters": ["sobel", "laplacian"]}


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (FILTERS, {"filter": "sobbel"}, "there is no 'sobbel'; painter has sobel, laplacian"),
        (FILTERS, {"filter": ""}, "there is no ''"),
        (FILTERS, {"instances": True}, "instances: painter has no classes"),
        ({}, {"filter": "sobel"}, "filter: painter has classes, and no filters"),
    ],
)
def test_options_that_the_model_cannot_honour_are_refused(
    config: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    task = segmenter(**config)
    with pytest.raises(InvalidOption, match=message) as error:
        task.check_options(SegmentOptions(**options))
    assert error.value.members["option"] in options


def test_near_names_are_told() -> None:
    with pytest.raises(InvalidOption) as error:
        segmenter(**FILTERS).check_options(SegmentOptions(filter="sobbel"))
    assert error.value.members["near"] == ["sobel"]


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (FILTERS, {}),
        (FILTERS, {"filter": "laplacian"}),
        ({}, {}),
        ({}, {"instances": True, "mask": "polygon"}),
    ],
)
def test_options_that_it_can(config: dict[str, Any], options: dict[str, Any]) -> None:
    segmenter(**config).check_options(SegmentOptions(**options))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        pytest.param({"spec": {"resize": "crop"}}, "input.resize", id="crop"),
        pytest.param({"tile": TILE, "graph": (64, 64), "size": (64, 64)}, "input.size", id="fixed"),
        pytest.param({"tile": TILE, "graph": (None, 16)}, "input.size", id="half fixed"),
        pytest.param({"output": "masks"}, "config.output", id="no such output"),
        pytest.param({"answers": (None, 4)}, "config.output", id="a vector is no map"),
        pytest.param({"channels": 5}, "config.labels", id="labels"),
        pytest.param({"channels": 1}, "config.labels", id="four labels on one channel"),
        pytest.param(
            {"channels": 1, "labels": ["no", "yes"], "activation": "softmax"},
            "config.activation",
            id="softmax of one",
        ),
        pytest.param({**FILTERS, "channels": 3}, "config.filters", id="filters"),
    ],
)
def test_a_manifest_that_contradicts_its_graph_is_named(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as error:
        segmenter(**changes)
    assert error.value.key == key


def test_a_graph_that_did_not_say_is_found_out_when_it_runs() -> None:
    with pytest.raises(ConfigError, match="4 labels, but 3 channels"):
        run(segmenter(), noise(16, 16), lambda given: given)


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({}, (16, 16)),
        ({"spec": {"resize": "letterbox"}}, (12, 16)),
        ({"tile": TILE}, (3000, 4000)),  # every pixel
    ],
)
def test_the_pixels_that_are_needed(changes: dict[str, Any], needed: tuple[int, int]) -> None:
    assert segmenter(**changes).needed((3000, 4000)) == needed


def test_only_a_map_of_the_whole_picture_can_be_refined() -> None:
    with pytest.raises(ConfigError, match=r"config\.refine.*stretch"):
        segmenter(refine=True, spec={"resize": "letterbox"})
    with pytest.raises(ValueError, match="refine: is for classes on a map smaller"):
        segmenter(refine=True, tile=TILE)
