"""Calls over HTTP, in two ways: blocking, and for an event loop."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from time import sleep
from typing import Any

import anyio
import httpx

from service import __version__
from service.client.attempts import Attempts
from service.client.calls import Call, T
from service.client.pictures import body, read_all
from service.client.problems import MEDIA_TYPE, ChiasmProblem, answered, unexpected

SILENCE_S = 45.0  # the server says something every 15 seconds on a stream of events


class Connection:
    """One server, for callers that wait."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None,
        timeout_s: float,
        retries: int,
        transport: httpx.BaseTransport | None,
    ) -> None:
        self.timeout_s = timeout_s
        self._retries = retries
        self._http = httpx.Client(base_url=url, headers=_identity(api_key), transport=transport)

    def ask(self, call: Call[T]) -> T:
        """Return the result of a call, however many attempts it takes.

        Raises:
            ChiasmProblem: none of them succeeded.
            OSError: a picture cannot be read.
        """
        pictures = read_all(call.pictures)
        attempts = Attempts(
            retries=self._retries, timeout_s=self.timeout_s, repeatable=call.repeatable
        )
        while True:
            try:
                return _result(call, self._http.request(**_sent(call, pictures, attempts)))
            except (httpx.RequestError, ChiasmProblem) as error:
                pause_s = attempts.after(error)
            sleep(pause_s)

    @contextmanager
    def stream(self, call: Call[bytes]) -> Iterator[Iterator[bytes]]:
        """Yield the bytes of an answer as they come; asked for once.

        Raises:
            ChiasmProblem: the server answered with an error.
        """
        with self._http.stream(**_listening(call, self.timeout_s)) as response:
            if not response.is_success:
                response.read()
                raise answered(response)
            yield response.iter_bytes()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class AsyncConnection:
    """One server, for an event loop."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None,
        timeout_s: float,
        retries: int,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self.timeout_s = timeout_s
        self._retries = retries
        self._http = httpx.AsyncClient(
            base_url=url, headers=_identity(api_key), transport=transport
        )

    async def ask(self, call: Call[T]) -> T:
        """Return the result of a call, however many attempts it takes.

        Raises:
            ChiasmProblem: none of them succeeded.
            OSError: a picture cannot be read.
        """
        pictures = await anyio.to_thread.run_sync(read_all, call.pictures)
        attempts = Attempts(
            retries=self._retries, timeout_s=self.timeout_s, repeatable=call.repeatable
        )
        while True:
            try:
                return _result(call, await self._http.request(**_sent(call, pictures, attempts)))
            except (httpx.RequestError, ChiasmProblem) as error:
                pause_s = attempts.after(error)
            await anyio.sleep(pause_s)

    @asynccontextmanager
    async def stream(self, call: Call[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield the bytes of an answer as they come; asked for once.

        Raises:
            ChiasmProblem: the server answered with an error.
        """
        async with self._http.stream(**_listening(call, self.timeout_s)) as response:
            if not response.is_success:
                await response.aread()
                raise answered(response)
            yield response.aiter_bytes()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _identity(api_key: str | None) -> dict[str, str]:
    key = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    return {"User-Agent": f"chiasm-python/{__version__}", **key}


def _sent(call: Call[T], pictures: Mapping[str, bytes], attempts: Attempts) -> dict[str, Any]:
    return {**_request(call), **body(pictures), "timeout": attempts.left_s()}


def _listening(call: Call[T], timeout_s: float) -> dict[str, Any]:
    return {**_request(call), "timeout": httpx.Timeout(timeout_s, read=SILENCE_S)}


def _request(call: Call[T]) -> dict[str, Any]:
    params = {
        name: list(value) if isinstance(value, Iterable) and not isinstance(value, str) else value
        for name, value in call.params.items()
        if value is not None
    }
    return {"method": call.method, "url": call.path, "params": params, "headers": call.headers}


def _result(call: Call[T], response: httpx.Response) -> T:
    media_type = response.headers.get("Content-Type", "")
    accepted = response.is_success or response.status_code in call.also_answers
    if not accepted or media_type.startswith(MEDIA_TYPE):
        raise answered(response)
    # Which picture it is may be up to the server, but not whether it is one.
    if media_type.partition("/")[0] != call.headers["Accept"].partition("/")[0]:
        raise unexpected(response)
    try:
        return call.read(response.content)
    except ValueError as error:
        raise unexpected(response) from error
