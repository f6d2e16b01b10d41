"""`chiasm eval`: how good a model is on pictures of one's own, without a server."""

import argparse
import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import to_json

from service.app import open_models
from service.cli.coco import DataSet, Photo, read_coco
from service.cli.detection_report import DetectionReport, report
from service.engine.deadline import Deadline
from service.engine.pipeline import Answer, Encoded, Pipeline
from service.engine.repository import Model, Repository, scan
from service.errors import BadRequest
from service.imaging.decode import DecodeLimits
from service.settings import Settings
from service.tasks.base import Options
from service.tasks.detect import DetectConfig, DetectOptions
from service.tasks.evaluation import COCO_MAX_DETECTIONS, Judged
from service.telemetry import Metrics

LOWEST_SCORE = 0.001  # what comes below is too far down the ranking to add to an AP


def add_commands(commands: Any) -> None:
    """Add `eval` and its tasks to the command line."""
    evaluate = commands.add_parser("eval", help="measure a model on annotated pictures")
    tasks = evaluate.add_subparsers(dest="task", required=True)
    detect = tasks.add_parser("detect", help="average precision, precision and recall")
    detect.add_argument("--images", type=Path, required=True, help="the folder of pictures")
    detect.add_argument("--annotations", type=Path, required=True, help="JSON in COCO's format")
    detect.add_argument("--model", help="default: the one that /detect takes")
    detect.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    detect.add_argument(
        "--score-threshold", type=_share, help="of precision and recall; default: the model's own"
    )
    detect.add_argument(
        "--iou", type=_share, default=0.5, help="overlap that counts as found, for them (0.5)"
    )
    detect.set_defaults(run=_detect)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be from 0 to 1")
    return value


def _detect(settings: Settings, options: argparse.Namespace) -> int:
    models = _open(settings, options.model)
    try:
        model = models.find("detect", options.model)
        config = model.folder.config
        assert isinstance(config, DetectConfig)
        data = read_coco(options.annotations, options.images, config.labels)
        measured = measure(
            model,
            data,
            in_flight=2 * (models.pool.threads + model.instances * _batch(model)),
            iou=options.iou,
            score_threshold=(
                config.score_threshold
                if options.score_threshold is None
                else options.score_threshold
            ),
        )
    finally:
        models.close()
    print(measured.text())
    if options.json:
        document = to_json(measured.as_dict(), indent=2, inf_nan_mode="null")
        options.json.write_bytes(document + b"\n")
    return 0


def _batch(model: Model) -> int:
    return model.folder.manifest.batch.max_size


def _open(settings: Settings, name: str | None) -> Repository:
    """Load the detectors, or only the one that is named, to take whatever comes.

    Nobody waits for a single answer here: what bounds the work is how much is begun at once.
    """
    patient = settings.model_copy(update={"max_wait_ms": math.inf, "max_in_flight": 1_000_000})
    folders = [
        folder
        for folder in scan(settings.models_dir)
        if folder.manifest.task == "detect" and name in {None, folder.manifest.name}
    ]
    return open_models(patient, Metrics(), folders)


def measure(
    model: Model, data: DataSet, *, in_flight: int, iou: float, score_threshold: float
) -> DetectionReport:
    """Put every picture to a detector and judge its answers.

    Args:
        model: loaded.
        data: read with its labels.
        in_flight: how many pictures are begun before the first of them is waited for.
        iou: the overlap at which precision and recall are counted, 0..1.
        score_threshold: for the same, 0..1.
    """
    options = DetectOptions(
        score_threshold=min(LOWEST_SCORE, score_threshold), max_detections=COCO_MAX_DETECTIONS
    )
    judged = []
    left_out = dict.fromkeys(data.missing, "is not in the folder of pictures")
    for photo, pending in _answers(model.pipeline, data.photos, options, in_flight):
        try:
            judged.append(_judge(photo, pending.result()))
        except BadRequest as error:
            left_out[photo.name] = error.detail
    return report(
        judged,
        data.labels,
        model=model.name,
        iou=iou,
        score_threshold=score_threshold,
        unknown=data.unknown,
        left_out=left_out,
    )


def _answers(
    pipeline: Pipeline, photos: Sequence[Photo], options: Options, in_flight: int
) -> Iterator[tuple[Photo, Future[Answer]]]:
    """Yield the answers about all photos in order, while others are on their way."""
    begun: deque[tuple[Photo, Future[Answer]]] = deque()
    for photo in photos:
        source = Encoded(photo.path.read_bytes(), DecodeLimits())
        begun.append((photo, pipeline.submit(source, options, Deadline.never())))
        if len(begun) >= in_flight:
            yield begun.popleft()
    yield from begun


def _judge(photo: Photo, answer: Answer) -> Judged:
    """Put the detections beside the objects.

    Raises:
        BadRequest: the annotations were made at another size, so boxes cannot be compared.
    """
    if photo.size is not None and photo.size != answer.size:
        stated, upright = (f"{width} x {height}" for height, width in (photo.size, answer.size))
        raise BadRequest(f"annotated at {stated}, but upright it has {upright} pixels")
    found = answer.result
    return Judged(
        objects=photo.objects,
        boxes=found.boxes_source,
        scores=found.scores,
        class_ids=np.asarray(found.class_ids, np.intp),
    )
