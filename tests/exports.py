"""Small graphs in the formats of well-known exporters, each with one thing to find.

A graph looks at a few pixels of its input. Only if it is fed as the network's own project would
feed it (size, place, channel order, scale) does it give the raw values of a detection, computed
here with the formulas of the papers, the other way round.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 320, 200
GROUND, THING = (60, 60, 60), (200, 120, 40)
BOX = (70.0, 40.0, 190.0, 130.0)
"""Of the thing, in pixels of the picture: x1, y1, x2, y2."""
INSET = 6  # pixels from the edges of the thing to where a graph looks, inside and outside
TOLERANCE = 8  # of 255
NO = -20.0  # the raw value of a score that is next to nothing
YES = 3.0  # of one that is 0.95

Array = np.ndarray
Axes = Sequence[int | str]


def street() -> bytes:
    """Return the picture of the thing, as a JPEG."""
    image = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
    x1, y1, x2, y2 = BOX
    ImageDraw.Draw(image).rectangle((x1, y1, x2 - 1, y2 - 1), fill=THING)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=100, subsampling=0)
    return file.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """How a project feeds its network.

    Attributes:
        size: of the input, a square's side.
        rule: letterbox, top-left (a letterbox too), stretch, or crop with this short side.
        bgr: channel order.
        scale, mean, std: tensor = (pixel * scale - mean) / std, in the network's channel order.
    """

    size: int
    rule: str
    bgr: bool = False
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0, 0, 0)
    std: tuple[float, float, float] = (1, 1, 1)
    short_side: int = 0

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the picture is in the input."""
        if self.rule == "stretch":
            return x * self.size / WIDTH, y * self.size / HEIGHT
        if self.rule == "crop":
            scale = self.short_side / min(WIDTH, HEIGHT)
            middle = self.size / 2
            return middle + (x - WIDTH / 2) * scale, middle + (y - HEIGHT / 2) * scale
        scale = self.size / max(WIDTH, HEIGHT)
        top = 0.0 if self.rule == "top-left" else (self.size - HEIGHT * scale) / 2
        return x * scale, y * scale + top

    def tensor(self, color: tuple[int, int, int]) -> list[float]:
        """Return what a colour becomes."""
        pixel = color[::-1] if self.bgr else color
        return [
            (value * self.scale - mean) / std
            for value, mean, std in zip(pixel, self.mean, self.std, strict=True)
        ]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Of the thing: centre x, y, width, height, in pixels of the input."""
        (x1, y1), (x2, y2) = self.point(*BOX[:2]), self.point(*BOX[2:])
        return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Of the thing: x1, y1, x2, y2, in pixels of the input."""
        return *self.point(*BOX[:2]), *self.point(*BOX[2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output.

    Attributes:
        value: with its batch axis, if it has one.
        lowered: how much of it is taken away where the thing is not seen.
        axes: what the graph declares; default: the value's shape.
    """

    value: Array
    lowered: Array | None = None
    axes: Axes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A graph, and what is to be found with it.

    Attributes:
        fed: how it wants its pictures.
        outputs: by name.
        input: its name.
        axes: of the input, as declared; default: (1, 3, H, W).
        notes: metadata.
        label: of the thing.
    """

    fed: Fed
    outputs: Mapping[str, Output]
    label: str
    input: str = "images"
    axes: Axes | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        onnx.save(self.model(), path)

    def model(self) -> onnx.ModelProto:
        axes = self.axes or (1, 3, self.fed.size, self.fed.size)
        graph = helper.make_graph(
            [*self._look(axes), *self._answers()],
            "planted",
            [helper.make_tensor_value_info(self.input, TensorProto.FLOAT, axes)],
            [
                helper.make_tensor_value_info(
                    name,
                    helper.np_dtype_to_tensor_dtype(output.value.dtype),
                    output.axes or output.value.shape,
                )
                for name, output in self.outputs.items()
            ],
            self._constants(axes),
        )
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        helper.set_model_props(model, dict(self.notes))
        onnx.checker.check_model(model)
        return model

    def _points(self) -> list[tuple[int, int, list[float]]]:
        """Return row, column and value of the pixels that are looked at."""
        x1, y1, x2, y2 = BOX
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        looks = [
            (x1 + INSET, y1 + INSET, THING),
            (x2 - INSET, y2 - INSET, THING),
            (x1 - INSET, y, GROUND),
            (x2 + INSET, y, GROUND),
            (x, y1 - INSET, GROUND),
            (x, y2 + INSET, GROUND),
        ]
        found = [(*self.fed.point(x, y), self.fed.tensor(color)) for x, y, color in looks]
        last = self.fed.size - 1
        return [
            (int(y), int(x), value) for x, y, value in found if min(x, y) >= 0 and max(x, y) <= last
        ]

    def _constants(self, axes: Axes) -> list[TensorProto]:
        points = self._points()
        lead = [0] * (len(axes) - 3)
        places = np.array([[*lead, row, column] for row, column, _ in points], np.int64)
        tolerance = np.array([TOLERANCE * self.fed.scale / std for std in self.fed.std])
        constants = {
            "places": places,
            "wanted": np.array([value for *_, value in points], np.float32),
            "tolerance": tolerance.astype(np.float32),
        }
        for name, output in self.outputs.items():
            constants[f"{name}/value"] = output.value
            if output.lowered is not None:
                constants[f"{name}/lowered"] = output.lowered
        return [numpy_helper.from_array(value, name) for name, value in constants.items()]

    def _look(self, axes: Axes) -> list[onnx.NodeProto]:
        """Return the nodes that make `missed`: 0.0 if every pixel is as it should be, else 1.0."""
        node = helper.make_node
        last = [0, 2, 3, 1] if len(axes) == 4 else [1, 2, 0]
        if axes[-1] == 3:
            last = list(range(len(axes)))
        return [
            node("Transpose", [self.input], ["pixels"], perm=last),
            node("GatherND", ["pixels", "places"], ["seen"]),
            node("Sub", ["seen", "wanted"], ["off"]),
            node("Abs", ["off"], ["distance"]),
            node("Greater", ["distance", "tolerance"], ["wrong"]),
            node("Cast", ["wrong"], ["wrongs"], to=TensorProto.FLOAT),
            node("ReduceMax", ["wrongs"], ["missed"], keepdims=0),
        ]

    def _answers(self) -> list[onnx.NodeProto]:
        node = helper.make_node
        nodes = []
        for name, output in self.outputs.items():
            if output.lowered is None:
                nodes.append(node("Identity", [f"{name}/value"], [name]))
                continue
            nodes.append(node("Mul", ["missed", f"{name}/lowered"], [f"{name}/less"]))
            nodes.append(node("Sub", [f"{name}/value", f"{name}/less"], [name]))
        return nodes


def logit(score: float) -> float:
    return log(score / (1 - score))


def scored(value: Array, places: Array, amount: float) -> Output:
    """Return an output that is lower by `amount` at `places` where the thing is not seen."""
    return Output(value=value, lowered=np.where(places, np.float32(amount), np.float32(0)))


def names(classes: int) -> dict[str, str]:
    """Return class names as Ultralytics' exporter writes them."""
    return {"names": repr({number: f"thing {number}" for number in range(classes)})}
