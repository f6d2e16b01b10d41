"""Which pictures run together, and that each gets its own rows of what comes back."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from service.arrays import Array
from service.engine.batches import Batches, Inferred
from service.engine.deadline import Deadline
from service.engine.scheduler import Scheduler
from service.tasks.base import Prepared
from tests.engine.fakes import PATIENCE_S, Clock, Gate


class Sums:
    """A session for pictures of any size: its answer for a row is the sum of the row."""

    inputs = outputs = ()
    provider = "FakeExecutionProvider"

    def __init__(self, clock: Clock) -> None:
        self.runs: list[tuple[int, ...]] = []
        self._clock = clock

    def run(
        self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        pixels = feeds["image"]
        self.runs.append(pixels.shape)
        self._clock.pass_s(0.001 * pixels.size)
        if (pixels == 13).any():
            raise ValueError("13")
        return {"sum": pixels.reshape(len(pixels), -1).sum(axis=1)}

    def close(self) -> None:
        raise AssertionError("the session is the repository's")


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, max_rows: int = 8) -> None:
        clock = Clock()
        monkeypatch.setattr("service.engine.batches.time", clock)
        self.session = Sums(clock)
        self.rows: list[int] = []
        self.batches = Batches(self.session, max_rows=max_rows, ran=self.rows.append)

    def sums(self, items: list[Prepared]) -> list[list[int]]:
        return [one.outputs["sum"].tolist() for one in self.batches(items)]


def item(value: int, *shape: int, dtype: str = "int64", name: str = "image") -> Prepared:
    return Prepared(tensors={name: np.full(shape, value, dtype)})


@pytest.mark.parametrize(
    ("items", "sums", "runs"),
    [
        ([], [], []),
        ([item(1, 1, 2)], [[2]], [(1, 2)]),
        ([item(1, 1, 2), item(3, 2, 2)], [[2], [6, 6]], [(3, 2)]),  # all rows in one run
        # other sizes run on their own, and everybody's answer is still in their place
        (
            [item(1, 1, 2), item(2, 1, 3), item(5, 2, 2), item(4, 1, 3)],
            [[2], [6], [10, 10], [12]],
            [(3, 2), (2, 3)],
        ),
        ([item(1, 1, 2), item(2, 1, 1, 2)], [[2], [4]], [(1, 2), (1, 1, 2)]),  # more axes
        ([item(1, 1, 2), item(2, 1, 2, dtype="float32")], [[2], [4]], [(1, 2), (1, 2)]),
    ],
)
def test_those_of_one_shape_run_together(
    items: list[Prepared],
    sums: list[list[int]],
    runs: list[tuple[int, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Bench(monkeypatch)

    assert one.sums(items) == sums
    assert one.session.runs == runs
    assert one.rows == [shape[0] for shape in runs]


def test_tensors_of_other_names_do_not_run_together(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Bench(monkeypatch)

    with pytest.raises(KeyError):  # the session's, of the group that has no image
        one.sums([item(1, 1, 2), item(1, 1, 2, name="mask")])
    assert one.session.runs == [(1, 2)]


def test_many_rows_run_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Bench(monkeypatch, max_rows=2)

    assert one.sums([item(1, 5, 2), item(1, 1, 3)]) == [[2, 2, 2, 2, 2], [3]]
    assert one.session.runs == [(2, 2), (2, 2), (1, 2), (1, 3)]


def test_the_time_is_that_of_the_items_own_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Bench(monkeypatch)

    answers = one.batches([item(1, 1, 2), item(1, 1, 30), item(1, 1, 2)])

    assert [answer.milliseconds for answer in answers] == pytest.approx([4, 30, 4])


def test_what_fails_fails_all_for_the_scheduler_to_find_the_culprit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Bench(monkeypatch)

    with pytest.raises(ValueError, match="13"):
        one.sums([item(1, 1, 2), item(13, 1, 3)])


def test_of_pictures_of_several_sizes_only_the_culprit_fails(
    monkeypatch: pytest.MonkeyPatch, start: Callable[..., Scheduler[Prepared, Inferred]]
) -> None:
    one, gate = Bench(monkeypatch), Gate()
    scheduler = start(lambda items: (gate(), one.batches(items))[1])
    values = [(1, 2), (1, 2), (2, 3), (13, 3), (3, 4), (2, 2)]

    first, *others = [
        scheduler.submit(item(value, 1, width), deadline=Deadline.never())
        for value, width in values
    ]
    gate.wait_for_arrival()
    gate.open()

    assert first.result(PATIENCE_S).outputs["sum"].tolist() == [2]
    for future, (value, width) in zip(others, values[1:], strict=True):
        if value == 13:
            assert isinstance(future.exception(PATIENCE_S), ValueError)
        else:
            assert future.result(PATIENCE_S).outputs["sum"].tolist() == [value * width]


@pytest.mark.parametrize("reads", [None, ("sum",)])
@pytest.mark.parametrize("rows", [2, 20])  # in one run, and in several
def test_only_what_is_read_is_asked_for(
    reads: tuple[str, ...] | None, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str] | None] = []

    class Listening(Sums):
        def run(
            self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
        ) -> dict[str, Array]:
            asked.append(outputs)
            return super().run(feeds, outputs)

    session = Listening(Bench(monkeypatch).session._clock)
    Batches(session, max_rows=8, ran=lambda _: None, reads=reads)([item(1, rows, 2)])

    assert set(asked) == {reads}
