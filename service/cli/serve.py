"""`chiasm serve`: in this process, or in several that share one port."""

import argparse
from typing import Any

from service.settings import Settings


def add_commands(commands: Any) -> None:
    """Add `serve` to the command line."""
    serve = commands.add_parser("serve", help="answer HTTP requests until told to stop")
    serve.add_argument("--host", help="address to bind (CHIASM_HOST, 127.0.0.1)")
    serve.add_argument("--port", type=_port, help="port to bind (CHIASM_PORT, 8000)")
    serve.add_argument("--workers", type=_count, help="processes that answer (CHIASM_WORKERS, 1)")
    # How a worker is started: its number, a socket to the supervisor, those to listen on.
    serve.add_argument("--slot", type=int, help=argparse.SUPPRESS)
    serve.add_argument("--line", type=int, help=argparse.SUPPRESS)
    serve.add_argument("--listener", type=int, nargs="+", help=argparse.SUPPRESS)
    serve.set_defaults(run=_serve)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a number from 1 on")
    return int(text)


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    named = {name: getattr(options, name) for name in ("host", "port", "workers")}
    settings = settings.model_copy(
        update={name: value for name, value in named.items() if value is not None}
    )
    if settings.workers > 1 and options.slot is None:
        from service.cli.workers import supervise  # which needs little, and stays small

        return supervise(settings)
    from service.cli.server import serve, serve_inherited

    if options.slot is None:
        return serve(settings)
    return serve_inherited(settings, options.slot, options.line, options.listener)
