"""Rows and totals, held against the figures papers and frameworks give."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto
from onnx.shape_inference import infer_shapes

from service.engine.graph import Port, summarize
from service.errors import ManifestError
from tests.engine.graph.graphs import LIGHT, Summaries, model, node, ones


@pytest.mark.parametrize(
    ("name", "parameters", "statistics", "multiply_adds"),
    [
        # torchvision's VGG19_Weights: 143,667,240 parameters, 19.63 G.
        ("vgg19", 143_667_240, 0, 19_632_062_464),
        # torchvision's ResNet50_Weights: 25,557,032 parameters, 4.09 G; 53 normalized layers of
        # 26,560 channels in all.
        ("resnet50", 25_557_032, 2 * 26_560, 4_089_184_256),
        # Krizhevsky et al. 2012: 60 million parameters. Pictures of 224 give 54 cells after the
        # first layer; the paper's 55 want 227.
        ("bvlc_alexnet", 60_965_224, 0, 654_560_384),
        # torchvision's SqueezeNet1_1_Weights: 1,235,496 parameters, 0.35 G.
        ("squeezenet", 1_235_496, 0, 349_151_936),
        # torchvision's DenseNet121_Weights: 7,978,856 parameters, 2.83 G. Caffe's own scale layers
        # repeat gamma and beta of 41,824 channels.
        ("densenet121", 7_978_856 + 2 * 41_824, 2 * 41_824, 2_834_161_664),
        # Szegedy et al. 2014, table 1: about 6.8 M parameters without biases, 1.5 G.
        ("inception_v1", 6_998_552, 0, 1_431_556_352),
        # No paper has these very networks; the next test counts them another way.
        ("inception_v2", 11_214_888, 2 * 9_952, 2_018_851_840),
        ("shufflenet", 1_393_320, 2 * 13_416, 124_664_528),
        ("zfnet512", 87_250_536, 0, 1_481_727_008),
    ],
)
def test_totals_of_known_networks(
    name: str, parameters: int, statistics: int, multiply_adds: int
) -> None:
    summary = summarize(LIGHT / f"light_{name}.onnx")

    assert summary.parameters == parameters
    assert summary.statistics == statistics
    assert summary.multiply_adds == multiply_adds
    assert sum(layer.parameters or 0 for layer in summary.layers) == parameters
    assert sum(layer.multiply_adds or 0 for layer in summary.layers) == multiply_adds


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_totals_counted_another_way(path: Path) -> None:
    graph = infer_shapes(onnx.load(path)).graph
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    # Weights are filled in by ConstantOfShape, or are initializers where they are few.
    filled = [step.output[0] for step in graph.node if step.op_type == "ConstantOfShape"]
    kept = [proto.name for proto in graph.initializer if proto.data_type == TensorProto.FLOAT]
    used = {name for step in graph.node for name in step.input}.intersection(filled + kept)
    measured = [n for s in graph.node if s.op_type == "BatchNormalization" for n in s.input[3:]]
    stored = sum(int(np.prod(shapes[name])) for name in used)
    multiply_adds = sum(
        int(np.prod(shapes[step.output[0]])) * int(np.prod(shapes[step.input[1]][1:]))
        for step in graph.node
        if step.op_type in ("Conv", "Gemm")  # every Gemm here has its weights as rows
    )

    summary = summarize(path)

    assert summary.statistics == sum(shapes[name][0] for name in measured)
    assert summary.parameters == stored - summary.statistics
    assert summary.multiply_adds == multiply_adds


def lenet5() -> onnx.ModelProto:
    """LeNet-5 with all of S2 behind each of C3's filters, as it is taught today."""
    sizes = {"c1": (6, 1, 5, 5), "c3": (16, 6, 5, 5), "c5": (120, 400), "f6": (84, 120)}
    sizes["out"] = (10, 84)
    half = {"kernel_shape": [2, 2], "strides": [2, 2]}

    def layer(kind: str, source: str, name: str, **attributes: Any) -> NodeProto:
        inputs = [source, f"{name}.weight", f"{name}.bias"]
        return node(kind, inputs, [name], name=name, **attributes)

    return model(
        [
            layer("Conv", "x", "c1"),
            node("Tanh", ["c1"], ["a1"]),
            node("AveragePool", ["a1"], ["s2"], **half),
            layer("Conv", "s2", "c3"),
            node("Tanh", ["c3"], ["a3"]),
            node("AveragePool", ["a3"], ["s4"], **half),
            node("Flatten", ["s4"], ["flat"]),
            layer("Gemm", "flat", "c5", transB=1),
            layer("Gemm", "c5", "f6", transB=1),
            layer("Gemm", "f6", "out", transB=1),
        ],
        inputs={"x": ["n", 1, 32, 32]},
        outputs=["out"],
        constants={f"{name}.weight": ones(*size) for name, size in sizes.items()}
        | {f"{name}.bias": ones(size[0]) for name, size in sizes.items()},
    )


