"""Several pictures in one run of a session, and the outputs handed back to each."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.arrays import Array
from service.engine.session import Session
from service.tasks.base import Prepared


@dataclass(frozen=True, slots=True)
class Inferred:
    """One picture's rows of every output, and how long its batch ran."""

    outputs: dict[str, Array]
    milliseconds: float


class Batches:
    """Runs batches of any pictures: those whose tensors have the same shape run together."""

    def __init__(
        self,
        session: Session,
        *,
        max_rows: int,
        ran: Callable[[int], None],
        reads: Sequence[str] | None = None,
    ) -> None:
        """Stand in front of a session.

        Args:
            session: may be run by several threads at once.
            max_rows: rows of one run of the session at most.
            ran: told of the rows of every batch.
            reads: the outputs that anybody reads; None for all.
        """
        self._session = session
        self._reads = reads
        self._max_rows = max_rows
        self._ran = ran

    def __call__(self, items: Sequence[Prepared]) -> list[Inferred]:
        """Return an answer for each item, in order; one that fails makes all of them fail."""
        answers: dict[int, Inferred] = {}
        for places in _alike(items):
            together = self._together([items[place] for place in places])
            answers.update(zip(places, together, strict=True))
        return [answers[place] for place in range(len(items))]

    def _together(self, items: Sequence[Prepared]) -> list[Inferred]:
        started = time.perf_counter()
        feeds = _stack([item.tensors for item in items])
        rows = [item.rows for item in items]
        self._ran(sum(rows))
        outputs = self._run(feeds, sum(rows))
        milliseconds = (time.perf_counter() - started) * 1000
        ends = np.cumsum(rows)
        return [
            Inferred({name: value[end - n : end] for name, value in outputs.items()}, milliseconds)
            for n, end in zip(rows, ends, strict=True)
        ]

    def _run(self, feeds: Mapping[str, Array], rows: int) -> dict[str, Array]:
        """Run the session on all rows, at most `max_rows` at a time."""
        if rows <= self._max_rows:
            return self._session.run(feeds, self._reads)
        parts = [
            self._session.run(
                {name: value[start : start + self._max_rows] for name, value in feeds.items()},
                self._reads,
            )
            for start in range(0, rows, self._max_rows)
        ]
        return _stack(parts)


def _alike(items: Sequence[Prepared]) -> list[list[int]]:
    """Return the places of the items whose tensors can be stacked, group by group."""
    groups: defaultdict[object, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        kind = frozenset(
            (name, value.shape[1:], value.dtype) for name, value in item.tensors.items()
        )
        groups[kind].append(place)
    return list(groups.values())


def _stack(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    if len(parts) == 1:
        return dict(parts[0])
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
