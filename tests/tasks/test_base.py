"""What every task shares: the graph's inputs and outputs checked, pixels stacked to a tensor."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from service.arrays import Array
from service.imaging.geometry import Resized, ToSource
from service.imaging.picture import Picture
from service.tasks.base import (
    ConfigError,
    Network,
    Options,
    Prepared,
    Task,
    TaskConfig,
    TensorInfo,
)
from service.tasks.inputs import InputSpec

IMAGE = TensorInfo("image", (None, 3, 4, 6), "float32")
LOGITS = TensorInfo("logits", (None, 10), "float32")
FEATURES = TensorInfo("features", (None, 84), "float32")


class Echo(Task[TaskConfig, Options, Any]):
    """The smallest task there can be."""

    name = "echo"
    config_type = TaskConfig
    options_type = Options

    def preprocess(self, picture: Picture, options: Options) -> Prepared:
        return Prepared(tensors=self.tensor([self.resize(picture)]))

    def postprocess(
        self, outputs: Mapping[str, Array], prepared: Prepared, options: Options
    ) -> dict[str, Array]:
        return dict(outputs)


def network(
    *inputs: TensorInfo, outputs: tuple[TensorInfo, ...] = (LOGITS,), **spec: Any
) -> Network:
    return Network(
        name="echo",
        input=InputSpec.model_validate({"size": (4, 6)} | spec),
        inputs=inputs or (IMAGE,),
        outputs=outputs,
    )


def echo(*inputs: TensorInfo, **spec: Any) -> Echo:
    return Echo(network(*inputs, **spec), TaskConfig())


def views(*values: int) -> list[Resized]:
    back = ToSource(scale_x=1, scale_y=1, offset_x=0, offset_y=0, size=(4, 6))
    return [Resized(np.full((4, 6, 3), value, np.uint8), back) for value in values]


@pytest.mark.parametrize(
    ("inputs", "name", "found"),
    [
        ((IMAGE,), None, IMAGE),  # the only one needs no name
        ((IMAGE,), "image", IMAGE),
        ((LOGITS, IMAGE), "image", IMAGE),
    ],
)
def test_the_pictures_input_is_found(
    inputs: tuple[TensorInfo, ...], name: str | None, found: TensorInfo
) -> None:
    assert network(*inputs, name=name).input_info() == found


@pytest.mark.parametrize(
    ("inputs", "name"),
    [
        ((IMAGE,), "picture"),  # no such input
        ((IMAGE, LOGITS), None),  # of two, one must be named
    ],
)
def test_an_input_that_is_not_there_is_named(
    inputs: tuple[TensorInfo, ...], name: str | None
) -> None:
    with pytest.raises(ConfigError, match="image") as error:
        network(*inputs, name=name).input_info()

    assert error.value.key == "input.name"


@pytest.mark.parametrize(
    ("outputs", "name", "found"),
    [
        ((LOGITS,), None, LOGITS),
        ((LOGITS,), "logits", LOGITS),
        ((LOGITS, FEATURES), "features", FEATURES),
    ],
)
def test_an_output_is_found(
    outputs: tuple[TensorInfo, ...], name: str | None, found: TensorInfo
) -> None:
    assert network(outputs=outputs).output_info(name, "config.output") == found


@pytest.mark.parametrize(
    ("outputs", "name"), [((), None), ((LOGITS,), "scores"), ((LOGITS, FEATURES), None)]
)
def test_an_output_that_is_not_there_is_named(
    outputs: tuple[TensorInfo, ...], name: str | None
) -> None:
    with pytest.raises(ConfigError) as error:
        network(outputs=outputs).output_info(name, "config.output")

    assert error.value.key == "config.output"
    assert all(info.name in error.value.reason for info in outputs)


def test_a_network_knows_its_outputs_by_name() -> None:
    assert network(outputs=(LOGITS, FEATURES)).output_names == {"logits", "features"}


@pytest.mark.parametrize(
    ("info", "spec"),
    [
        (IMAGE, {}),
        (TensorInfo("image", (1, 3, 4, 6), "float32"), {}),
        (TensorInfo("image", (None, None, None, None), "float32"), {}),  # takes any size
        (TensorInfo("image", (None, 3, None, 6), "float16"), {"scale": 0.5}),
        (TensorInfo("image", (None, 4, 6, 3), "uint8"), {"layout": "NHWC"}),
        (TensorInfo("image", (None, 1, 4, 6), "uint8"), {"color": "GRAY"}),
    ],
)
def test_a_graph_that_agrees_with_the_manifest_is_taken(
    info: TensorInfo, spec: dict[str, Any]
) -> None:
    assert echo(info, **spec).network.input_info() == info


@pytest.mark.parametrize(
    ("info", "spec", "key"),
    [
        (TensorInfo("image", (None, 3, 4, 6), "int64"), {}, "input"),  # wants no pixels
        (TensorInfo("image", (None, 24), "float32"), {}, "input"),  # wants no picture
        (TensorInfo("image", (None, 3, 4, 6), "uint8"), {"mean": [127.0]}, "input.scale"),
        (TensorInfo("image", (None, 3, 6, 4), "float32"), {}, "input.size"),  # lies on its side
        (TensorInfo("image", (None, 4, 6, 3), "float32"), {}, "input.size"),  # another layout
        (TensorInfo("image", (None, 1, 4, 6), "float32"), {}, "input.size"),  # grey
    ],
)
def test_a_graph_that_contradicts_the_manifest_is_refused(
    info: TensorInfo, spec: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigError) as error:
        echo(info, **spec)

    assert error.value.key == key
    assert str(error.value) == f"{key}: {error.value.reason}"


@pytest.mark.parametrize(
    ("dtype", "spec", "expected"),
    [
        ("uint8", {}, [10, 200]),  # as they are
        ("float32", {}, [10, 200]),
        ("float32", {"scale": 0.1, "mean": [1.0], "std": [2.0]}, [0, 9.5]),
        ("float16", {"scale": 0.1, "mean": [1.0], "std": [2.0]}, [0, 9.5]),
    ],
)
def test_views_are_stacked_in_the_type_that_the_graph_wants(
    dtype: str, spec: dict[str, Any], expected: list[float]
) -> None:
    task = echo(TensorInfo("image", (None, 3, 4, 6), dtype), **spec)

    tensors = task.tensor(views(10, 200))

    assert list(tensors) == ["image"]
    assert tensors["image"].shape == (2, 3, 4, 6)
    assert tensors["image"].dtype == dtype
    np.testing.assert_allclose(tensors["image"][:, 2, 3, 5], expected, atol=1e-5)


def test_a_picture_counts_for_its_rows() -> None:
    assert Prepared(tensors={"image": np.zeros((10, 3, 4, 6))}).rows == 10


def test_a_task_passes_on_what_its_resize_needs() -> None:
    assert echo().needed((400, 3)) == (4, 3)


def test_by_default_a_task_honours_every_option_and_knows_none() -> None:
    echo().check_options(Options())

    with pytest.raises(ValidationError, match="top_k"):
        Options.model_validate({"top_k": 1})
    with pytest.raises(ValidationError, match="labels"):
        TaskConfig.model_validate({"labels": []})
