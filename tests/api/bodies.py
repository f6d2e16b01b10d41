"""Request bodies in each of the three ways that a picture may come, whole and not so whole."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from service.api.intake import Intake

KILOBYTE = 1024
FORM = "multipart/form-data; boundary=edge"


def part(data: bytes, *headers: str) -> bytes:
    """Return a part of a multipart body with the boundary `edge`, without the last boundary."""
    head = "".join(f"{header}\r\n" for header in headers)
    return b"--edge\r\n" + head.encode() + b"\r\n" + data + b"\r\n"


def file_part(data: bytes, name: str = "image") -> bytes:
    return part(data, f'Content-Disposition: form-data; name="{name}"; filename="a.jpg"')


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--edge--\r\n"


def as_form(data: bytes) -> tuple[bytes, str]:
    return form(file_part(data)), FORM


def as_raw(data: bytes) -> tuple[bytes, str]:
    return data, "application/octet-stream"


def as_json(data: bytes) -> tuple[bytes, str]:
    return json.dumps({"image": base64.b64encode(data).decode()}).encode(), "application/json"


Way = Callable[[bytes], tuple[bytes, str]]
each_way = pytest.mark.parametrize("way", [as_form, as_raw, as_json])


async def post(client: httpx.AsyncClient, body: Any, content_type: str) -> httpx.Response:
    return await client.post("/classify", content=body, headers={"Content-Type": content_type})


async def in_chunks(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


class Endless:
    """A body that never ends; counts what was taken of it."""

    def __init__(self, first: bytes = b"") -> None:
        self.taken = 0
        self._first = first

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._first
        while True:
            self.taken += 16 * KILOBYTE
            yield bytes(16 * KILOBYTE)  # anew each time, as from a socket


def request(body: bytes, content_type: str) -> Request:
    """Return a request whose body arrives at once."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    headers = [(b"content-type", content_type.encode())]

    async def receive() -> Message:
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def received(
    intake: Intake, body: bytes, content_type: str, names: Sequence[str]
) -> dict[str, bytes]:
    async with intake.receive(request(body, content_type), names) as found:
        assert intake.buffered_bytes == len(body)
        return found
