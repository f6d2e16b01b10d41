"""L-BFGS: finds minima, never goes up, keeps its bounds, and remembers all it needs."""

import io
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from service.arrays import F32
from service.tasks.style.lbfgs import Evaluate, Lbfgs, Pair, Sample, State, newton


class Counted:
    """A function that counts how often it is asked."""

    def __init__(self, function: Evaluate) -> None:
        self.asked = 0
        self._function = function

    def __call__(self, position: F32) -> Sample:
        self.asked += 1
        return self._function(position)


def bowl(*lowest: float) -> Evaluate:
    """Return a quadratic, twenty times as steep along its last axis as along the first."""
    steepness = np.linspace(1, 20, len(lowest))
    middle = np.array(lowest)

    def evaluate(position: F32) -> Sample:
        off = position.astype(np.float64) - middle
        cost = float((steepness * off**2).sum())
        return Sample(cost=cost, gradient=(2 * steepness * off).astype(np.float32), terms=(cost,))

    return evaluate


def valley(position: F32) -> Sample:
    """Rosenbrock's function: a bent valley, lowest where every coordinate is 1."""
    here, following = position[:-1].astype(np.float64), position[1:].astype(np.float64)
    gradient = np.zeros(len(position))
    gradient[:-1] += -400 * here * (following - here**2) - 2 * (1 - here)
    gradient[1:] += 200 * (following - here**2)
    cost = float((100 * (following - here**2) ** 2 + (1 - here) ** 2).sum())
    return Sample(cost=cost, gradient=gradient.astype(np.float32))


def course(
    evaluate: Evaluate, start: F32, *, steps: int = 200, **choices: Any
) -> tuple[list[State], bool]:
    """Return every state, and whether the end was reached before the steps were used up."""
    optimizer = Lbfgs(**{"first_move": 0.1, **choices})
    states = [optimizer.start(start, evaluate)]
    for _ in range(steps):
        state = optimizer.advance(states[-1], evaluate)
        if state is None:
            return states, True
        states.append(state)
    return states, False


def floats(*values: float) -> F32:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("function", "start", "lowest"),
    [
        pytest.param(bowl(), [], [], id="nothing to choose"),
        pytest.param(bowl(3), [3], [3], id="already there"),
        pytest.param(bowl(3), [-100], [3], id="one axis"),
        pytest.param(bowl(1, -2, 3, -4, 5), [0] * 5, [1, -2, 3, -4, 5], id="a long bowl"),
        pytest.param(valley, [-1.2] * 10, [1] * 10, id="a bent valley"),
    ],
)
def test_the_lowest_point_is_found(
    function: Evaluate, start: list[float], lowest: list[float]
) -> None:
    states, ended = course(function, floats(*start))

    assert ended
    assert states[-1].position == pytest.approx(lowest, abs=1e-3)
    assert states[-1].position.dtype == np.float32


@pytest.mark.parametrize("memory", [1, 3, 10])
def test_it_never_goes_up(memory: int) -> None:
    states, _ = course(valley, np.full(10, -1.2, np.float32), memory=memory)

    costs = [state.sample.cost for state in states]
    assert all(later < earlier for earlier, later in pairwise(costs))
    assert max(len(state.pairs) for state in states) == memory


def test_a_step_is_nearly_always_one_evaluation() -> None:
    function = Counted(bowl(*range(30)))

    states, _ = course(function, np.zeros(30, np.float32), steps=25, first_move=1.0)

    assert len(states) == 26
    assert function.asked <= 30


def test_the_first_trial_moves_no_coordinate_further_than_told() -> None:
    seen: list[F32] = []

    def watched(position: F32) -> Sample:
        seen.append(position)
        return bowl(50, -90)(position)

    course(watched, floats(0, 0), steps=1, first_move=2.5)

    # Down the gradient: 100 along one axis, -3600 along the other.
    assert seen[1] == pytest.approx([2.5 / 36, -2.5])


@pytest.mark.parametrize(
    ("lowest", "nearest"),
    [
        ((5.0, 5.0), (5.0, 5.0)),  # inside
        ((-3.0, 5.0), (0.0, 5.0)),
        ((12.0, -5.0), (10.0, 0.0)),  # in the corner
    ],
)
@pytest.mark.parametrize("start", [(4.0, 4.0), (0.0, 10.0), (-70.0, 90.0)])
def test_the_bounds_are_kept(
    lowest: tuple[float, ...], nearest: tuple[float, ...], start: tuple[float, ...]
) -> None:
    states, ended = course(bowl(*lowest), floats(*start), bounds=(0.0, 10.0))

    assert ended
    assert states[-1].position == pytest.approx(nearest, abs=1e-3)
    positions = np.array([state.position for state in states])
    assert positions.min() >= 0
    assert positions.max() <= 10


def test_a_bent_valley_within_bounds_ends_where_no_way_leads_down_inside() -> None:
    states, _ = course(valley, np.full(4, -1.2, np.float32), bounds=(-2.0, 0.5))

    position, gradient = states[-1].position, states[-1].sample.gradient
    inside = (position > -2) & (position < 0.5)
    assert 0 < inside.sum() < 4
    assert gradient[inside] == pytest.approx(0, abs=1e-2)
    assert (gradient[~inside] <= 0).all()


