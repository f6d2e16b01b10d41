"""COCO's average precision of /detect, and what the service's way of decoding costs of it."""

import contextlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from service.arrays import F32
from service.engine.manifest import ModelFolder
from service.engine.repository import scan
from service.tasks.detect import DetectConfig
from tools.evaluate.reference import LOWEST_SCORE, MAX_DETECTIONS, Reference

IN_FLIGHT = 4
ALL_SIZES, UP_TO_100 = 0, -1  # places on the axes of COCOeval's precisions
Found = dict[str, Any]  # one detection in COCO's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Average precisions in per cent, as COCO defines them; `ap` over IoU 0.50 to 0.95.

    Attributes:
        model: its name.
        photos: how many there were.
        ap, ap50: over HTTP.
        reference_ap, reference_ap50: of the same network run the slow way, in process.
    """

    model: str
    photos: int
    ap: float
    ap50: float
    reference_ap: float
    reference_ap50: float

    @property
    def difference(self) -> float:
        """What the service adds to the reference's AP; negative where it loses."""
        return self.ap - self.reference_ap


class Photos:
    """A folder of photographs and what is in them."""

    def __init__(self, folder: Path) -> None:
        """Read `instances.json`; the photographs are in `images/`."""
        self.dataset = json.loads((folder / "instances.json").read_text(encoding="utf-8"))
        self.paths = {
            image["id"]: folder / "images" / image["file_name"] for image in self.dataset["images"]
        }
        self.categories = {one["name"]: one["id"] for one in self.dataset["categories"]}

    def evaluate(self, url: str, folder: ModelFolder) -> Accuracy:
        """Put every photograph to the server, several at a time, and to the reference."""
        name, labels = folder.manifest.name, _labels(folder)
        reference = Reference(folder.path)

        def ask(path: Path) -> list[Found]:
            answer = client.post("/detect", params=options, content=path.read_bytes())
            return [
                self._found(one["label"], one["score"], one["box"].values())
                for one in answer.raise_for_status().json()["detections"]
            ]

        def refer(path: Path) -> list[Found]:
            found = reference.detect(path)
            return [self._found(labels[one.class_id], one.score, one.box) for one in found]

        options: dict[str, str | float] = {
            "model": name,
            "score_threshold": LOWEST_SCORE,
            "max_detections": MAX_DETECTIONS,
        }
        with httpx.Client(base_url=url, timeout=60) as client:
            ap, ap50 = self._precision(ask)
        reference_ap, reference_ap50 = self._precision(refer)
        return Accuracy(
            model=name,
            photos=len(self.paths),
            ap=ap,
            ap50=ap50,
            reference_ap=reference_ap,
            reference_ap50=reference_ap50,
        )

    def _precision(self, detect: Callable[[Path], list[Found]]) -> tuple[float, float]:
        """Return AP and AP50 of `detect` on all photographs, in per cent."""
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            answers = list(pool.map(detect, self.paths.values()))
        found = [
            {"image_id": image_id, **one}
            for image_id, answer in zip(self.paths, answers, strict=True)
            for one in answer
        ]
        precisions = coco_precisions(self.dataset, found)
        return 100 * _mean(precisions), 100 * _mean(precisions[0])

    def _found(self, label: str, score: float, box: Iterable[float]) -> Found:
        x1, y1, x2, y2 = map(float, box)
        return {
            "category_id": self.categories[label],
            "score": score,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
        }


def coco_precisions(dataset: Mapping[str, Any], found: list[Found]) -> F32:
    """Return pycocotools' precisions, (10 IoUs, 101 recalls, K categories); -1 for no objects."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = dict(dataset)
        truth.createIndex()
        if found:
            answers = truth.loadRes(found)
        else:  # loadRes looks at the first one to learn what they are
            answers = COCO()
            answers.dataset = {**dataset, "annotations": []}
            answers.createIndex()
        evaluation = COCOeval(truth, answers, "bbox")
        parameters = evaluation.params  # small, medium and large objects are not told apart
        parameters.areaRng, parameters.areaRngLbl = parameters.areaRng[:1], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precisions: F32 = evaluation.eval["precision"][..., ALL_SIZES, UP_TO_100]
    return precisions


def detectors(models: Path, data: Path) -> list[ModelFolder]:
    """Return the detectors, installed or not, whose labels are the data set's categories."""
    categories = set(Photos(data).categories)
    return [
        folder
        for folder in scan(models)
        if folder.manifest.task == "detect" and set(_labels(folder)) == categories
    ]


def markdown(url: str, data: Path, models: Path) -> str:
    """Return the table of all detectors, and what is missing from it."""
    if not (data / "coco").is_dir():
        return f"skipped: accuracy of /detect needs {data / 'coco'}"
    photos = Photos(data / "coco")
    lines = [
        f"## /detect, {len(photos.paths)} photographs of COCO, in per cent\n",
        "| model | AP | AP50 | reference AP | reference AP50 | difference of AP |",
        "|---|---|---|---|---|---|",
    ]
    skipped = []
    for folder in detectors(models, data / "coco"):
        if not folder.installed:
            name = folder.manifest.name
            skipped.append(f"\nskipped: {name} is not installed: `chiasm models pull {name}`")
            continue
        one = photos.evaluate(url, folder)
        lines.append(
            f"| {one.model} | {one.ap:.1f} | {one.ap50:.1f} | {one.reference_ap:.1f} "
            f"| {one.reference_ap50:.1f} | {one.difference:+.2f} |"
        )
    return "\n".join(lines + skipped)


def _labels(folder: ModelFolder) -> list[str]:
    assert isinstance(folder.config, DetectConfig)
    return [label.name for label in folder.config.labels]


def _mean(precisions: F32) -> float:
    return float(np.mean(precisions[precisions >= 0]))
