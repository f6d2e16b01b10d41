"""What a verification costs beyond its networks: stage by stage, beside the bare sessions."""

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bench.pictures import photograph
from bench.report import publish
from service.app import open_models
from service.engine.deadline import Deadline
from service.engine.faces import FaceModels, FacePipeline, FaceRequest, Faces, Pick
from service.engine.pipeline import Encoded
from service.engine.repository import Model
from service.imaging.decode import DecodeLimits
from service.imaging.picture import Picture
from service.settings import Settings
from service.tasks.base import Prepared
from service.telemetry import Metrics

ROUNDS = 40
SIDES = (512, 3000)  # the face covers 4 % of these
STAGES = ("decode", "preprocess", "queue", "infer", "postprocess")
REQUEST = FaceRequest(embed=True, pick=Pick.LARGEST)


def main() -> None:
    """Measure and publish."""
    models = open_models(Settings(max_wait_ms=60_000), Metrics())
    try:
        faces = FaceModels.of(models)
        for side in SIDES:
            _measure(faces, photograph(side, side), side)
    finally:
        models.close()


def _measure(faces: FaceModels, data: bytes, side: int) -> None:
    pipeline = FacePipeline(faces)
    source = Encoded(data, DecodeLimits())

    def verify(count: int) -> list[Faces]:
        futures = [pipeline.submit(source, REQUEST, Deadline.never()) for _ in range(count)]
        return [future.result() for future in futures]

    networks = [(model, _one_row(model)) for model in faces.asked(REQUEST)]

    def bare(_: int) -> None:
        for model, prepared in networks:
            model.session.run(prepared.tensors)

    with ThreadPoolExecutor(2) as threads:
        bare_ms, verify_ms = _interleaved(
            lambda: list(threads.map(bare, range(2))), lambda: verify(2)
        )
    rows = _stage_rows([verify(1)[0] for _ in range(ROUNDS)])
    empty = dict.fromkeys(STAGES, "")
    rows.append({"what": "two pictures at once, elapsed", **empty, "sum": verify_ms})
    rows.append({"what": "six bare runs on two threads", **empty, "sum": bare_ms})
    rows.append({"what": "times the bare runs", **empty, "sum": verify_ms / bare_ms})
    title = f"/verify of two {side} x {side} JPEGs without HTTP, {ROUNDS} rounds, milliseconds"
    publish(f"verify_{side}", title, rows)


def _one_row(model: Model) -> Prepared:
    """Return what the model's network is given for one face; its time depends on no pixel."""
    height, width = model.folder.manifest.input.size
    blank = Picture.from_pixels(np.zeros((height, width, 3), np.uint8))
    return model.pipeline.task.preprocess(blank, model.folder.task_type.options_type())


def _interleaved(*calls: Callable[[], object]) -> list[float]:
    """Return each call's median, milliseconds, run in turns so that noise hits all alike."""
    elapsed: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, values in zip(calls, elapsed, strict=True):
            started = time.perf_counter()
            call()
            values.append((time.perf_counter() - started) * 1000)
    return [statistics.median(values) for values in elapsed]


def _stage_rows(found: Sequence[Faces]) -> list[dict[str, object]]:
    """Return where the time of one picture goes, medians in milliseconds."""
    rows: list[dict[str, object]] = []
    for task in found[0].stages:
        medians = {
            stage: statistics.median(one.stages[task][stage] for one in found) for stage in STAGES
        }
        rows.append({"what": task, **medians, "sum": sum(medians.values())})
    return rows
