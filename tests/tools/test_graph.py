"""Graphs written by hand, and where they are saved."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tools.graph import Graph, save, stored

THIRDS = np.array([[1 / 3, 2 / 3]])


def graph(*, half: bool) -> Graph:
    """Two pixels, weighted by a third and two thirds."""
    result = Graph("thirds", half=half)
    image = result.pictures("image", 1, 2, 1)
    flat = result.node("Flatten", [image], "flat")
    values = result.node("Cast", [flat], "values", to=onnx.TensorProto.FLOAT)
    kernel = result.weight("weight", THIRDS)
    result.output(result.node("Gemm", [values, kernel], "sum", transB=1), 1)
    return result


@pytest.mark.parametrize("half", [False, True])
def test_a_weight_is_worth_what_is_stored(half: bool) -> None:
    model = graph(half=half).model()
    network = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    (answer,) = network.run(None, {"image": np.array([[[[1], [0]]], [[[0], [1]]]], np.uint8)})

    np.testing.assert_array_equal(answer.ravel(), stored(THIRDS, half=half).ravel())
    (weight,) = model.graph.initializer
    assert weight.data_type == (onnx.TensorProto.FLOAT16 if half else onnx.TensorProto.FLOAT)


def test_a_scalar_is_stored_as_a_scalar() -> None:
    limited = graph(half=False)
    limited.constant("limit", np.float32(0.5))  # Clip's limits must not be vectors of one
    limited.output(limited.node("Clip", ["sum", "limit"], "clipped"), 1)

    (limit,) = [i for i in limited.model().graph.initializer if i.name == "limit"]

    assert list(limit.dims) == []


def test_a_graph_that_is_not_valid_is_refused() -> None:
    broken = graph(half=False)
    broken.node("Flatten", ["nothing"], "dangling")

    with pytest.raises(onnx.checker.ValidationError, match="nothing"):
        broken.model()


def test_save_pins_the_file(tmp_path: Path) -> None:
    manifest = tmp_path / "model.toml"
    manifest.write_text('name = "é"\nsha256 = "old"\nsource = "a (sha256: b)"\n', "utf-8")

    digest = save(graph(half=True).model(), tmp_path)

    assert hashlib.sha256((tmp_path / "model.onnx").read_bytes()).hexdigest() == digest
    expected = f'name = "é"\nsha256 = "{digest}"\nsource = "a (sha256: b)"\n'
    assert manifest.read_text("utf-8") == expected


def test_save_is_repeatable(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text('sha256 = ""\n', "utf-8")

    digests = {save(graph(half=True).model(), tmp_path) for _ in range(2)}

    assert len(digests) == 1


@pytest.mark.parametrize("text", ["", 'sha256 = "a"\nsha256 = "b"\n', '# sha256 = "a"\n'])
def test_save_needs_exactly_one_place_for_the_digest(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(text, "utf-8")

    with pytest.raises(ValueError, match="sha256"):
        save(graph(half=False).model(), tmp_path)

    assert not (tmp_path / "model.onnx").exists()
