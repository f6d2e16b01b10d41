"""Callers that leave, deadlines, failures and overload: what is left is saved, and counted out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.engine.deadline import Deadline
from service.engine.faces import Face, FaceRequest, Pick
from service.engine.faces.result import picked
from service.errors import DeadlineExceeded, Overloaded
from tests.engine.faces.networks import DETECT, EMBED, LANDMARKS, NETWORKS, Sessions, squares
from tests.engine.faces.services import ALL, Service
from tests.engine.fakes import PATIENCE_S, Clock
from tests.engine.loading import Load

# Callers that leave, and deadlines


@pytest.mark.parametrize("name", NETWORKS)
def test_who_leaves_saves_the_rest(held: Callable[..., Any], name: str) -> None:
    service, gate = held(name)
    future = service.submit(squares(0))
    gate.wait_for_arrival()
    assert future.cancel()
    assert service.in_flight() == [0, 0, 0]
    gate.open()
    service.settle()
    after = list(NETWORKS)[list(NETWORKS).index(name) + 1 :]
    assert [service.sessions.runs()[later] for later in after] == [[] for _ in after]


@pytest.mark.parametrize(
    ("request_", "quarters"),
    [
        pytest.param(ALL, (0,), id="with networks still to be asked"),
        pytest.param(FaceRequest(landmarks=False), (0,), id="with the answer ready"),
        pytest.param(FaceRequest(pick=Pick.ONLY), (), id="with an error instead"),
    ],
)
def test_who_leaves_between_two_networks(
    held: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    request_: FaceRequest,
    quarters: tuple[int, ...],
) -> None:
    service, gate = held(DETECT)
    future = service.submit(squares(*quarters), request_)
    gate.wait_for_arrival()

    def leave(*given: Any) -> Any:
        assert future.cancel()
        return picked(*given)

    monkeypatch.setattr("service.engine.faces.pipeline.picked", leave)
    gate.open()
    service.settle()
    assert future.cancelled()
    assert service.sessions.runs() == {DETECT: [1], LANDMARKS: [], EMBED: []}
    assert service.in_flight() == [0, 0, 0]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_deadline_ends_it_at_every_network(
    held: Callable[..., Any], clock: Clock, name: str
) -> None:
    service, gate = held(name)
    future = service.submit(squares(0), deadline=Deadline.after(1000))
    gate.wait_for_arrival()
    clock.now += 2
    gate.open()
    with pytest.raises(DeadlineExceeded):
        future.result(PATIENCE_S)
    assert service.in_flight() == [0, 0, 0]


def test_a_network_that_fails_fails_the_request(load: Load, tmp_path: Path) -> None:
    failing: list[bool] = []

    def fail(_: object) -> None:
        if failing:
            raise KeyError("inside")

    service = Service(load, tmp_path, Sessions(**{EMBED: fail}))
    failing.append(True)
    with pytest.raises(KeyError, match="inside"):
        service.answer(squares(0))
    failing.clear()
    assert isinstance(service.answer(squares(0)).faces[0], Face)
    assert service.in_flight() == [0, 0, 0]


# Admission


def test_a_request_is_admitted_by_all_or_by_none(held: Callable[..., Any]) -> None:
    service, gate = held(EMBED, max_in_flight=1)
    first = service.submit(squares(0))
    gate.wait_for_arrival()
    # The detector has finished with the first; the encoder has not.
    assert service.in_flight() == [0, 0, 1]
    with pytest.raises(Overloaded):
        service.submit(squares(1))
    assert service.in_flight() == [0, 0, 1]
    plain = service.submit(squares(1), FaceRequest(landmarks=False))
    gate.open()
    assert len(first.result(PATIENCE_S).faces) == 1
    assert len(plain.result(PATIENCE_S).faces) == 1
    assert service.in_flight() == [0, 0, 0]


def test_draining_finishes_what_was_admitted(held: Callable[..., Any]) -> None:
    service, gate = held(DETECT)
    future = service.submit(squares(0))
    gate.wait_for_arrival()
    assert not service.models.drain(0.0)
    gate.open()
    assert len(future.result(PATIENCE_S).faces) == 1
    assert service.models.drain(PATIENCE_S)
