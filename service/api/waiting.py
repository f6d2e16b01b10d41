"""Waiting for an answer for as long as its caller does, and no longer."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.requests import ClientDisconnect, Request

from service.engine.deadline import Deadline
from service.errors import DeadlineExceeded, InvalidOption

DEADLINE_HEADER = "X-Deadline-Ms"
UNWATCHED_S = 0.25  # most answers come sooner, and then nobody had to listen for a disconnect
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

    The thread that settles a future wakes the event loop with one call. What asyncio has for this
    (`wrap_future` and `wait`) goes through three turns of the loop and as many callbacks.

    Args:
        futures: may be started while they are iterated over; those that were are cancelled if
            a later one cannot be.
        request: of the caller who waits.

    Raises:
        ClientDisconnect: the caller left.
    """
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    gone: asyncio.Future[None] | None = None

    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop was closed, and nobody waits any more
            loop.call_soon_threadsafe(news.set)

    def watch() -> None:
        nonlocal gone
        gone = asyncio.ensure_future(_disconnected(request))
        gone.add_done_callback(lambda _: news.set())

    wanted: list[Future[Any]] = []
    watching = loop.call_later(UNWATCHED_S, watch)
    try:
        for future in futures:
            wanted.append(future)
            future.add_done_callback(tell)
        while not _settled(wanted):
            await news.wait()
            news.clear()
            if gone is not None and gone.done():
                raise ClientDisconnect
        return [future.result() for future in wanted]
    finally:
        watching.cancel()
        if gone is not None:
            gone.cancel()
        for future in wanted:  # those that outlived a sibling's failure, or the caller
            future.cancel()


def _settled(futures: Iterable[Future[Any]]) -> bool:
    """Whether all are there; raises what one of them did as soon as it did."""
    waiting = False
    for future in futures:
        if future.done():
            future.result()
        else:
            waiting = True
    return not waiting


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
