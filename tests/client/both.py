"""Both clients behind one face, so that every test is written once and drives the two of them."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import anyio
import httpx

from service.client import AsyncChiasm, Chiasm, StyleJob

Handler = Callable[[httpx.Request], httpx.Response]


class InThread:
    """A blocking object whose methods are awaited, each on a thread."""

    def __init__(self, blocking: Any) -> None:
        self._blocking = blocking

    def __repr__(self) -> str:
        return repr(self._blocking)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._blocking, name)
        if inspect.isgeneratorfunction(attribute):
            return partial(_iterate, attribute)
        return partial(_call, attribute) if callable(attribute) else attribute


async def _call(method: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
    return _wrapped(await anyio.to_thread.run_sync(partial(method, *args, **options)))


async def _iterate(method: Callable[..., Iterator[Any]], /, **options: Any) -> AsyncIterator[Any]:
    iterator, end = method(**options), object()
    while (item := await anyio.to_thread.run_sync(next, iterator, end)) is not end:
        yield _wrapped(item)


def _wrapped(value: Any) -> Any:
    return InThread(value) if isinstance(value, StyleJob) else value


def blocking(url: str, **settings: Any) -> Any:
    return InThread(Chiasm(url, **settings))


def asynchronous(url: str, **settings: Any) -> Any:
    return AsyncChiasm(url, **settings)


class Script:
    """A server that answers what it is told, one after the other, and remembers what it was asked.

    An error among the answers is a connection that breaks; the last answer is given for ever.
    """

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        # A client takes what it is given for its own, and this may be given again.
        return httpx.Response(answer.status_code, headers=answer.headers, stream=answer.stream)

    @property
    def asked(self) -> list[str]:
        return [f"{one.method} {one.url.raw_path.decode()}" for one in self.requests]


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in chunks; an error among them is a connection that breaks."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk
