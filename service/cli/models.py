"""`chiasm models`: what is there, whether it is right, what it is made of, and fetching more."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from service.app import open_models
from service.cli import init
from service.engine.deadline import Deadline
from service.engine.golden import GOLDEN, Golden, write_golden
from service.engine.manifest import ModelFolder
from service.engine.pipeline import Encoded
from service.engine.repository import State, scan
from service.errors import InvalidOption, ModelNotFound
from service.imaging.decode import DecodeLimits
from service.pull import PullFailed, pull
from service.settings import Settings
from service.tasks.base import Options
from service.telemetry import Metrics

# Golden answers allow for another CPU's rounding, not for another answer.
GOLDEN_TOLERANCE = {
    "score": 0.02,
    "box": 2.0,
    "keypoints": 2.0,
    "landmarks": 2.0,
    "encodings": 0.02,
    "fraction": 0.01,
    "map": 0.02,
    "colors": 4.0,
    "vector": 0.1,
}
BAR_CELLS = 30


def add_commands(commands: Any) -> None:
    """Add `models` and its actions to the command line."""
    models = commands.add_parser("models", help="look after the model folders")
    actions = models.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="what is there").set_defaults(run=_list)
    check = actions.add_parser("check", help="load each and compare its golden answer")
    check.set_defaults(run=_check)
    summary = actions.add_parser("summary", help="a network's layers, parameters and costs")
    summary.add_argument("name")
    summary.set_defaults(run=_summary)
    init.add_action(actions)
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
    fetch = actions.add_parser("pull", help="fetch a network that is too large to be committed")
    which = fetch.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?")
    which.add_argument("--all", action="store_true", help="every one that is not installed")
    fetch.set_defaults(run=_pull)


def _list(settings: Settings, _: argparse.Namespace) -> int:
    for folder in scan(settings.models_dir):
        manifest = folder.manifest
        size = "not pulled"
        if folder.installed:
            size = f"{folder.graph_path.stat().st_size / 1e6:7.1f} MB"
        print(
            f"{manifest.name:24} {manifest.task:14} {size:10}  {manifest.license:10}  "
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

    folder = _folder(settings, options.name)
    spec = folder.manifest.input
    print(table(summarize(folder.graph_path, input_size=spec.size, layout=spec.layout.value)))
    return 0


def _golden(settings: Settings, options: argparse.Namespace) -> int:
    folder = _folder(settings, options.name)
    picture = options.image.read_bytes()
    name = f"golden{options.image.suffix.lower()}"
    asked = _options(folder, options.option)
    models = open_models(settings, Metrics(), [folder])
    try:
        model = models.models[folder.manifest.name]
        source = Encoded(picture, DecodeLimits())
        answer = model.pipeline.submit(source, asked, Deadline.never()).result()
    finally:
        models.close()
    (folder.path / name).write_bytes(picture)
    height, width = answer.size
    golden = Golden(
        image=name,
        options=asked.model_dump(mode="json", exclude_defaults=True),
        expected=answer.result.answer(),
        tolerance={**GOLDEN_TOLERANCE, "pixels": GOLDEN_TOLERANCE["fraction"] * height * width},
    )
    write_golden(folder.path, golden)
    print(f"{folder.path / GOLDEN}\n{answer.result.text()}")
    return 0


def _options(folder: ModelFolder, pairs: Sequence[str]) -> Options:
    chosen = {key: value for key, _, value in (pair.partition("=") for pair in pairs)}
    try:
        return folder.task_type.options_type.model_validate(chosen)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidOption(str(first["loc"][0]), first["msg"]) from error


def _pull(settings: Settings, options: argparse.Namespace) -> int:
    folders = scan(settings.models_dir)
    wanted = [folder for folder in folders if folder.manifest.pull and not folder.installed]
    if options.name is not None:
        wanted = [_folder(settings, options.name)]
    failed = False
    for folder in wanted:
        name = folder.manifest.name
        try:
            source = pull(folder, mirror=settings.model_mirror, progress=_bar(name))
            print(f"{name}: {f'pulled from {source}' if source else 'is installed already'}")
        except PullFailed as error:
            failed = True
            print(f"chiasm: {error.detail}", file=sys.stderr)
    if not wanted:
        print("every network is installed")
    return 1 if failed else 0


def _folder(settings: Settings, name: str) -> ModelFolder:
    folders = {folder.manifest.name: folder for folder in scan(settings.models_dir)}
    if name not in folders:
        raise ModelNotFound(name, sorted(folders))
    return folders[name]


def _bar(name: str) -> Any:
    """Return a progress bar for a terminal, or one that keeps still where nobody watches."""

    def draw(done: int, total: int) -> None:
        cells = BAR_CELLS * done // total
        end = "\n" if done >= total else ""
        bar = "#" * cells + "." * (BAR_CELLS - cells)
        print(f"\r{name} [{bar}] {done / 1e6:.1f} of {total / 1e6:.1f} MB", end=end, flush=True)

    return draw if sys.stdout.isatty() else lambda *_: None
