"""`chiasm predict`: one picture, one model, no server."""

import argparse
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from service.app import open_models
from service.engine.deadline import Deadline
from service.engine.pipeline import Encoded
from service.imaging.decode import DecodeLimits
from service.settings import Settings
from service.telemetry import Metrics


def add_commands(commands: Any) -> None:
    """Add `predict` to the command line."""
    predict = commands.add_parser("predict", help="put one picture to a model, without a server")
    predict.add_argument("image", type=Path)
    predict.add_argument("--task", default="classify")
    predict.add_argument("--model")
    predict.add_argument("--json", action="store_true", help="the answer as the service gives it")
    predict.set_defaults(run=_predict)


def _predict(settings: Settings, options: argparse.Namespace) -> int:
    picture = options.image.read_bytes()
    models = open_models(settings, Metrics())
    try:
        model = models.find(options.task, options.model)
        asked = model.folder.task_type.options_type()
        source = Encoded(picture, DecodeLimits())
        answer = model.pipeline.submit(source, asked, Deadline.never()).result()
    finally:
        models.close()
    if options.json:
        image = {"width": answer.size[1], "height": answer.size[0]}
        document = {"model": model.name, "image": image, **answer.result.answer()}
        print(to_json(document, indent=2).decode())
        return 0
    print(f"{options.image.name}: {answer.size[1]} x {answer.size[0]} pixels, {model.name}")
    print(answer.result.text())
    print(", ".join(f"{stage} {ms:.1f} ms" for stage, ms in answer.timings.items()))
    return 0
