"""Float graph → QDQ graph: fold, calibrate on pictures, quantise.

Weights of the networks here are stored as float16 behind a Cast, or as scaled bytes, which
onnxruntime folds at load. Quantisation looks at initializers, so the same folding comes first.

Source: onnxruntime's own tools (`onnxruntime.quantization`), documented at
https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, where `reduce_range`
is recommended for x86 without VNNI: its multiply-add of unsigned by signed bytes sums two products
in 16 bits and saturates.
"""

import contextlib
import fnmatch
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import onnx.version_converter
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from service.arrays import Array
from tools.quantize.bound import Bound

PER_CHANNEL_OPSET = 13


class Method(StrEnum):
    """How the range of an activation follows from what it was on the calibration pictures."""

    MINMAX = "minmax"
    PERCENTILE = "percentile"
    ENTROPY = "entropy"


class Activations(StrEnum):
    """The type of activations; weights are always signed. x86 multiplies unsigned by signed."""

    UINT8 = "uint8"
    INT8 = "int8"


_METHODS = {
    Method.MINMAX: CalibrationMethod.MinMax,
    Method.PERCENTILE: CalibrationMethod.Percentile,
    Method.ENTROPY: CalibrationMethod.Entropy,
}
_TYPES = {Activations.UINT8: QuantType.QUInt8, Activations.INT8: QuantType.QInt8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to quantise.

    Attributes:
        method: of calibration.
        percentile: share of an activation's values that its range must hold, per cent; for
            `Method.PERCENTILE` alone.
        activations: their type.
        per_channel: a scale for each output channel of a convolution, not one for all.
        seven_bit: weights in -64..64, so that no sum saturates on CPUs without VNNI.
        ops: operators to quantise; empty for every one that onnxruntime can.
        keep: patterns (`head/*`) of names of nodes that stay float.
    """

    method: Method = Method.MINMAX
    percentile: float = 99.99
    activations: Activations = Activations.UINT8
    per_channel: bool = True
    seven_bit: bool = True
    ops: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the choices in words, for a manifest.

        >>> Recipe(keep=("head/*",)).text()
        '8-bit QDQ, uint8 activations by minmax, 7-bit weights per channel, float: head/*'
        """
        ranges = f"{self.method} {self.percentile:g}" if self.by_percentile else self.method
        words = [
            "8-bit QDQ",
            f"{self.activations} activations by {ranges}",
            f"{7 if self.seven_bit else 8}-bit weights per "
            f"{'channel' if self.per_channel else 'tensor'}",
        ]
        if self.ops:
            words.append(f"only {' '.join(self.ops)}")
        if self.keep:
            words.append(f"float: {' '.join(self.keep)}")
        return ", ".join(words)

    @property
    def by_percentile(self) -> bool:
        """Whether `percentile` matters."""
        return self.method is Method.PERCENTILE


class Pictures(CalibrationDataReader):
    """The pictures that ranges are measured on, each decoded and resized when it is its turn."""

    def __init__(self, bound: Bound, paths: Sequence[Path]) -> None:
        self._bound = bound
        self._paths = paths
        self._tensors = self._read(paths)

    def __len__(self) -> int:
        return len(self._paths)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Go on with these pictures; onnxruntime asks for them in strides."""
        self._tensors = self._read(self._paths[start_index:end_index])

    def get_next(self) -> dict[str, Array] | None:
        """Return the tensors of the next picture, or None after the last."""
        return next(self._tensors, None)

    def _read(self, paths: Sequence[Path]) -> Iterator[dict[str, Array]]:
        for path in paths:
            yield dict(self._bound.prepare(path).tensors)


def quantize(graph: Path, pictures: Pictures, recipe: Recipe) -> onnx.ModelProto:
    """Return the graph in eight-bit integers.

    Raises:
        ValueError: a pattern of `recipe.keep` matches no node, or there are no pictures.
    """
    if not len(pictures):
        raise ValueError("there are no pictures to calibrate on")
    # Entropy and percentile tell their progress on standard output.
    with TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        steps = ("modern.onnx", "folded.onnx", "quantised.onnx")
        modern, folded, written = (Path(folder) / name for name in steps)
        onnx.save(_modern(onnx.load(graph)), modern)
        # Symbolic inference would need SymPy, and is for graphs whose shapes are computed.
        quant_pre_process(modern, folded, skip_symbolic_shape=True)
        quantize_static(
            folded,
            written,
            pictures,
            op_types_to_quantize=list(recipe.ops) or None,
            per_channel=recipe.per_channel,
            reduce_range=recipe.seven_bit,
            activation_type=_TYPES[recipe.activations],
            weight_type=QuantType.QInt8,
            nodes_to_exclude=kept_nodes(onnx.load(folded), recipe.keep),
            calibrate_method=_METHODS[recipe.method],
            # One picture's activations in memory at a time; the ranges are the same.
            extra_options={"CalibStridedMinMax": 1, "CalibPercentile": recipe.percentile},
        )
        model = onnx.load(written)
    onnx.checker.check_model(model, full_check=True)
    return model


def _modern(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph in an opset whose DequantizeLinear has an axis, for scales of channels."""
    version = next(one.version for one in model.opset_import if not one.domain)
    if version >= PER_CHANNEL_OPSET:
        return model
    return onnx.version_converter.convert_version(model, PER_CHANNEL_OPSET)


def kept_nodes(model: onnx.ModelProto, patterns: Sequence[str]) -> list[str]:
    """Return the names of the nodes that a pattern matches, in the graph's order.

    Raises:
        ValueError: a pattern matches none: a slip of the pen would go unnoticed.
    """
    names = [node.name for node in model.graph.node]
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            raise ValueError(
                f"no node is called {pattern!r}; the last ones: {', '.join(names[-5:])}"
            )
    return [name for name in names if any(fnmatch.fnmatchcase(name, one) for one in patterns)]
