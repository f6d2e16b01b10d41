"""Waiting costs nothing, and nobody waits in vain."""

from collections.abc import Collection, Iterator, Mapping

import pytest

from service.jobs.changes import Changes
from tests.serving import PATIENCE_S


class Revisions:
    """A table of revisions that counts who looks."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {"a": 3, "b": 1}
        self.looks: list[set[str]] = []
        self.broken = False

    def __call__(self, ids: Collection[str]) -> Mapping[str, int]:
        self.looks.append(set(ids))
        if self.broken:
            self.broken = False
            raise OSError("the database is away")
        return {job_id: self.now[job_id] for job_id in ids if job_id in self.now}


@pytest.fixture
def revisions() -> Revisions:
    return Revisions()


@pytest.fixture
def changes(revisions: Revisions) -> Iterator[Changes]:
    changes = Changes(revisions, shared=False)
    yield changes
    changes.close()


def test_a_change_wakes_those_who_wait_for_it(changes: Changes) -> None:
    waiting = [changes.after("a", 3) for _ in range(100)]
    later, other = changes.after("a", 4), changes.after("b", 1)
    changes.note("a", 3)
    assert not any(future.done() for future in waiting)
    changes.note("a", 4)
    assert all(future.done() for future in waiting)
    assert not later.done()
    assert not other.done()
    changes.note("a", 7)
    assert later.done()


@pytest.mark.parametrize(("job_id", "revision"), [("a", 2), ("gone", 5)])
def test_what_changed_already_is_not_waited_for(
    changes: Changes, job_id: str, revision: int
) -> None:
    assert changes.after(job_id, revision).done()


def test_those_who_leave_are_forgotten(changes: Changes) -> None:
    for future in [changes.after("a", 3) for _ in range(10)]:
        assert future.cancel()
    changes.note("a", 4)
    assert changes._waiting == {}


def test_nobody_waits_for_what_is_closed(changes: Changes) -> None:
    future = changes.after("a", 3)
    changes.close()
    assert future.done()
    assert changes.after("a", 3).done()


def test_changes_of_other_processes_are_looked_for_in_one_query(revisions: Revisions) -> None:
    changes = Changes(revisions, shared=True)
    try:
        futures = [changes.after("a", 3) for _ in range(50)] + [changes.after("b", 1)]
        revisions.broken = True
        revisions.now = {"a": 4, "b": 2}
        for future in futures:
            future.result(PATIENCE_S)
        assert any(looked == {"a", "b"} for looked in revisions.looks)
    finally:
        changes.close()
