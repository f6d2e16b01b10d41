"""What happens around every request: its id, its key, its metrics, its log line."""

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Iterable, Sequence

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import PROBLEM_CODE, internal_error, problem_of
from service.errors import ShuttingDown, Unauthorized
from service.logs import new_request_id, request_id
from service.telemetry import Metrics

log = logging.getLogger("service.access")

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CLIENT_CLOSED_REQUEST = 499  # nginx's number for a caller that left; never sent, only logged
OWNER = "chiasm.owner"  # where a request's scope has whose it is
NO_SNIFFING = (b"x-content-type-options", b"nosniff")
OPEN_PATHS = frozenset({"/healthz", "/readyz"})


def owner(request: Request) -> str:
    """Return whose key the request came with; empty where there are no keys."""
    whose: str = request.scope.get(OWNER, "")
    return whose


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
        wanted = Headers(scope=scope).get("x-request-id", "")
        identity = wanted if SANE_REQUEST_ID.fullmatch(wanted) else new_request_id()
        token = request_id.set(identity)
        record = _Exchange(identity, send)
        try:
            await self._app(scope, receive, record.send)
        finally:
            self._report(scope, record)
            request_id.reset(token)

    def _report(self, scope: Scope, record: "_Exchange") -> None:
        elapsed_s = time.perf_counter() - record.started
        route = getattr(scope.get("route"), "path", "unmatched")
        status = record.status or CLIENT_CLOSED_REQUEST
        self._metrics.answered(route, status, elapsed_s)
        fields = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "duration_ms": round(elapsed_s * 1000, 2),
            "bytes_out": record.bytes_out,
        }
        if code := scope.get(PROBLEM_CODE):
            self._metrics.rejections.labels(code).inc()
            fields["code"] = code
        log.info(
            "%s %s %d",
            scope["method"],
            scope["path"],
            status,
            extra={"fields": fields},
        )


class _Exchange:
    """What was answered to one request."""

    def __init__(self, identity: str, send: Send) -> None:
        self.status = 0
        self.bytes_out = 0
        self.started = time.perf_counter()
        self._headers = ((b"x-request-id", identity.encode()), NO_SNIFFING)
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._headers]
        else:
            self.bytes_out += len(message.get("body", b""))
        await self._send(message)


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


class ApiKeys:
    """Lets a request pass with one of the keys; probes, and what else is named, are open.

    What a caller leaves behind belongs to its key: the scope says whose request it is, as a digest.
    Keys are compared as digests in constant time, every one of them for every request, so that
    neither the length, the content nor the position of a key shows in how long it takes.
    """

    def __init__(self, app: ASGIApp, keys: Sequence[str], open_paths: Iterable[str] = ()) -> None:
        """Wrap `app`.

        Args:
            app: what the keys guard.
            keys: the accepted ones; without any everybody passes.
            open_paths: what needs no key besides the probes, whole paths.
        """
        self._app = app
        self._digests = [_digest(key) for key in keys]
        self._open_paths = OPEN_PATHS.union(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if not self._digests or scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        digest = _digest(_presented(Headers(scope=scope)))
        if self._knows(digest):
            scope[OWNER] = digest.hex()
            await self._app(scope, receive, send)
            return
        error = Unauthorized("send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        await problem_of(error)(scope, receive, send)

    def _knows(self, digest: bytes) -> bool:
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)


def _presented(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return headers.get("x-api-key", "")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
