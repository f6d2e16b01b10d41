"""The classifiers' folders as they are committed: what a server will load, without PyTorch."""

import hashlib
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tools import digits
from tools.graph import MODELS

# folder, shape of one picture, outputs and their lengths, classes
CLASSIFIERS = [
    ("efficientnet-lite0", (224, 224, 3), {"logits": 1000, "features": 1280}, 1000),
    ("efficientnet-lite0-int8", (224, 224, 3), {"logits": 1000, "features": 1280}, 1000),
    ("lenet5-digits", (32, 32, 1), {"logits": 10, "features": 84}, 10),
]
each_folder = pytest.mark.parametrize("name", [name for name, *_ in CLASSIFIERS])


def options(**settings: object) -> ort.SessionOptions:
    result = ort.SessionOptions()
    result.intra_op_num_threads = 1
    for name, value in settings.items():
        setattr(result, name, value)
    return result


def session(name: str, **settings: object) -> ort.InferenceSession:
    path = MODELS / name / "model.onnx"
    return ort.InferenceSession(path, options(**settings), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(("name", "picture", "outputs", "classes"), CLASSIFIERS)
def test_the_graph_is_as_stated(
    name: str, picture: tuple[int, ...], outputs: dict[str, int], classes: int
) -> None:
    network = session(name)

    image = network.get_inputs()
    assert [(i.name, i.type, i.shape) for i in image] == [
        ("image", "tensor(uint8)", ["N", *picture])
    ]
    found = {output.name: (output.type, output.shape) for output in network.get_outputs()}
    assert found == {key: ("tensor(float)", ["N", length]) for key, length in outputs.items()}
    labels = (MODELS / name / "labels.txt").read_text("utf-8").splitlines()
    assert len(set(labels)) == len(labels) == classes


@each_folder
def test_the_file_is_the_pinned_one(name: str) -> None:
    folder = MODELS / name
    manifest = tomllib.loads((folder / "model.toml").read_text("utf-8"))

    assert hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest() == manifest["sha256"]
    assert manifest["name"] == name


@pytest.mark.parametrize(("name", "picture", "outputs", "classes"), CLASSIFIERS)
def test_a_batch_is_its_rows_and_nothing_is_warned_of(
    name: str,
    picture: tuple[int, ...],
    outputs: dict[str, int],
    classes: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    network = session(name, log_severity_level=2)
    pictures = np.random.default_rng(0).integers(0, 256, (2, *picture), np.uint8)

    both = network.run(list(outputs), {"image": pictures})
    alone = [network.run(list(outputs), {"image": picture[None]}) for picture in pictures]

    for together, first, second in zip(both, *alone, strict=True):
        np.testing.assert_allclose(together, np.concatenate([first, second]), atol=1e-5, rtol=1e-5)
    assert capfd.readouterr().err == ""


def test_lite0_stores_no_weight_in_full_precision() -> None:
    graph = onnx.load(MODELS / "efficientnet-lite0" / "model.onnx").graph

    vectors = [t for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    assert all(len(tensor.dims) <= 1 for tensor in vectors)  # biases and scalars


def test_the_eight_bit_lite0_has_seven_bit_weights_and_is_of_the_float_one() -> None:
    folder = MODELS / "efficientnet-lite0-int8"
    graph = onnx.load(folder / "model.onnx").graph
    source = tomllib.loads((MODELS / "efficientnet-lite0" / "model.toml").read_text("utf-8"))

    weights = [onnx.numpy_helper.to_array(t) for t in graph.initializer if len(t.dims) > 1]
    assert len(weights) == 50
    assert {one.dtype for one in weights} == {np.dtype(np.int8)}
    assert max(np.abs(one.astype(int)).max() for one in weights) == 64
    assert source["sha256"] in (folder / "model.toml").read_text("utf-8")


def test_lite0_casts_nothing_but_pixels_once_loaded(tmp_path: Path) -> None:
    path = tmp_path / "optimized.onnx"
    session(
        "efficientnet-lite0",
        graph_optimization_level=ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        optimized_model_filepath=str(path),
    )

    ops = Counter(node.op_type for node in onnx.load(path).graph.node)
    assert ops["Cast"] == 1  # of the pixels: those of the 50 weights are folded away
    assert ops["Mul"] == 0  # the stem's scale too
    assert ops["Clip"] == 0  # and every ReLU6 is part of its convolution


@pytest.mark.parametrize("inverted", [False, True], ids=["white on black", "black on white"])
def test_lenet5_reads_the_held_out_fifth(inverted: bool) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    _, held_out = digits.load()
    pictures = 255 - held_out.pictures if inverted else held_out.pictures

    (logits,) = session("lenet5-digits").run(["logits"], {"image": pictures[..., None]})

    assert len(pictures) == 360
    assert (logits.argmax(axis=1) == held_out.classes).mean() >= 0.97
