"""An open loop: requests leave at their appointed times, whether or not answers have come.

`h2load` and `wrk` cannot do this: their workers wait for an answer before they send again, and all
start at the same moment, so that overload arrives in bursts with silence between them. This one
runs in a process of its own, on bare sockets; what it costs is reported beside the figures.

The same connections also make a closed loop of several kinds of requests, in turns, for which
`h2load` knows no way: whoever got an answer sends the next kind.

    python -m bench.arrivals open RATE SECONDS          # one request, described on standard input
    python -m bench.arrivals closed CONCURRENCY SECONDS # any number of them

Standard input is a JSON list of `{"url", "file", "content_type", "key"}`, standard output JSON.
"""

import asyncio
import json
import resource
import sys
from collections import deque
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

MAX_CONNECTIONS = 2_000
PATIENCE_S = 60


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on it."""

    def __init__(self, generator: "Generator") -> None:
        """Belong to a generator."""
        self._generator = generator
        self._received = b""
        self._appointed = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, appointed: float) -> None:
        """Send a request that should have left at `appointed`."""
        assert self._transport is not None
        self._received = b""
        self._appointed = appointed
        self._transport.write(request)

    def close(self) -> None:
        """Close it."""
        assert self._transport is not None
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Collect an answer; note its status and how long it took when it is complete."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:") and len(body) >= int(line[15:]):
                self._generator.answered(self, int(head[9:12]), self._appointed)
                return

    def connection_lost(self, exc: Exception | None) -> None:
        """A request without an answer is one that failed."""
        del exc
        self._generator.lost(self)


class Generator:
    """Sends requests in turns, on as many connections as it takes."""

    def __init__(self, host: str, port: int, requests: Sequence[bytes]) -> None:
        """Prepare to send `requests`, again and again, to one server."""
        self._host, self._port = host, port
        self._requests = cycle(requests)
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._closed_until = 0.0
        self.statuses: list[int] = []
        self.seconds: list[float] = []
        self.errors = 0
        self.elapsed_s = 0.0

    async def run_open(self, rate: float, seconds: float) -> None:
        """Send at a fixed rate for `seconds`, then wait for the answers that are still due."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(round(rate * seconds)):
            appointed = start + number / rate
            if (wait := appointed - loop.time()) > 0:
                await asyncio.sleep(wait)
            self._send(appointed)
        await self._finish(start, loop.time())

    async def run_closed(self, concurrency: int, seconds: float) -> None:
        """Keep `concurrency` requests in flight for `seconds`, then wait for the last answers."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        self._closed_until = start + seconds
        for _ in range(concurrency):
            self._send(loop.time())
        await asyncio.sleep(seconds)
        await self._finish(start, loop.time())

    def answered(self, connection: Connection, status: int, appointed: float) -> None:
        """Note an answer and take the connection back."""
        now = asyncio.get_running_loop().time()
        self.statuses.append(status)
        self.seconds.append(now - appointed)
        if now < self._closed_until:
            connection.send(next(self._requests), now)
        else:
            self._busy.discard(connection)
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        """Forget a connection that the server closed."""
        if connection in self._busy:
            self._busy.discard(connection)
            self.errors += 1
        elif connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        """Close the connections."""
        for connection in (*self._idle, *self._busy):
            connection.close()

    async def _finish(self, start: float, now: float) -> None:
        loop = asyncio.get_running_loop()
        while (self._busy or self._opening) and loop.time() < now + PATIENCE_S:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.errors += len(self._busy)
        self.elapsed_s = loop.time() - start

    def _send(self, appointed: float) -> None:
        request = next(self._requests)
        if self._idle:
            connection = self._idle.pop()
            self._busy.add(connection)
            connection.send(request, appointed)
        elif len(self._busy) + len(self._opening) < MAX_CONNECTIONS:
            task = asyncio.ensure_future(self._open(request, appointed))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self.errors += 1

    async def _open(self, request: bytes, appointed: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self), self._host, self._port
            )
        except OSError:
            self.errors += 1
            return
        self._busy.add(connection)
        connection.send(request, appointed)


def wire(url: str, body: bytes, content_type: str, key: str = "") -> bytes:
    """Return a POST as it goes over the wire; `key` is the caller's, if it has one."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    head = f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n"
    head += f"X-API-Key: {key}\r\n" if key else ""
    return f"{head}Content-Type: {content_type}\r\n\r\n".encode() + body


def main(mode: str, amount: str, seconds: str) -> None:
    """Generate the load and print what came of it."""
    described = json.load(sys.stdin)
    first = urlsplit(described[0]["url"])
    assert first.hostname is not None
    assert first.port is not None
    generator = Generator(
        first.hostname,
        first.port,
        [
            wire(one["url"], Path(one["file"]).read_bytes(), one["content_type"], one["key"])
            for one in described
        ],
    )
    if mode == "open":
        uvloop.run(generator.run_open(float(amount), float(seconds)))
    else:
        uvloop.run(generator.run_closed(int(float(amount)), float(seconds)))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    json.dump(
        {
            "statuses": generator.statuses,
            "seconds": generator.seconds,
            "errors": generator.errors,
            "elapsed_s": generator.elapsed_s,
            "cpu_s": usage.ru_utime + usage.ru_stime,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
