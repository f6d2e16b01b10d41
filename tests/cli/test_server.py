"""The protocol that asks at the door, on a transport that keeps what is written."""

import asyncio
import gc
import weakref
from collections.abc import Iterable
from typing import Any, cast

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from service.api.entrance import Door, Refusal
from service.cli.server import _Protocol
from tests.serving import until

pytestmark = pytest.mark.anyio

REFUSED = b"no"
ADMITTED = b"yes"
LENGTH = 10
HEAD = "{method} {path} HTTP/{version}\r\nHost: chiasm\r\nContent-Length: {length}\r\n{more}\r\n"


def answering(body: bytes) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        length = (b"content-length", str(len(body)).encode())
        said = (b"x-path", scope["path"].encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length, said]})
        await send({"type": "http.response.body", "body": body})

    return app


class FakeDoor:
    """Refuses what asks for /no."""

    def refuse(self, scope: Scope) -> Refusal | None:
        headers = [(b"content-length", b"2"), (b"x-path", scope["path"].encode())]
        return Refusal(503, headers, REFUSED) if scope["path"].startswith("/no") else None


class FakeTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def answers(self) -> list[bytes]:
        """Return the bodies of all answers so far."""
        return [part.split(b"\r\n\r\n")[1] for part in self.written.split(b"HTTP/1.1 ")[1:]]


class Connected:
    """A connection to a server that admits and refuses."""

    def __init__(self, *, idle_s: int = 5) -> None:
        config = uvicorn.Config(
            answering(ADMITTED), log_config=None, http="httptools", timeout_keep_alive=idle_s
        )
        config.load()
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"today")]
        self.protocol = _Protocol(
            cast(Door, FakeDoor()), config=config, server_state=self.state, app_state={}
        )
        self.transport = FakeTransport()
        self.protocol.connection_made(self.transport)

    def receives(self, path: str, body: str = "x" * LENGTH, **head: Any) -> None:
        usual = {"method": "POST", "version": "1.1", "length": LENGTH, "more": ""}
        text = HEAD.format(path=path, **usual | head)
        self.protocol.data_received(f"{text}{body}".encode())

    async def settle(self) -> None:
        await until(lambda: not self.state.tasks)


async def test_a_refusal_needs_no_task() -> None:
    one = Connected()

    one.receives("/no")

    assert not one.state.tasks
    head, body = one.transport.written.split(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 503 Service Unavailable",
        b"date: today",
        b"content-length: 2",
        b"x-path: /no",
    ]
    assert body == REFUSED


async def test_whatever_is_admitted_has_a_task() -> None:
    one = Connected()

    one.receives("/yes")

    assert len(one.state.tasks) == 1
    assert not one.transport.written
    await one.settle()
    assert one.transport.answers() == [ADMITTED]


async def test_a_refused_body_is_discarded_and_the_connection_lives() -> None:
    one = Connected()

    one.receives("/no", body="")
    assert one.transport.answers() == [REFUSED]
    one.protocol.data_received(b"x" * (LENGTH - 1))
    one.protocol.data_received(b"x")
    one.receives("/yes")
    await one.settle()
    one.receives("/no")

    assert one.transport.answers() == [REFUSED, ADMITTED, REFUSED]
    assert not one.transport.closed


@pytest.mark.parametrize("head", [{"version": "1.0"}, {"more": "Connection: close\r\n"}])
async def test_who_asks_for_one_answer_only_gets_one(head: dict[str, str]) -> None:
    one = Connected()

    one.receives("/no", **head)

    assert b"\r\nconnection: close\r\n" in one.transport.written
    assert one.transport.closed


async def test_a_refused_connection_is_closed_when_it_stays_idle() -> None:
    one = Connected(idle_s=0)

    one.receives("/no")

    assert not one.transport.closed
    await until(lambda: one.transport.closed)


@pytest.mark.parametrize("path", ["/no", "/yes"])
async def test_pipelined_requests_are_answered_in_their_order(path: str) -> None:
    one = Connected()

    one.receives(path)
    for number in range(3_000):  # deeper than calls may be nested
        one.receives(f"/no/{number}")
    await one.settle()

    paths = [line for line in one.transport.written.split(b"\r\n") if b"x-path" in line]
    wanted = [path, *(f"/no/{number}" for number in range(3_000))]
    assert paths == [f"x-path: {each}".encode() for each in wanted]


async def test_a_connection_is_freed_at_its_end() -> None:
    one = Connected()
    one.receives("/no")
    one.protocol.connection_lost(None)
    protocol = weakref.ref(one.protocol)

    gc.disable()
    try:
        del one
        assert protocol() is None
    finally:
        gc.enable()


async def test_what_has_no_body_of_its_own_is_left_to_uvicorn() -> None:
    one = Connected()

    one.receives("/no", method="HEAD")
    await one.settle()

    assert one.transport.answers() == [b""]


async def test_who_does_not_read_the_answers_waits_for_them() -> None:
    one = Connected()
    one.protocol.pause_writing()

    one.receives("/no")
    await asyncio.sleep(0)
    assert not one.transport.written
    one.protocol.resume_writing()
    await one.settle()

    assert one.transport.answers() == [ADMITTED]  # by the application, which can wait
