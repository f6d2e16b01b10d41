"""The command line: serve, look after models, and try one picture without a server."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_core import to_json

from service import __version__
from service.app import create_app, open_models
from service.engine.deadline import Deadline
from service.engine.golden import GOLDEN, Golden, write_golden
from service.engine.manifest import read_folder
from service.engine.pipeline import Encoded
from service.engine.repository import Repository, State, scan
from service.errors import ChiasmError
from service.imaging.decode import DecodeLimits
from service.settings import Settings
from service.telemetry import Metrics, configure_logging

log = logging.getLogger(__name__)

# Golden answers allow for another CPU's rounding, not for another answer.
GOLDEN_TOLERANCE = {"score": 0.02, "box": 2.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the process's exit status comes back."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings()
        configure_logging(settings.log_level if options.command == "serve" else "error")
        status: int = options.run(settings, options)
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            name = "_".join(str(part) for part in mistake["loc"]).upper()
            print(f"chiasm: CHIASM_{name}: {mistake['msg']}", file=sys.stderr)
        return 2
    except ChiasmError as error:
        print(f"chiasm: {error.detail}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chiasm", description="Pretrained vision networks behind plain REST endpoints."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    serve = commands.add_parser("serve", help="answer HTTP requests until told to stop")
    serve.add_argument("--host", help="address to bind (CHIASM_HOST, 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to bind (CHIASM_PORT, 8000)")
    serve.set_defaults(run=_serve)

    predict = commands.add_parser("predict", help="put one picture to a model, without a server")
    predict.add_argument("image", type=Path)
    predict.add_argument("--task", default="classify")
    predict.add_argument("--model")
    predict.add_argument("--json", action="store_true", help="the answer as the service gives it")
    predict.set_defaults(run=_predict)

    models = commands.add_parser("models", help="look after the model folders")
    actions = models.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="what is there").set_defaults(run=_list)
    actions.add_parser("check", help="load each and compare its golden answer").set_defaults(
        run=_check
    )
    summary = actions.add_parser("summary", help="a network's layers, parameters and costs")
    summary.add_argument("name")
    summary.set_defaults(run=_summary)
    golden = actions.add_parser("golden", help="record a picture's answer as the right one")
    golden.add_argument("name")
    golden.add_argument("image", type=Path, help="copied into the model's folder")
    golden.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the task, e.g. min_score=0.05 to leave the noise out",
    )
    golden.set_defaults(run=_golden)
    return parser


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


def _predict(settings: Settings, options: argparse.Namespace) -> int:
    models = open_models(settings, Metrics())
    try:
        model = models.find(options.task, options.model)
        source = Encoded(options.image.read_bytes(), DecodeLimits())
        asked = model.folder.task_type.options_type()
        answer = model.pipeline.submit(source, asked, Deadline.never()).result()
    except OSError as error:
        print(f"chiasm: {error}", file=sys.stderr)
        return 1
    finally:
        models.close()
    if options.json:
        image = {"width": answer.size[1], "height": answer.size[0]}
        document = {"model": model.name, "image": image, **answer.result.answer()}
        print(to_json(document, indent=2).decode())
        return 0
    print(f"{options.image.name}: {answer.size[1]} x {answer.size[0]} pixels, {model.name}")
    print(answer.result.text())
    timings = ", ".join(f"{stage} {ms:.1f} ms" for stage, ms in answer.timings.items())
    print(timings)
    return 0


def _list(settings: Settings, _: argparse.Namespace) -> int:
    for folder in scan(settings.models_dir):
        manifest = folder.manifest
        megabytes = folder.graph_path.stat().st_size / 1e6
        print(
            f"{manifest.name:24} {manifest.task:9} {megabytes:6.1f} MB  {manifest.license:12} "
            f"{manifest.description}"
        )
    return 0


def _check(settings: Settings, _: argparse.Namespace) -> int:
    models = open_models(settings, Metrics())
    try:
        for model in models.models.values():
            verdict = model.reason or f"loaded and checked in {model.load_ms:.0f} ms"
            print(f"{model.name:24} {model.state.value:6}  {verdict}")
    finally:
        models.close()
    failed = any(model.state is State.FAILED for model in models.models.values())
    return 1 if failed else 0


def _summary(settings: Settings, options: argparse.Namespace) -> int:
    from service.engine.graph import summarize, table  # brings in `onnx`: only this needs it

    folder = read_folder(settings.models_dir / Path(options.name).name)
    spec = folder.manifest.input
    print(table(summarize(folder.graph_path, input_size=spec.size, layout=spec.layout.value)))
    return 0


def _golden(settings: Settings, options: argparse.Namespace) -> int:
    folder = read_folder(settings.models_dir / Path(options.name).name)
    picture = options.image.read_bytes()
    name = f"golden{options.image.suffix.lower()}"
    (folder.path / GOLDEN).unlink(missing_ok=True)
    models = open_models(settings, Metrics())
    try:
        model = models.models[folder.manifest.name]
        chosen = dict(pair.split("=", 1) for pair in options.option)
        asked = folder.task_type.options_type.model_validate(chosen)
        source = Encoded(picture, DecodeLimits())
        answer = model.pipeline.submit(source, asked, Deadline.never()).result()
    finally:
        models.close()
    (folder.path / name).write_bytes(picture)
    golden = Golden(
        image=name,
        options=asked.model_dump(mode="json", exclude_defaults=True),
        expected=answer.result.answer(),
        tolerance=GOLDEN_TOLERANCE,
    )
    write_golden(folder.path, golden)
    print(f"{folder.path / GOLDEN}: {answer.result.text().splitlines()[0].strip()}")
    return 0
