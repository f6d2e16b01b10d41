"""Waiting for an answer for as long as its caller does, and no longer."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import ClientDisconnect, Request

from service.engine.deadline import Deadline
from service.errors import DeadlineExceeded, InvalidOption

DEADLINE_HEADER = "X-Deadline-Ms"
UNWATCHED_S = 0.1  # most answers come sooner, and then nobody had to listen for a disconnect
DEADLINE_PARAMETER = {
    "name": DEADLINE_HEADER,
    "in": "header",
    "required": False,
    "description": "The answer comes within so many milliseconds or not at all.",
    "schema": {"type": "number", "exclusiveMinimum": 0},
}


def deadline_of(request: Request, timeout_ms: float) -> Deadline:
    """Return the request's deadline: the operator's, or an earlier one that the caller set.

    Raises:
        InvalidOption: the header is not a positive number of milliseconds.
    """
    wanted = request.headers.get(DEADLINE_HEADER)
    if wanted is None:
        return Deadline.after(timeout_ms)
    try:
        milliseconds = float(wanted)
    except ValueError:
        milliseconds = -1.0
    if not milliseconds > 0:
        raise InvalidOption(DEADLINE_HEADER, "must be a positive number of milliseconds")
    return Deadline.after(min(milliseconds, timeout_ms))


@asynccontextmanager
async def before(deadline: Deadline) -> AsyncIterator[None]:
    """Bound whatever is awaited inside, reading a slow body for one.

    Raises:
        DeadlineExceeded: the deadline passed first.
    """
    try:
        async with asyncio.timeout(deadline.remaining_s()):
            yield
    except TimeoutError as error:
        raise DeadlineExceeded("the deadline passed before the answer was ready") from error


async def answers(futures: Iterable[Future[Any]], request: Request) -> list[Any]:
    """Return the futures' results; cancel them all if the caller leaves or one of them fails.

    Must be called after the body was read to its end, since it listens for the disconnect: not
    at once, but before long.

    Args:
        futures: may be started while they are iterated over; those that were are cancelled if
            a later one cannot be.
        request: of the caller who waits.

    Raises:
        ClientDisconnect: the caller left.
    """
    wanted: list[asyncio.Future[Any]] = []
    try:
        for future in futures:
            wanted.append(asyncio.wrap_future(future))
        if not wanted:
            return []
        done, waiting = await asyncio.wait(
            wanted, timeout=UNWATCHED_S, return_when=asyncio.FIRST_EXCEPTION
        )
        for answer in done:
            answer.result()
        if waiting:
            await _watched(waiting, request)
        return [answer.result() for answer in wanted]
    finally:
        for answer in wanted:  # those that outlived a sibling's failure, or the caller
            if not answer.cancel() and not answer.cancelled():
                answer.exception()


async def _watched(waiting: set[asyncio.Future[Any]], request: Request) -> None:
    """Return when all are there; raise as soon as one of them fails, or the caller leaves."""
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        while waiting:
            done, _ = await asyncio.wait({*waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone in done:
                raise ClientDisconnect
            for answer in done:
                answer.result()
            waiting -= done
    finally:
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
