"""`chiasm serve`: the only file that knows uvicorn."""

import argparse
import asyncio
import ctypes
import gc
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
import uvloop

from service.app import create_app
from service.engine.repository import Repository
from service.jobs.jobs import Jobs
from service.settings import Settings

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005
M_TRIM_THRESHOLD, M_ARENA_MAX = -1, -8  # malloc.h


def add_commands(commands: Any) -> None:
    """Add `serve` to the command line."""
    serve = commands.add_parser("serve", help="answer HTTP requests until told to stop")
    serve.add_argument("--host", help="address to bind (CHIASM_HOST, 127.0.0.1)")
    serve.add_argument("--port", type=_port, help="port to bind (CHIASM_PORT, 8000)")
    serve.set_defaults(run=_serve)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    _give_memory_back()
    app = create_app(settings)
    # What was built until now lives as long as the process: the collector need not look at it
    # again, which was an eighth of the event loop's time.
    gc.collect()
    gc.freeze()
    # Threads that decode and run networks need the interpreter for moments only; they get it ten
    # times sooner from a busy event loop than by default (share of the peak that is still answered
    # at ten times the capacity, noisy runs: 0.70 to 0.73 before, 0.74 to 0.93 after).
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    server = _Server(
        uvicorn.Config(
            app,
            host=options.host or settings.host,
            port=settings.port if options.port is None else options.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here depends on who the client is
        )
    )
    with suppress(SystemExit):  # how uvicorn ends when it cannot start; the log has the reason
        serving = _serve_until_told(
            server, app.state.models, app.state.jobs, settings.shutdown_grace_s
        )
        uvloop.run(serving)
    return 0 if server.started else 1


def _give_memory_back() -> None:
    """Have glibc return freed pictures to the system instead of keeping them in many heaps.

    By default it raises its thresholds to the largest block ever freed, and has eight heaps a
    core; pictures of random sizes then leave holes everywhere (`bench/soak.py`: 546 MB and growing
    after 5,000 of them, against 385 MB and flat). Other C libraries have no such call.

    Source: mallopt(3).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, 128 * 1024)
        mallopt(M_ARENA_MAX, 2)


async def _serve_until_told(
    server: "_Server", models: Repository, jobs: Jobs | None, grace_s: float
) -> None:
    """Serve; at the first signal stop being ready, answer what is in flight, and end.

    All of that has `grace_s`; a second signal ends it at once.
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

    def on_signal() -> None:
        if drainer.ident is not None:
            server.end(0.0)
            return
        log.info("draining: not ready any more, answering what is in flight")
        drainer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await server.serve()


class _Server(uvicorn.Server):
    """Leaves the signals to `_serve_until_told`, which ends the process with status 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self, grace_s: float) -> None:
        """Stop listening, and wait for answers that are being written for at most `grace_s`."""
        self.config.timeout_graceful_shutdown = int(max(0.0, grace_s))
        self.force_exit = grace_s <= 0
        self.should_exit = True
