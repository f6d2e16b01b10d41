"""The command line: serve, look after models, and try one picture without a server."""

import argparse
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from service import __version__
from service.cli import evaluate, models, predict, serve, style, worker
from service.errors import ChiasmError
from service.settings import Settings
from service.telemetry import configure_logging


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the process's exit status comes back."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            name = "_".join(str(part) for part in mistake["loc"]).upper()
            print(f"chiasm: CHIASM_{name}: {mistake['msg']}", file=sys.stderr)
        return 2
    configure_logging(settings.log_level if options.command in {"serve", "worker"} else "error")
    try:
        status: int = options.run(settings, options)
    except (ChiasmError, OSError) as error:
        print(f"chiasm: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chiasm", description="Pretrained vision networks behind plain REST endpoints."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    for module in (serve, worker, predict, style, evaluate, models):
        module.add_commands(commands)
    return parser
