"""An open loop: requests leave at their appointed times, whether or not answers have come.

`hey` and `wrk` cannot do this: their workers wait for an answer before they send again, and all
start at the same moment, so that overload arrives in bursts with silence between them. This one
runs in a process of its own, on bare sockets; what it costs is reported beside the figures.

    python -m bench.arrivals URL BODY_FILE RATE SECONDS   # JSON on standard output
"""

import asyncio
import json
import resource
import sys
from collections import deque
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

MAX_CONNECTIONS = 2_000


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
    """Sends at a fixed rate, on as many connections as it takes."""

    def __init__(self, url: str, body: bytes) -> None:
        """Prepare the request."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        head = f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n"
        self._request = f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + body
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self.statuses: list[int] = []
        self.seconds: list[float] = []
        self.errors = 0
        self.elapsed_s = 0.0

    async def run(self, rate: float, seconds: float) -> None:
        """Send for `seconds`, then wait for the answers that are still due."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(round(rate * seconds)):
            appointed = start + number / rate
            if (wait := appointed - loop.time()) > 0:
                await asyncio.sleep(wait)
            self._send(appointed)
        patience = loop.time() + 60
        while (self._busy or self._opening) and loop.time() < patience:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.errors += len(self._busy)
        self.elapsed_s = loop.time() - start

    def answered(self, connection: Connection, status: int, appointed: float) -> None:
        """Note an answer and take the connection back."""
        self.statuses.append(status)
        self.seconds.append(asyncio.get_running_loop().time() - appointed)
        self._busy.discard(connection)
        self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        """Forget a connection that the server closed."""
        if connection in self._busy:
            self._busy.discard(connection)
            self.errors += 1
        elif connection in self._idle:
            self._idle.remove(connection)

    def _send(self, appointed: float) -> None:
        if self._idle:
            connection = self._idle.pop()
            self._busy.add(connection)
            connection.send(self._request, appointed)
        elif len(self._busy) + len(self._opening) < MAX_CONNECTIONS:
            task = asyncio.ensure_future(self._open(appointed))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self.errors += 1

    async def _open(self, appointed: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self), self._host, self._port
            )
        except OSError:
            self.errors += 1
            return
        self._busy.add(connection)
        connection.send(self._request, appointed)


def main(url: str, body_file: str, rate: str, seconds: str) -> None:
    """Generate the load and print what came of it."""
    generator = Generator(url, Path(body_file).read_bytes())
    uvloop.run(generator.run(float(rate), float(seconds)))
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
