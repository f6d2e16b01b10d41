"""Style transfer by optimisation: step by step, to be watched, stopped, saved and resumed."""

import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self
from zipfile import BadZipFile

import numpy as np

from service.arrays import U8, Array
from service.tasks.style.canvas import Canvas
from service.tasks.style.lbfgs import Evaluate, Lbfgs, State
from service.tasks.style.optimize import Costs, Objective, Pictures, Plan, Targets

# The first trial moves no value of a pixel by more than this; of 255.
FIRST_MOVE = 8.0
PIXEL_RANGE = (0.0, 255.0)
# What the reader of archives raises, depending on where the damage is.
_DAMAGE = (
    BadZipFile,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zlib.error,
)


class Runs(Protocol):
    """What is wanted of a session: the graph `gatys-vgg16`, or one with its inputs and outputs."""

    def run(self, feeds: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return every output by name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far an optimisation is: what to show, and all that is needed to go on.

    Attributes:
        costs: before the first step and after each.
        state: the optimiser's.
        preview: (h, w, 3) RGB, the result so far.
        finished: no step follows: all are done, or none makes the cost any lower.
    """

    costs: tuple[Costs, ...]
    state: State
    preview: U8
    finished: bool

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self.costs) - 1

    def to_bytes(self) -> bytes:
        """Return what `from_bytes` makes the same checkpoint of, bit by bit."""
        arrays: dict[str, Any] = {
            "costs": np.array(self.costs, np.float64),
            "preview": self.preview,
            "finished": np.array(self.finished),
            **self.state.to_arrays(),
        }
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a checkpoint; nothing in it is ever executed.

        Raises:
            ValueError: `data` is no checkpoint, or not a whole one.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                arrays = dict(archive)
            return cls(
                costs=tuple(Costs(*row) for row in arrays["costs"].tolist()),
                state=State.from_arrays(arrays),
                preview=arrays["preview"],
                finished=bool(arrays["finished"]),
            )
        except _DAMAGE as error:
            raise ValueError(f"not a checkpoint: {error}") from error


class Optimization:
    """Moves the pixels of a picture until it has the content's shapes and the style's texture."""

    def __init__(self, session: Runs, pictures: Pictures, plan: Plan) -> None:
        """Join the parts; nothing runs yet.

        Args:
            session: evaluates pictures.
            pictures: of the size that is worked in.
            plan: weights and steps; the rest of it made the pictures.
        """
        self._session = session
        self._pictures = pictures
        self._plan = plan
        self._optimizer = Lbfgs(first_move=FIRST_MOVE, bounds=PIXEL_RANGE)

    def run(
        self,
        *,
        every: int = 10,
        resume: Checkpoint | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[Checkpoint]:
        """Yield a checkpoint after every `every` steps and one at the end.

        Args:
            every: steps from one checkpoint to the next; making one costs next to nothing.
            resume: where to go on, of the same pictures and plan; default: at the beginning.
            should_stop: asked before every step. If it says yes, what was done since the last
                checkpoint is yielded, not finished, and nothing more.

        Raises:
            ValueError: `resume` is of pictures of another size.
        """
        evaluate = self._objective()
        if resume is None:
            state = self._optimizer.start(self._pictures.start.position, evaluate)
            costs, finished = [Costs.of(state.sample)], False
        else:
            state, costs, finished = resume.state, list(resume.costs), resume.finished
        if state.position.size != self._pictures.content.pixels.size:
            raise ValueError("the checkpoint is of pictures of another size")
        shown = len(costs)
        while not finished and not should_stop():
            following = self._optimizer.advance(state, evaluate)
            if following is not None:
                state = following
                costs.append(Costs.of(state.sample))
            finished = following is None or len(costs) > self._plan.steps
            if finished or (len(costs) - 1) % every == 0:
                shown = len(costs)
                yield self._checkpoint(costs, state, finished)
        if len(costs) > shown:
            yield self._checkpoint(costs, state, finished)

    def _objective(self) -> Evaluate:
        """Let the graph look at content and style, and return J of what it shall look at next."""
        targets = Targets.between(
            self._describe(self._pictures.content), self._describe(self._pictures.style)
        )
        objective = Objective(
            size=self._pictures.content.full_size, weights=self._plan.weights, targets=targets
        )
        return lambda position: objective.sample(self._session.run(objective.feeds(position)))

    def _describe(self, canvas: Canvas) -> Mapping[str, Array]:
        return self._session.run(Objective.describing(canvas.full_size).feeds(canvas.position))

    def _checkpoint(self, costs: Sequence[Costs], state: State, finished: bool) -> Checkpoint:
        return Checkpoint(
            costs=tuple(costs),
            state=state,
            preview=self._pictures.content.picture_at(state.position),
            finished=finished,
        )
