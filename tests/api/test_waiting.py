import asyncio
from concurrent.futures import Future
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from service.api.waiting import DEADLINE_HEADER, answers, before, deadline_of
from service.engine.deadline import Deadline
from service.errors import DeadlineExceeded, InvalidOption, Overloaded

pytestmark = pytest.mark.anyio


class Caller:
    """A caller whose request was read, and who stays until told to leave."""

    def __init__(self, **headers: str) -> None:
        self._left = asyncio.Event()
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.request = Request({"type": "http", "headers": fields}, self._receive)

    def leave(self) -> None:
        self._left.set()

    async def _receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}


# deadline_of


def remaining_s(value: str | None, timeout_ms: float) -> float:
    headers = {} if value is None else {DEADLINE_HEADER.lower(): value}
    return deadline_of(Caller(**headers).request, timeout_ms).remaining_s()


@pytest.mark.parametrize(
    ("value", "timeout_ms", "at_most_s"),
    [
        (None, 90_000, 90.0),  # the operator's, where the caller says nothing
        ("60000", 90_000, 60.0),  # the caller may ask for less
        ("6e4", 90_000, 60.0),
        ("60000.5", 90_000, 60.0005),
        (" 60000 ", 90_000, 60.0),
        ("120000", 90_000, 90.0),  # and not for more
        ("inf", 90_000, 90.0),
        ("1e999", 90_000, 90.0),
    ],
)
def test_the_earlier_of_two_deadlines_counts(
    value: str | None, timeout_ms: float, at_most_s: float
) -> None:
    assert at_most_s - 30 < remaining_s(value, timeout_ms) <= at_most_s


@pytest.mark.parametrize("value", ["", "x", "0", "-0.0", "-1", "-inf", "nan", "1 000", "0x10"])
def test_a_deadline_is_a_positive_number(value: str) -> None:
    with pytest.raises(InvalidOption, match=f"^{DEADLINE_HEADER}: "):
        remaining_s(value, 90_000)


# before


async def test_what_ends_in_time_is_left_alone() -> None:
    async with before(Deadline.after(60_000)):
        await asyncio.sleep(0)


async def test_there_may_be_no_deadline() -> None:
    async with before(Deadline.never()):
        await asyncio.sleep(0)


async def test_what_takes_too_long_is_stopped() -> None:
    with pytest.raises(DeadlineExceeded):
        async with before(Deadline.after(1)):
            await asyncio.Event().wait()


async def test_what_is_late_already_does_not_begin_to_wait() -> None:
    with pytest.raises(DeadlineExceeded):
        async with before(Deadline.after(-1)):
            await asyncio.Event().wait()


async def test_another_error_passes() -> None:
    with pytest.raises(KeyError):
        async with before(Deadline.after(60_000)):
            raise KeyError


# answers


def settled(value: object) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


async def test_answers_come_in_the_order_of_the_questions() -> None:
    first: Future[Any] = Future()
    loop = asyncio.get_running_loop()
    loop.call_soon(first.set_result, "first")

    assert await answers([first, settled("second")], Caller().request) == ["first", "second"]


async def test_no_question_has_no_answer() -> None:
    assert await answers([], Caller().request) == []


async def test_one_failure_cancels_the_others() -> None:
    failing: Future[Any] = Future()
    failing.set_exception(KeyError("broken"))
    other: Future[Any] = Future()

    with pytest.raises(KeyError, match="broken"):
        await answers([other, failing], Caller().request)

    assert other.cancelled()


async def test_two_failures_at_once_are_both_heard() -> None:
    futures: list[Future[Any]] = [Future(), Future()]
    for future in futures:
        future.set_exception(KeyError("broken"))

    with pytest.raises(KeyError):
        await answers(futures, Caller().request)


async def test_a_caller_that_leaves_cancels_its_work() -> None:
    caller = Caller()
    future: Future[Any] = Future()
    asyncio.get_running_loop().call_soon(caller.leave)

    with pytest.raises(ClientDisconnect):
        await answers([future, settled("too late")], caller.request)

    assert future.cancelled()


async def test_what_comes_before_the_disconnect_is_ignored() -> None:
    messages: list[Message] = [{"type": "http.request"}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        return messages.pop(0)

    with pytest.raises(ClientDisconnect):
        await answers([Future()], Request({"type": "http", "headers": []}, receive))


async def test_a_question_that_cannot_be_put_takes_back_those_that_were() -> None:
    first: Future[Any] = Future()

    def put() -> Any:
        yield first
        raise Overloaded("the second model has too much to do", retry_after_s=1.0)

    with pytest.raises(Overloaded):
        await answers(put(), Caller().request)

    assert first.cancelled()


async def test_a_deadline_takes_the_questions_back() -> None:
    future: Future[Any] = Future()

    with pytest.raises(DeadlineExceeded):
        async with before(Deadline.after(1)):
            await answers([future], Caller().request)

    assert future.cancelled()