def test_a_direction_that_leads_nowhere_gives_way_to_the_gradient() -> None:
    """A pair from elsewhere makes the guess useless; the step is made all the same, without it."""
    function = bowl(3, 3)
    sample = function(floats(0, 0))
    misleading = Pair(move=floats(1e6, -1e6), change=floats(1e-6, -1e-6))
    state = State(position=floats(0, 0), sample=sample, pairs=(misleading,))

    after = Lbfgs(first_move=0.1).advance(state, function)

    assert after is not None
    assert after.sample.cost < sample.cost
    assert all(pair is not misleading for pair in after.pairs)


def test_a_pair_without_curvature_is_not_remembered() -> None:
    def slope(position: F32) -> Sample:
        return Sample(cost=-float(position.sum()), gradient=np.full(2, -1, np.float32))

    states, ended = course(slope, floats(0, 0), steps=3)

    assert not ended
    assert [state.pairs for state in states] == [()] * 4


@pytest.mark.parametrize("nonsense", [math.nan, math.inf])
def test_a_trial_without_a_value_is_too_far(nonsense: float) -> None:
    """The cost is that of a hill at 0, but beyond 1 it has no value."""

    def edge(position: F32) -> Sample:
        cost = nonsense if abs(position[0]) > 1 else -(float(position[0]) ** 2)
        return Sample(cost=cost, gradient=-2 * position)

    states, _ = course(edge, floats(0.5), steps=3, first_move=50)

    assert 0.5 < states[-1].position[0] <= 1


@pytest.mark.parametrize("nonsense", [math.nan, math.inf])
def test_a_start_without_a_value_is_refused(nonsense: float) -> None:
    def nowhere(position: F32) -> Sample:
        return Sample(cost=nonsense, gradient=position)

    with pytest.raises(ValueError, match=r"cost at the start is (nan|inf)"):
        Lbfgs(first_move=1).start(floats(1), nowhere)


def saved(state: State) -> State:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **state.to_arrays())
    with np.load(io.BytesIO(file.getvalue()), allow_pickle=False) as archive:
        return State.from_arrays(dict(archive))


def same(one: State, other: State) -> bool:
    arrays, others = one.to_arrays(), other.to_arrays()
    return all(
        arrays[name].dtype == others[name].dtype
        and arrays[name].shape == others[name].shape
        and arrays[name].tobytes() == others[name].tobytes()
        for name in arrays
    )


@pytest.mark.parametrize("function", [valley, bowl(*range(8))], ids=["valley", "bowl"])
def test_a_saved_state_goes_on_as_if_it_had_never_been_saved(function: Evaluate) -> None:
    choices: dict[str, Any] = {"first_move": 0.1, "memory": 4, "bounds": (-2.0, 6.0)}
    states, _ = course(function, np.full(8, -1.2, np.float32), steps=20, **choices)

    optimizer = Lbfgs(**choices)
    for before, after in pairwise(states):
        restored = saved(before)
        assert same(restored, before)
        assert restored.sample.terms == before.sample.terms
        again = optimizer.advance(restored, function)
        assert again is not None
        assert same(again, after)


@pytest.mark.parametrize("missing", ["position", "cost", "gradient", "terms", "moves", "changes"])
def test_a_state_with_something_missing_is_refused(missing: str) -> None:
    arrays = Lbfgs(first_move=1).start(floats(1, 2), bowl(0, 0)).to_arrays()
    del arrays[missing]

    with pytest.raises(KeyError, match=missing):
        State.from_arrays(arrays)


def dense(pairs: list[Pair]) -> np.ndarray:
    """Return the inverse of the second derivatives as BFGS updates it, as a matrix (6.17)."""
    last = pairs[-1]
    identity = np.eye(len(last.move))
    inverse = identity * (last.move @ last.change) / (last.change @ last.change)
    for pair in pairs:
        move, change = pair.move.astype(np.float64), pair.change.astype(np.float64)
        share = np.outer(move, change) / (move @ change)
        inverse = (identity - share) @ inverse @ (identity - share).T
        inverse += np.outer(move, move) / (move @ change)
    return inverse


def random_pairs(rng: np.random.Generator, count: int, size: int) -> list[Pair]:
    root = rng.normal(size=(size, size))
    second = root @ root.T + np.eye(size)
    moves = rng.normal(size=(count, size))
    return [
        Pair(move=move.astype(np.float32), change=(second @ move).astype(np.float32))
        for move in moves
    ]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_two_loops_are_the_product_with_the_matrix(count: int) -> None:
    rng = np.random.default_rng(count)
    pairs = random_pairs(rng, count, 6)
    slope = rng.normal(size=6).astype(np.float32)

    direction = newton(slope, tuple(pairs))

    expected = -dense(pairs) @ slope
    assert direction == pytest.approx(expected, abs=1e-4 * np.abs(expected).max())


def test_what_is_given_is_not_written_to() -> None:
    rng = np.random.default_rng(0)
    pairs = tuple(random_pairs(rng, 3, 5))
    given: list[F32] = [pair.move for pair in pairs] + [pair.change for pair in pairs]
    slope = rng.normal(size=5).astype(np.float32)
    for array in (*given, slope):
        array.setflags(write=False)

    newton(slope, pairs)

    start = floats(1, 2)
    start.setflags(write=False)
    states, _ = course(bowl(0, 0), start)
    assert states[0].position.tolist() == [1, 2]
