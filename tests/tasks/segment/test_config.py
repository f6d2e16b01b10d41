"""What a manifest may say of a segmentation network, and how its mistakes are named."""

from typing import Any

import pytest
from pydantic import ValidationError

from service.tasks.classify import Activation
from service.tasks.segment import MaskFormat, SegmentConfig, SegmentOptions

CELLS = ["background", "nucleus", "border"]


def test_defaults() -> None:
    config = SegmentConfig.model_validate({"labels": CELLS})

    assert (config.activation, config.threshold, config.tile) == (Activation.SOFTMAX, 0.5, None)
    assert (config.instances.min_area, config.instances.reach, config.border_id) == (10, 4, None)
    assert SegmentOptions() == SegmentOptions(mask=MaskFormat.RLE, instances=False, filter=None)


@pytest.mark.parametrize(
    ("members", "activation"),
    [
        ({"filters": ["edges"]}, Activation.NONE),  # what a filter gives is finished
        ({"filters": ["edges"], "activation": "sigmoid"}, Activation.SIGMOID),
        ({"labels": CELLS, "activation": "sigmoid"}, Activation.SIGMOID),
    ],
)
def test_activation(members: dict[str, Any], activation: Activation) -> None:
    assert SegmentConfig.model_validate(members).activation is activation


def test_the_border_is_a_class() -> None:
    config = SegmentConfig.model_validate({"labels": CELLS, "instances": {"border": "border"}})
    assert config.border_id == 2


@pytest.mark.parametrize(
    ("members", "message"),
    [
        pytest.param({}, "give labels, or filters", id="nothing"),
        pytest.param({"labels": CELLS, "filters": ["edges"]}, "give labels, or", id="both"),
        pytest.param({"labels": ["all"]}, "labels: between 2", id="background only"),
        pytest.param({"labels": ["x"] * 257}, "and 256", id="ids are bytes"),
        pytest.param({"filters": ["a", "b", "a"]}, "the same name", id="names twice"),
        pytest.param(
            {"filters": ["a"], "activation": "softmax"}, "sigmoid, or none", id="softmax of filters"
        ),
        pytest.param(
            {"labels": CELLS, "instances": {"border": "edge"}}, "is 'edge'", id="no such border"
        ),
        pytest.param(
            {"labels": CELLS, "instances": {"border": "background"}},
            "no label but the background's",
            id="background is no border",
        ),
        pytest.param({"filters": ["a"], "instances": {"border": "a"}}, "border", id="of filters"),
        pytest.param({"labels": CELLS, "tile": {"size": 500}}, "multiples", id="odd size"),
        pytest.param({"labels": CELLS, "tile": {"overlap": 60}}, "multiples", id="odd overlap"),
        pytest.param(
            {"labels": CELLS, "tile": {"size": 64, "overlap": 48}}, "overlap: must", id="too much"
        ),
        pytest.param({"labels": CELLS, "tile": {"stride": 1}}, "Extra inputs", id="unknown key"),
        pytest.param(["labels"], "valid dictionary", id="no section"),
    ],
)
def test_mistakes(members: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SegmentConfig.model_validate(members)


@pytest.mark.parametrize("mask", ["png", "RLE", ""])
def test_an_unknown_mask_format_is_refused(mask: str) -> None:
    with pytest.raises(ValidationError, match="'rle', 'polygon' or 'none'"):
        SegmentOptions.model_validate({"mask": mask})
