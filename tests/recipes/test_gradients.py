"""Every rule of differentiation against differences of the cost itself, in double precision."""

from collections.abc import Callable

import numpy as np
import pytest

from service.recipes.gradients import Tape
from service.recipes.graph import Graph
from tests.recipes.networks import F64, convolution, in_double, slope

Operation = Callable[[Graph, Tape, str], str]
SHAPE = (1, 2, 4, 6)
OPERATIONS: dict[str, tuple[Operation, tuple[int, ...]]] = {
    "subtract": (lambda graph, tape, x: tape.subtract(x, quarter(graph), "y"), SHAPE),
    "scale": (lambda graph, tape, x: tape.scale(x, -3, "y"), SHAPE),
    "convolve": (lambda graph, tape, x: tape.convolve(x, KERNELS, "y"), (1, 3, 4, 6)),
    "rectify": (lambda graph, tape, x: tape.rectify(x, "y"), SHAPE),
    "pool": (lambda graph, tape, x: tape.pool(x, "y"), (1, 2, 2, 3)),
    "gram": (lambda graph, tape, x: tape.gram(x, "y"), (2, 2)),
    "differences down": (lambda graph, tape, x: tape.differences(x, 2, "y"), (1, 2, 3, 6)),
    "differences across": (lambda graph, tape, x: tape.differences(x, 3, "y"), (1, 2, 4, 5)),
    "mean_square": (lambda graph, tape, x: tape.mean_square(x, "y"), ()),
    "mean": (lambda graph, tape, x: tape.mean([*three_costs(graph, tape, x)], "y"), ()),
}
KERNELS = convolution(3, 2, 3, seed=1)


def quarter(graph: Graph) -> str:
    return graph.constant("quarter", np.float32(0.25))


def three_costs(graph: Graph, tape: Tape, x: str) -> list[str]:
    """Three scalars of one value, so that its gradient has three parts."""
    values = [x, tape.scale(x, 2, "double"), tape.rectify(x, "positive")]
    return [tape.mean_square(value, f"{value}/cost") for value in values]


def values(*shape: int, seed: int) -> F64:
    return np.random.default_rng(seed).normal(0, 1, shape)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_rule_is_the_slope_of_the_cost(name: str) -> None:
    operation, shape = OPERATIONS[name]
    graph = Graph("test")
    tape = Tape(graph)
    x = graph.input("x", *SHAPE)
    # The target of a Gram matrix is not symmetric here: the rule must not count on it.
    target = graph.constant("target", values(*shape, seed=1).astype(np.float32))
    cost = tape.relative_error(operation(graph, tape, x), target, "cost")
    graph.output(cost)
    weight = graph.constant("weight", np.float32(-1.5))
    graph.output(tape.gradient(x, {cost: weight}, "gradient"), *SHAPE)
    evaluator = in_double(graph.model())

    def costs(point: F64) -> tuple[float, F64]:
        cost, gradient = evaluator.run(["cost", "gradient"], {"x": point})
        return -1.5 * float(cost), gradient

    point = values(*SHAPE, seed=2)
    gradient = costs(point)[1]
    assert gradient.shape == SHAPE
    for seed in range(3, 9):
        direction = values(*SHAPE, seed=seed)
        expected = slope(lambda moved: costs(moved)[0], point, direction)
        assert np.vdot(gradient, direction) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_what_no_cost_depends_on_has_no_gradient() -> None:
    graph = Graph("test")
    tape = Tape(graph)
    x, other = graph.input("x", 3), graph.input("other", 3)
    cost = tape.mean_square(x, "cost")

    with pytest.raises(KeyError, match="other"):
        tape.gradient(other, {cost: quarter(graph)}, "gradient")
