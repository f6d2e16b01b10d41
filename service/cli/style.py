"""`chiasm style`: paint one picture here and now, without a server or a job."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from service.app import decode_limits, open_models
from service.engine.repository import scan
from service.imaging.encode import PictureFormat, transcode
from service.jobs.job import JobSpec, Progress
from service.jobs.painting import METHODS, StylePainter
from service.settings import Settings
from service.telemetry import Metrics

FORMATS = {
    ".png": PictureFormat.PNG,
    ".jpg": PictureFormat.JPEG,
    ".jpeg": PictureFormat.JPEG,
    ".webp": PictureFormat.WEBP,
}
BAR_CELLS = 30
NUMBERS = {
    "size": int,
    "strength": float,
    "content_weight": float,
    "style_weight": float,
    "tv_weight": float,
    "steps": int,
    "seed": int,
}


def add_commands(commands: Any) -> None:
    """Add `style` to the command line."""
    style = commands.add_parser("style", help="paint one picture in the style of another")
    style.add_argument("content", type=Path)
    wanted = style.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--style", type=Path, help="a picture to take the style from")
    wanted.add_argument("--preset", help="a painting that the network knows: 3, or 3:0.7,12:0.3")
    style.add_argument("--method", choices=sorted(METHODS), default="fast")
    style.add_argument("-o", "--output", type=_output, required=True, help="PNG, JPEG or WebP")
    for name, kind in NUMBERS.items():
        style.add_argument(f"--{name.replace('_', '-')}", type=kind)
    style.add_argument("--init", help="optimize: content, noise or fast")
    style.add_argument("--preserve-color", action="store_true", default=None)
    style.set_defaults(run=_style)


def _output(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(f"must end in one of {', '.join(FORMATS)}")
    return path


def _style(settings: Settings, options: argparse.Namespace) -> int:
    content = options.content.read_bytes()
    brush = options.style.read_bytes() if options.style else None
    names = [*NUMBERS, "init", "preset", "preserve_color"]
    chosen = {name: getattr(options, name) for name in names}
    spec = JobSpec(
        method=options.method,
        options={name: value for name, value in chosen.items() if value is not None},
    )
    folders = [one for one in scan(settings.models_dir) if one.manifest.task.startswith("style-")]
    models = open_models(settings, Metrics(), folders)
    try:
        painter = StylePainter(models=models, decode=decode_limits(settings))
        painter.check(spec, content, brush)
        started = time.monotonic()
        for progress in painter.paint(spec, content, brush, None, lambda: False):
            _show(progress)
            result = progress.result
    finally:
        models.close()
    assert result is not None  # nobody told it to stop
    kind = FORMATS[options.output.suffix.lower()]
    options.output.write_bytes(result if kind is PictureFormat.PNG else transcode(result, kind))
    print(f"{options.output}, painted in {time.monotonic() - started:.1f} s")
    return 0


def _show(progress: Progress) -> None:
    """Draw the bar anew, with J if there is one; nothing where nobody is watching."""
    if not sys.stderr.isatty():
        return
    cells = round(BAR_CELLS * progress.step / progress.steps)
    cost = f"  J = {progress.costs[-1][-1]:.4g}" if progress.costs else ""
    bar = "█" * cells + "·" * (BAR_CELLS - cells)
    end = "\n" if progress.result is not None else ""
    print(f"\r{bar} {progress.step}/{progress.steps}{cost}", end=end, file=sys.stderr, flush=True)
