"""The command line: serve, look after models, and try one picture without a server."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from pydantic import ValidationError

from service import __version__
from service.errors import ChiasmError
from service.logs import configure_logging
from service.settings import Settings

COMMANDS = {
    "serve": "serve",
    "worker": "worker",
    "predict": "predict",
    "style": "style",
    "eval": "evaluate",
    "models": "models",
}
"""The module of each command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the process's exit status comes back."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(arguments).parse_args(arguments)
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


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chiasm", description="Pretrained vision networks behind plain REST endpoints."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    # The command that is meant brings in what it needs, and nothing else does: the supervisor of
    # `serve --workers` lives as long as the service, and needs neither networks nor a server.
    meant = [name for name in arguments[:1] if name in COMMANDS]
    for name in meant or COMMANDS:
        import_module(f"service.cli.{COMMANDS[name]}").add_commands(commands)
    return parser
