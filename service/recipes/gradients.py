"""Reverse-mode differentiation of a graph, written into the graph itself.

A `Tape` appends operations to a graph and remembers a gradient rule for each. Asked for a
gradient, it goes back over what it remembers and appends the rules, last operation first: one
run of the graph then gives costs and gradient, and no framework that trains is needed.

Source: Baydin et al., Automatic Differentiation in Machine Learning: a Survey,
arXiv:1502.05767, section 3.2.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from service.recipes.graph import Graph
from service.recipes.vgg16 import WINDOW, Convolution

Rule = Callable[[str], str]
"""Turns dy, the cost's gradient by an operation's result, into dx, that by its operand."""

END, BEFORE_START = np.iinfo(np.int64).max, np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    operand: str
    result: str
    rule: Rule


class Tape:
    """Operations on values of a graph, of which gradients can be asked for.

    Every operation appends nodes, returns the name of its result y, and says in its docstring
    what dx is. Weights and targets are constants: no gradient goes to them.

    Args:
        graph: what operations and gradients are appended to.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._steps: list[_Step] = []

    def gradient(self, value: str, costs: Mapping[str, str], name: str) -> str:
        """Append the gradient by `value` of a weighted sum of costs.

        A step is younger than those that made its operand. So, from the youngest to the oldest,
        every gradient is complete when its turn comes.

        Args:
            value: what the costs were computed from.
            costs: scalars made on this tape, each with its weight, a scalar too.
            name: of the result, which has the shape of `value`.

        Raises:
            KeyError: no cost depends on `value`.
        """
        gradients = dict(costs)
        for step in reversed(self._steps):
            if step.result not in gradients:
                continue
            part = step.rule(gradients[step.result])
            if step.operand in gradients:
                terms = [gradients[step.operand], part]
                part = self._graph.node("Add", terms, f"{part}/sum")
            gradients[step.operand] = part
        return self._graph.node("Identity", [gradients[value]], name)

    def subtract(self, x: str, constant: str, name: str) -> str:
        """Append y = x - c; dx = dy."""
        return self._remember(x, self._graph.node("Sub", [x, constant], name), lambda dy: dy)

    def scale(self, x: str, factor: float, name: str) -> str:
        """Append y = k x; dx = k dy."""
        k = self._graph.constant(f"{name}/factor", np.float32(factor))
        y = self._graph.node("Mul", [x, k], name)
        return self._remember(x, y, lambda dy: self._graph.node("Mul", [dy, k], f"{name}/back"))

    def mean(self, values: Sequence[str], name: str) -> str:
        """Append y, the mean of n scalars; dx = dy / n for each."""
        y = self._graph.node("Mean", values, name)
        n = self._graph.constant(f"{name}/n", np.float32(len(values)))
        for x in values:
            self._remember(x, y, partial(self._divide, divisor=n, name=f"{name}/back/{x}"))
        return y

    def convolve(self, x: str, weights: Convolution, name: str) -> str:
        """Append a 3x3 convolution that keeps height and width.

        dx is dy convolved with the same kernels, turned by half a turn, their ins and outs
        exchanged. onnxruntime folds the nodes that turn them when it loads the graph, so that
        the file holds every kernel once; it is the halves that are turned, for the folding to
        need half the memory. ConvTranspose, which needs no turning, is the slower one there.
        """
        graph = self._graph
        half = graph.half(f"{name}/kernel/half", weights.kernel)
        kernel = graph.widen(half, f"{name}/kernel")
        bias = graph.constant(f"{name}/bias", weights.bias)

        def rule(dy: str) -> str:
            exchanged = graph.node("Transpose", [half], f"{name}/exchanged", perm=(1, 0, 2, 3))
            turned = self._slice(
                exchanged, (2, 3), f"{name}/turned/half", start=-1, stop=BEFORE_START, step=-1
            )
            inputs = [dy, graph.widen(turned, f"{name}/turned")]
            return graph.node("Conv", inputs, f"{name}/back", **WINDOW)

        return self._remember(x, graph.node("Conv", [x, kernel, bias], name, **WINDOW), rule)

    def rectify(self, x: str, name: str) -> str:
        """Append y = max(x, 0); dx = dy where y is positive: y's sign, for it is never negative."""
        y = self._graph.node("Relu", [x], name)

        def rule(dy: str) -> str:
            mask = self._graph.node("Sign", [y], f"{name}/mask")
            return self._graph.node("Mul", [dy, mask], f"{name}/back")

        return self._remember(x, y, rule)

    def pool(self, x: str, name: str) -> str:
        """Append the means of 2x2, of even height and width; dx = dy / 4 for all four."""
        graph, two = self._graph, (2, 2)
        y = graph.node("AveragePool", [x], name, kernel_shape=two, strides=two)

        def rule(dy: str) -> str:
            quarter = graph.constant(f"{name}/quarter", np.float32(0.25))
            factors = graph.constant(f"{name}/factors", np.array([1, 1, 2, 2], np.float32))
            return graph.node(
                "Resize",
                [graph.node("Mul", [dy, quarter], f"{name}/share"), "", factors],
                f"{name}/back",
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )

        return self._remember(x, y, rule)

    def gram(self, x: str, name: str) -> str:
        """Append y = F Fᵀ / (C P) of features (1, C, H, W), where F is (C, P) and P = H W.

        dF = (dy + dyᵀ) F / (C P).
        """
        node = self._graph.node
        flat = node("Flatten", [x], f"{name}/flat", axis=2)
        size = self._size(x, f"{name}/size")
        products = node("Gemm", [flat, flat], f"{name}/products", transB=1)

        def rule(dy: str) -> str:
            mirrored = node("Transpose", [dy], f"{name}/mirrored", perm=(1, 0))
            both = node("Add", [dy, mirrored], f"{name}/both")
            each = self._divide(both, divisor=size, name=f"{name}/each")
            rows = node("Gemm", [each, flat], f"{name}/rows")
            return node("Reshape", [rows, node("Shape", [x], f"{name}/shape")], f"{name}/back")

        return self._remember(x, self._divide(products, divisor=size, name=name), rule)

    def differences(self, x: str, axis: int, name: str) -> str:
        """Append y[i] = x[i + 1] - x[i] along one axis of four; dx[i] = dy[i - 1] - dy[i]."""
        node, constant = self._graph.node, self._graph.constant
        later = self._slice(x, (axis,), f"{name}/later", start=1, stop=END)
        earlier = self._slice(x, (axis,), f"{name}/earlier", start=0, stop=-1)

        def rule(dy: str) -> str:
            before, after = np.zeros((2, 8), np.int64)
            before[axis], after[4 + axis] = 1, 1
            previous = node("Pad", [dy, constant(f"{name}/before", before)], f"{name}/previous")
            own = node("Pad", [dy, constant(f"{name}/after", after)], f"{name}/own")
            return node("Sub", [previous, own], f"{name}/back")

        return self._remember(x, node("Sub", [later, earlier], name), rule)

    def mean_square(self, x: str, name: str) -> str:
        """Append y = mean(x²), a scalar; dx = 2 x / n dy, of n elements."""
        return self._square(x, self._size(x, f"{name}/n"), name)

    def relative_error(self, x: str, target: str, name: str) -> str:
        """Append y = mean((x - t)²) / mean(t²), a scalar; dx = 2 (x - t) / sum(t²) dy."""
        energy = self._graph.node("ReduceSumSquare", [target], f"{name}/energy", keepdims=0)
        return self._square(self.subtract(x, target, f"{name}/off"), energy, name)

    def _square(self, x: str, divisor: str, name: str) -> str:
        """Append y = sum(x²) / divisor; dx = 2 x / divisor dy."""
        node = self._graph.node
        total = node("ReduceSumSquare", [x], f"{name}/sum", keepdims=0)

        def rule(dy: str) -> str:
            two = self._graph.constant(f"{name}/two", np.float32(2))
            twice = node("Mul", [dy, two], f"{name}/twice")  # a scalar, as long as it can be
            slope = self._divide(twice, divisor=divisor, name=f"{name}/slope")
            return node("Mul", [x, slope], f"{name}/back")

        return self._remember(x, self._divide(total, divisor=divisor, name=name), rule)

    def _remember(self, x: str, y: str, rule: Rule) -> str:
        self._steps.append(_Step(operand=x, result=y, rule=rule))
        return y

    def _divide(self, value: str, *, divisor: str, name: str) -> str:
        return self._graph.node("Div", [value, divisor], name)

    def _size(self, x: str, name: str) -> str:
        """Append the number of elements, as float32."""
        return self._graph.widen(self._graph.node("Size", [x], f"{name}/int64"), name)

    def _slice(
        self, x: str, axes: tuple[int, ...], name: str, *, start: int, stop: int, step: int = 1
    ) -> str:
        """Append x[start:stop:step] along each of `axes`."""
        limits = {"start": (start,), "stop": (stop,), "axes": axes, "step": (step,)}
        inputs = [
            self._graph.constant(f"{name}/{key}", np.resize(np.array(value, np.int64), len(axes)))
            for key, value in limits.items()
        ]
        return self._graph.node("Slice", [x, *inputs], name)
