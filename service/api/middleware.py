"""What happens around every request: its id, its metrics, its log line."""

import asyncio
import logging
import re
import time
from collections.abc import Iterable
from typing import Self

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import PROBLEM_CODE, internal_error, problem_of
from service.errors import ShuttingDown
from service.logs import new_request_id, request_id
from service.telemetry import Metrics

Header = tuple[bytes, bytes]

log = logging.getLogger("service.access")

SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
CLIENT_CLOSED_REQUEST = 499  # nginx's number for a caller that left; never sent, only logged
NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class Exchange:
    """A request and its answer, which have an id; at the exit, one log line and the metrics."""

    def __init__(self, scope: Scope, metrics: Metrics) -> None:
        """Begin with the request in `scope`, and take its own id, if that can be one."""
        self._started = time.perf_counter()
        self._scope = scope
        self._metrics = metrics
        self._identity = _identity(scope)
        self._status = CLIENT_CLOSED_REQUEST
        self._bytes_out = 0

    def __enter__(self) -> Self:
        """Give the id to all that is done for the request."""
        self._token = request_id.set(self._identity)
        return self

    def __exit__(self, *_: object) -> None:
        """Report it."""
        scope, elapsed_s = self._scope, time.perf_counter() - self._started
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.answered(route, self._status, elapsed_s)
        fields = {
            "method": scope["method"],
            "path": scope["path"],
            "status": self._status,
            "duration_ms": round(elapsed_s * 1000, 2),
            "bytes_out": self._bytes_out,
        }
        if code := scope.get(PROBLEM_CODE):
            self._metrics.rejected(code)
            fields["code"] = code
        log.info(
            "%s %s %d",
            scope["method"],
            scope["path"],
            self._status,
            extra={"fields": fields},
        )
        request_id.reset(self._token)

    def answer(self, status: int, headers: Iterable[Header]) -> list[Header]:
        """Note the answer's status; return its headers, and those that every answer has."""
        self._status = status
        return [*headers, (b"x-request-id", self._identity.encode()), NO_SNIFFING]

    def sends(self, body: bytes) -> None:
        """Note a piece of the answer's body."""
        self._bytes_out += len(body)


def _identity(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and SANE_REQUEST_ID.fullmatch(value):
            given: str = value.decode()
            return given
    return new_request_id()


class Telemetry:
    """Gives a request its id, and leaves one log line and the metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap `app`."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with Exchange(scope, self._metrics) as exchange:

            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = exchange.answer(message["status"], message["headers"])
                else:
                    exchange.sends(message.get("body", b""))
                await send(message)

            await self._app(scope, receive, note)


class LastResort:
    """Answers what no route could: a bug with a 500, the end of the shutdown's grace with a 503.

    A caller that left gets no answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        async def answer(response: Response) -> None:
            if not started:
                await response(scope, receive, send)

        try:
            await self._app(scope, receive, note)
        except ClientDisconnect:
            pass
        except asyncio.CancelledError:
            await answer(problem_of(ShuttingDown("the service ended before the answer was ready")))
            raise
        except Exception as error:  # noqa: BLE001  (the last place where it can be met politely)
            await answer(internal_error(error))