def test_lenet5(summary_of: Summaries) -> None:
    summary = summary_of(lenet5())

    rows = [(r.name, r.type, r.output, r.parameters, r.multiply_adds) for r in summary.layers]
    assert rows == [
        ("c1", "Conv", (28, 28, 6), 156, 117_600),
        ("a1", "Tanh", (28, 28, 6), 0, 0),
        ("s2", "AveragePool", (14, 14, 6), 0, 0),
        ("c3", "Conv", (10, 10, 16), 2_416, 240_000),
        ("a3", "Tanh", (10, 10, 16), 0, 0),
        ("s4", "AveragePool", (5, 5, 16), 0, 0),
        ("c5", "FullyConnected", (120,), 48_120, 48_000),
        ("f6", "FullyConnected", (84,), 10_164, 10_080),
        ("out", "FullyConnected", (10,), 850, 840),
    ]
    assert summary.parameters == 61_706  # LeCun et al. 1998 less the sparse C3
    assert summary.multiply_adds == 416_520
    assert summary.inputs == (Port(name="x", shape=(1, 1, 32, 32), dtype="float32"),)
    assert summary.outputs == (Port(name="out", shape=(1, 10), dtype="float32"),)


def test_channels_last_bytes_turned_inside(summary_of: Summaries) -> None:
    summary = summary_of(
        model(
            [
                node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT),
                node("Sub", ["floats", "mean"], ["centred"]),
                node("Transpose", ["centred"], ["planes"], perm=[0, 3, 1, 2]),
                node("Conv", ["planes", "w"], ["conv"], auto_pad="SAME_UPPER", strides=[2, 2]),
                node("Transpose", ["conv"], ["pixels"], perm=[0, 2, 3, 1]),
                node("Sigmoid", ["pixels"], ["y"]),
            ],
            inputs={"x": ["n", "h", "w", 3]},
            constants={"w": ones(8, 3, 3, 3), "mean": ones(3)},
            dtype=TensorProto.UINT8,
        ),
        input_size=(20, 30),
        layout="NHWC",
    )

    assert [(layer.type, layer.output) for layer in summary.layers] == [
        ("Sub", (20, 30, 3)),
        ("Conv", (10, 15, 8)),
        ("Sigmoid", (10, 15, 8)),
    ]
    assert summary.inputs == (Port(name="x", shape=(1, 20, 30, 3), dtype="uint8"),)
    assert summary.outputs == (Port(name="y", shape=(1, 10, 15, 8), dtype="float32"),)


def test_open_sizes_stay_open(summary_of: Summaries) -> None:
    graph = model(
        [
            node("Conv", ["x", "w"], ["conv"], strides=[2, 2], auto_pad="SAME_UPPER"),
            node("GlobalAveragePool", ["conv"], ["pool"]),
            node("Flatten", ["pool"], ["flat"]),
            node("Gemm", ["flat", "m"], ["y"]),
        ],
        inputs={"x": ["n", 3, "h", "w"]},
        constants={"w": ones(8, 3, 3, 3), "m": ones(8, 5)},
    )

    conv, pool, gemm = summary_of(graph).layers
    summary = summary_of(graph, input_size=(7, 9))

    assert (conv.output, conv.padding, conv.multiply_adds) == ((None, None, 8), (None,) * 4, None)
    assert (conv.parameters, pool.output) == (216, (1, 1, 8))
    assert (gemm.output, gemm.multiply_adds) == ((5,), 40)
    assert summary_of(graph).multiply_adds is None
    assert summary_of(graph).parameters == 256
    assert summary.layers[0].output == (4, 5, 8)
    assert summary.multiply_adds == 20 * 216 + 40


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\x89PNG\r\n", "not an ONNX graph"), (b"", "no nodes")]
)
def test_a_file_that_is_no_graph(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    with pytest.raises(ManifestError, match=reason) as caught:
        summarize(path)

    assert caught.value.file == path


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        summarize(tmp_path / "model.onnx")
