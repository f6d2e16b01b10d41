"""Fold, calibrate, quantise: what is in the graph afterwards, and what it still answers."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest

from service.engine.manifest import read_folder
from tools.graph import MODELS
from tools.quantize.bound import Bound
from tools.quantize.recipe import Activations, Method, Pictures, Recipe, kept_nodes, quantize

LENET = MODELS / "lenet5-digits"


def quantised(pictures: Path, recipe: Recipe) -> onnx.ModelProto:
    bound = Bound(read_folder(LENET))
    return quantize(LENET / "model.onnx", Pictures(bound, sorted(pictures.iterdir())), recipe)


def operators(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def weights(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    return [one for one in model.graph.initializer if len(one.dims) > 1]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(method=Method.PERCENTILE, percentile=99.9),
        Recipe(method=Method.ENTROPY),
        Recipe(activations=Activations.INT8, seven_bit=False),
        Recipe(per_channel=False),
    ],
    ids=Recipe.text,
)
def test_it_still_reads_digits(
    digit_files: Path, recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(quantised(digit_files, recipe), path)
    exact, rounded = Bound(read_folder(LENET)), Bound(read_folder(LENET), path)

    for picture in digit_files.iterdir():
        prepared = exact.prepare(picture)
        before, after = exact.run(prepared)["logits"], rounded.run(prepared)["logits"]
        assert np.argmax(before) == np.argmax(after)
    assert capsys.readouterr().out == ""  # entropy and percentile would print their progress


def test_stored_halves_are_folded_into_bytes(digit_files: Path) -> None:
    model = quantised(digit_files, Recipe())

    assert {one.data_type for one in weights(model)} == {onnx.TensorProto.INT8}
    assert operators(model)["Cast"] <= 1  # of the pixels


@pytest.mark.parametrize(("seven_bit", "largest"), [(True, 64), (False, 127)])
def test_weights_keep_within_their_bits(digit_files: Path, seven_bit: bool, largest: int) -> None:
    model = quantised(digit_files, Recipe(seven_bit=seven_bit))

    values = [onnx.numpy_helper.to_array(one).astype(int) for one in weights(model)]
    assert max(int(np.abs(one).max()) for one in values) == largest


def test_what_is_kept_stays_float(digit_files: Path) -> None:
    whole, partly = (
        quantised(digit_files, recipe) for recipe in (Recipe(), Recipe(keep=("logits",)))
    )

    assert sum(one.data_type == onnx.TensorProto.FLOAT for one in weights(whole)) == 0
    assert sum(one.data_type == onnx.TensorProto.FLOAT for one in weights(partly)) == 1


def test_only_the_operators_that_are_named(digit_files: Path) -> None:
    model = quantised(digit_files, Recipe(ops=("Conv",)))

    kinds = {one.data_type for one in weights(model) if len(one.dims) == 2}
    assert kinds == {onnx.TensorProto.FLOAT}  # the matrices


def test_it_is_repeatable_to_the_byte(digit_files: Path) -> None:
    first, second = (quantised(digit_files, Recipe()) for _ in range(2))

    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )


def test_an_old_opset_is_brought_up_to_scales_of_channels(
    digit_files: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    old = onnx.load(LENET / "model.onnx")
    old.opset_import[0].version = 12  # its operators are the same there
    onnx.save(old, path)
    bound = Bound(read_folder(LENET), path)

    model = quantize(path, Pictures(bound, sorted(digit_files.iterdir())), Recipe())

    assert next(one.version for one in model.opset_import if not one.domain) >= 13


def test_a_pattern_that_matches_nothing_is_a_mistake() -> None:
    model = onnx.load(LENET / "model.onnx")

    assert kept_nodes(model, ()) == []
    assert kept_nodes(model, ("logits",)) == ["logits"]
    with pytest.raises(ValueError, match=r"no node is called 'head/\*'; the last ones: .*logits"):
        kept_nodes(model, ("head/*",))


def test_no_pictures_no_calibration() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        quantize(LENET / "model.onnx", Pictures(Bound(read_folder(LENET)), []), Recipe())


def test_a_network_of_two_inputs_is_refused() -> None:
    with pytest.raises(ValueError, match="one input"):
        Bound(read_folder(MODELS / "magenta-style-transform"))
