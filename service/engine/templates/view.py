"""A graph as a decoder would see it: one picture's outputs at the size of the network input."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.engine.graph.metadata import GraphFile
from service.engine.manifest import BatchAxis
from service.errors import ManifestError
from service.imaging.picture import Size
from service.tasks.base import TensorInfo
from service.tasks.inputs import Layout

Shape = tuple[int | None, ...]
Value = str | int | float | bool | Sequence["Value"] | Mapping[str, "Value"]

STRIDES: Final = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))
"""The strides that detectors without anchor boxes come with, the usual ones first."""

# What makes a score of a raw value, and what gives raw values.
_ACTIVATIONS = frozenset({"HardSigmoid", "Sigmoid", "Softmax"})
_LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureInput:
    """The input that a picture goes to.

    Attributes:
        info: the graph's own.
        layout: of its axes.
        channels: 1 or 3.
        batched: whether it has a batch axis.
        sides: (H, W), None where the graph leaves one open.
    """

    info: TensorInfo
    layout: Layout
    channels: int
    batched: bool
    sides: tuple[int | None, int | None]

    @property
    def batch(self) -> int | None:
        """How many pictures the graph takes at once, None if that varies."""
        return self.info.shape[0] if self.batched else 1

    @classmethod
    def of(cls, graph: GraphFile) -> "PictureInput":
        """Return a graph's only input.

        Raises:
            ManifestError: it is no picture, or the graph wants more than a picture.
        """
        if len(graph.inputs) != 1:
            reason = f"it has {len(graph.inputs)} inputs, and Chiasm feeds one, the picture"
            raise ManifestError(graph.path, "", f"{reason}: {graph.describe()}")
        [info] = graph.inputs
        axes = info.shape[-3:]
        if len(info.shape) not in {3, 4} or info.dtype not in {"uint8", "float16", "float32"}:
            raise ManifestError(graph.path, "", f"its input is no picture: {graph.describe()}")
        if info.shape[0] not in {1, None} and len(info.shape) == 4:
            reason = f"its batch is fixed at {info.shape[0]}; export it with 1, or a dynamic one"
            raise ManifestError(graph.path, "", reason)
        if axes[0] in {1, 3, None}:
            layout, channels, sides = Layout.NCHW, axes[0], axes[1:]
        else:
            layout, channels, sides = Layout.NHWC, axes[2], axes[:2]
        if channels not in {1, 3, None}:
            reason = f"pictures have 1 or 3 channels: {graph.describe()}"
            raise ManifestError(graph.path, "", reason)
        return cls(
            info=info,
            layout=layout,
            channels=channels or 3,
            batched=len(info.shape) == 4,
            sides=(sides[0], sides[1]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One picture's outputs, under an assumption about which tensors have a batch axis.

    Attributes:
        graph: the file.
        size: (H, W) of the network input, pixels.
        axis: the assumption.
        tensors: the outputs that agree with it, with the batch axis that the service will see.
        classes: how many there are, where that is known before the outputs are looked at.
    """

    graph: GraphFile
    size: Size
    axis: BatchAxis
    tensors: tuple[TensorInfo, ...]
    classes: int | None

    def of_rank(self, *ranks: int, integers: bool = False) -> Iterator[tuple[str, Shape]]:
        """Yield name and one picture's shape of every output with so many axes."""
        for info in self.tensors:
            if len(info.shape) - 1 in ranks and info.dtype.startswith(("int", "uint")) is integers:
                yield info.name, info.shape[1:]

    def cells(self, strides: Sequence[int]) -> int:
        """Return the number of cells over all strides; a partial cell at an edge counts."""
        height, width = self.size
        return sum(-(-height // stride) * -(-width // stride) for stride in strides)

    def strides_of(self, cells: int | None, *, anchors: int = 1) -> tuple[int, ...] | None:
        """Return the strides that give so many cells, each with so many anchors, if any do."""
        for strides in STRIDES:
            if cells == anchors * self.cells(strides):
                return strides
        return None

    def activated(self, output: str) -> bool | None:
        """Say whether the graph activates an output itself; None where it does not show.

        A joined output counts as activated if a part of it is.
        """
        origins = self.graph.origins(output)
        if origins & _ACTIVATIONS:
            return True
        return False if origins and origins <= _LAYERS else None


def views(
    graph: GraphFile, picture: PictureInput, size: Size, classes: int | None
) -> Iterator[View]:
    """Yield the views of a graph, the usual one first: batch axes everywhere, or not.

    Args:
        graph: the file.
        picture: its input.
        size: (H, W) of the network input.
        classes: how many there are, where that is known.
    """
    outputs = graph.outputs_at(size, picture.layout.value)
    batched = tuple(one for one in outputs if one.shape and one.shape[0] in {1, None})
    bare = tuple(TensorInfo(one.name, (1, *one.shape), one.dtype) for one in outputs)
    under = {BatchAxis.ALL: batched, BatchAxis.INPUT: bare}
    if not picture.batched:
        under = {BatchAxis.NONE: bare}
    for axis, tensors in under.items():
        yield View(graph=graph, size=size, axis=axis, tensors=tensors, classes=classes)
