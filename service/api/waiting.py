"""Waiting for an answer for as long as its caller does, and no longer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import ClientDisconnect, Request

from service.engine.deadline import Deadline
from service.errors import DeadlineExceeded, InvalidOption

DEADLINE_HEADER = "X-Deadline-Ms"


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


async def answers(futures: Sequence[Future[Any]], request: Request) -> list[Any]:
    """Return the futures' results; cancel them all if the caller leaves or one of them fails.

    Must be called after the body was read to its end, since it listens for the disconnect.

    Raises:
        ClientDisconnect: the caller left.
    """
    wanted = [asyncio.wrap_future(future) for future in futures]
    waiting: set[asyncio.Future[Any]] = set(wanted)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        while waiting:
            done, _ = await asyncio.wait({*waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone in done:
                raise ClientDisconnect
            for future in done:
                future.result()
            waiting -= done
        return [future.result() for future in wanted]
    finally:
        gone.cancel()
        for future in wanted:  # those that outlived a sibling's failure, or the caller
            if not future.cancel() and not future.cancelled():
                future.exception()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
