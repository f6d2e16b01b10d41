"""`chiasm serve`: the only file that knows uvicorn."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from service.app import create_app
from service.engine.repository import Repository
from service.settings import Settings

log = logging.getLogger(__name__)


def add_commands(commands: Any) -> None:
    """Add `serve` to the command line."""
    serve = commands.add_parser("serve", help="answer HTTP requests until told to stop")
    serve.add_argument("--host", help="address to bind (CHIASM_HOST, 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to bind (CHIASM_PORT, 8000)")
    serve.set_defaults(run=_serve)


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    app = create_app(settings)
    server = _Server(
        uvicorn.Config(
            app,
            host=options.host or settings.host,
            port=settings.port if options.port is None else options.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_s)),
        )
    )
    uvloop.run(_serve_until_told(server, app, settings.shutdown_grace_s))
    return 0 if server.started else 1


async def _serve_until_told(server: "_Server", app: FastAPI, grace_s: float) -> None:
    """Serve; at the first signal stop being ready, answer what is in flight, and end."""
    loop = asyncio.get_running_loop()
    models: Repository = app.state.models
    drains: list[asyncio.Task[None]] = []

    async def drain() -> None:
        log.info("draining: not ready any more, answering what is in flight")
        if not await asyncio.to_thread(models.drain, grace_s):
            log.warning("requests were still in flight after %.0f s", grace_s)
        server.should_exit = True

    def on_signal() -> None:
        if drains:
            server.force_exit = True
        drains.append(loop.create_task(drain()))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await server.serve()


class _Server(uvicorn.Server):
    """Leaves the signals to `_serve_until_told`, which ends the process with status 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
