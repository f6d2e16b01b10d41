"""One process that serves: the only file that knows uvicorn."""

import asyncio
import ctypes
import gc
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.api.entrance import Door
from service.app import create_app
from service.cli.ending import end_within
from service.cli.shares import share
from service.engine.repository import Repository
from service.jobs.jobs import Jobs
from service.settings import Settings
from service.telemetry import share_metrics

log = logging.getLogger(__name__)

READY = b"\n"
SWITCH_INTERVAL_S = 0.0005
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
LARGE_BYTES = 4 * 1024 * 1024
TRIM_EVERY_S = 10.0
TAKE_TURNS_S = 0.00002


def serve(settings: Settings, supervision: "Supervision | None" = None) -> int:
    """Load the models, answer requests until told to stop, and return the exit status.

    Raises:
        StartupError: the service cannot start as configured; says what to mend.
    """
    _bound_memory()
    app = create_app(settings)
    # What was built until now lives as long as the process: the collector need not look at it
    # again, which was an eighth of the event loop's time.
    gc.collect()
    gc.freeze()
    _trim()  # loading leaves some, too
    # Threads that decode and run networks need the interpreter for moments only; they get it ten
    # times sooner from a busy event loop than by default (share of the peak that is still answered
    # at ten times the capacity, noisy runs: 0.70 to 0.73 before, 0.74 to 0.93 after).
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    server = _Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here depends on who the client is
            http=cast(
                type[asyncio.Protocol],
                partial(_Protocol if supervision is None else _Considerate, app.state.door),
            ),
        ),
        supervision,
    )
    with suppress(SystemExit):  # how uvicorn ends when it cannot start; the log has the reason
        serving = _serve_until_told(
            server, app.state.models, app.state.jobs, settings.shutdown_grace_s
        )
        uvloop.run(serving)
    return 0 if server.started else 1


def serve_inherited(settings: Settings, slot: int, line: int, listeners: Sequence[int]) -> int:
    """Do the same as one of several workers, on sockets that a supervisor bound.

    Args:
        settings: of all workers together.
        slot: which one this is, from 0.
        line: file descriptor of a socket to the supervisor.
        listeners: file descriptors of the sockets to listen on.

    Raises:
        StartupError: the service cannot start as configured; says what to mend.
    """
    share_metrics(slot)
    supervision = Supervision(
        line=socket.socket(fileno=line),
        listeners=[socket.socket(fileno=one) for one in listeners],
    )
    return serve(share(settings, slot), supervision)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """What ties a worker to its supervisor.

    Attributes:
        line: says one thing, that the worker answers; it ends when the supervisor does, whatever
            ended it.
        listeners: bound, and shared with the other workers.
    """

    line: socket.socket
    listeners: list[socket.socket]


def _bound_memory() -> None:
    """Have glibc return the memory of freed pictures to the system.

    By default it has eight heaps a core, each with holes that pictures of all sizes left: 900 MB
    after a few thousand of them instead of 450 (`bench/soak.py`). Here it has two. Whole pictures
    go back at once, and what lies free between others is left to `_trim`; a network's tensors are
    kept from one request to the next, since fetching them anew, page by page, took a sixth of a
    detection's time. Other C libraries have no such call.

    Source: mallopt(3).
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, LARGE_BYTES)
        libc.mallopt(M_ARENA_MAX, 2)


def _trim() -> None:
    """Return to the system what is free now, and again once in `TRIM_EVERY_S`, in a thread.

    Source: malloc_trim(3), of glibc only.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        return

    def now_and_then() -> None:
        while True:
            libc.malloc_trim(0)
            time.sleep(TRIM_EVERY_S)

    threading.Thread(target=now_and_then, name="trim", daemon=True).start()


async def _serve_until_told(
    server: "_Server", models: Repository, jobs: Jobs | None, grace_s: float
) -> None:
    """Serve; at the first signal stop being ready, answer what is in flight, and end.

    All of that has `grace_s`; a second signal ends it at once. A worker is told by its
    supervisor, and perhaps once more by whoever tells all processes of a service: to it, any
    number of SIGTERMs is one, and a SIGINT after it means at once.
    """
    loop = asyncio.get_running_loop()

    def drain() -> None:
        end = time.monotonic() + grace_s
        if jobs is not None:
            jobs.drain()  # who watches a job is sent home; the job goes on at the next start
        if not models.drain(grace_s):
            log.warning("requests were still in flight after %g s", grace_s)
        with suppress(RuntimeError):  # a second signal has closed the loop meanwhile
            loop.call_soon_threadsafe(server.end, end - time.monotonic())

    # A thread of its own, since the loop waits for its executor's before it closes.
    drainer = threading.Thread(target=drain, name="drain", daemon=True)

    def on_signal(*, again: bool) -> None:
        if drainer.ident is None:
            log.info("draining: not ready any more, answering what is in flight")
            end_within(grace_s)
            drainer.start()
        elif again:
            server.end(0.0)

    supervision = server.supervision
    loop.add_signal_handler(signal.SIGTERM, partial(on_signal, again=supervision is None))
    loop.add_signal_handler(signal.SIGINT, partial(on_signal, again=True))
    if supervision is None:
        await server.serve()
        return

    def on_silence() -> None:
        loop.remove_reader(supervision.line)
        log.warning("the supervisor is gone")
        on_signal(again=False)

    loop.add_reader(supervision.line, on_silence)  # it says nothing: this can only be its end
    await server.serve(supervision.listeners)


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which asks at the door before it makes a task for a request.

    At ten times the capacity a refusal takes 0.13 ms of the event loop that way instead of 0.18,
    and 0.945 of the peak is answered instead of 0.912 (ten interleaved runs, server on one core).
    """

    def __init__(self, door: Door, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._door = door

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        special = self.pipeline or self.flow.write_paused or cycle.scope["method"] == "HEAD"
        refusal = None if special else self._door.refuse(cycle.scope)
        if refusal is None:
            super()._start_asgi_task(cycle, app)
            return
        headers = [*self.server_state.default_headers, *refusal.headers]
        if not cycle.keep_alive:
            headers.append((b"connection", b"close"))
        lines = [b"%b: %b\r\n" % header for header in headers]
        head = b"".join([STATUS_LINE[refusal.status], *lines, b"\r\n"])
        self.transport.write(head + refusal.body)
        cycle.response_complete = True  # so that what still comes of its body is discarded
        del cycle.on_response  # or the two of us would hold each other
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


class _Considerate(_Protocol):
    """A worker's protocol, which lets others have connections, too.

    A worker that is awake takes all connections that wait, in one loop inside of libuv: of eight
    that came at once one of two got all in 7 of 16 tries, and the other core had nothing to do.
    Here it pauses behind each, for no longer than another needs to wake up.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        time.sleep(TAKE_TURNS_S)
        super().__init__(*args, **kwargs)


class _Server(uvicorn.Server):
    """Leaves the signals to `_serve_until_told`, which ends the process with status 0."""

    def __init__(self, config: uvicorn.Config, supervision: Supervision | None) -> None:
        super().__init__(config)
        self.supervision = supervision

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and say so to a supervisor."""
        await super().startup(sockets)
        if self.supervision is not None:
            with suppress(OSError):  # the supervisor is gone, which is met elsewhere
                self.supervision.line.send(READY)

    def end(self, grace_s: float) -> None:
        """Stop listening, and wait for answers that are being written for at most `grace_s`."""
        self.config.timeout_graceful_shutdown = int(max(0.0, grace_s))
        self.force_exit = grace_s <= 0
        self.should_exit = True
