"""Accuracy of /segment on nuclei that training never saw: their masks, and each by itself."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from service.arrays import Array
from service.engine.repository import scan
from service.imaging import rle
from tools.train_unet.nuclei import Kind, Sample, load
from tools.train_unet.scores import foreground_iou, instance_score

MODEL = "unet-nuclei"
IN_FLIGHT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Figures of several pictures, each a mean over pictures, 0..1.

    Attributes:
        pictures: how many there were.
        foreground_iou: of everything that is not background.
        instance_score: TP / (TP + FP + FN) of the nuclei, found at an IoU above 0.5.
    """

    pictures: int
    foreground_iou: float
    instance_score: float


def evaluate(client: httpx.Client, samples: Iterable[Sample], folder: Path) -> dict[str, Accuracy]:
    """Put every picture to the server; return the figures of all, and of each kind.

    Args:
        client: of the server.
        samples: what is true.
        folder: with `images/`, from which the files are sent as they are.
    """

    def ask(sample: Sample) -> tuple[Kind, float, float]:
        content = (folder / "images" / f"{sample.name}.png").read_bytes()
        options = {"model": MODEL, "instances": "true"}
        answer = client.post("/segment", params=options, content=content)
        foreground, found = masks(answer.raise_for_status().json())
        labels = sample.labels
        return sample.kind, foreground_iou(labels, foreground), instance_score(labels, found)

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        rows = list(pool.map(ask, samples))
    return summarize(rows)


def masks(answer: dict[str, Any]) -> tuple[Array, Array]:
    """Return the foreground, (H, W) bool, and the number of each pixel's nucleus, (H, W) int32."""
    height, width = answer["image"]["height"], answer["image"]["width"]
    foreground = np.zeros((height, width), bool)
    found = np.zeros((height, width), np.int32)
    for one in answer["classes"]:
        if one["class_id"] > 0:
            foreground |= _mask(one)
    for number, one in enumerate(answer["instances"], start=1):
        found[_mask(one)] = number
    return foreground, found


def _mask(one: dict[str, Any]) -> Array:
    height, width = one["mask"]["size"]
    return rle.decode(one["mask"]["counts"], (height, width))


def summarize(rows: list[tuple[Kind, float, float]]) -> dict[str, Accuracy]:
    """Return the means of (kind, foreground IoU, instance score) of all, and of each kind."""
    groups = {"all": rows}
    for kind in Kind:
        groups[kind.value] = [row for row in rows if row[0] is kind]
    return {
        name: Accuracy(
            pictures=len(group),
            foreground_iou=float(np.mean([row[1] for row in group])),
            instance_score=float(np.mean([row[2] for row in group])),
        )
        for name, group in groups.items()
        if group
    }


def table(figures: dict[str, Accuracy]) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| pictures | number | foreground IoU | instance score |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {one.pictures} | {one.foreground_iou:.4f} | {one.instance_score:.4f} |"
        for name, one in figures.items()
    ]
    return "\n".join(lines)


def markdown(url: str, data: Path, models: Path) -> str:
    """Return the table, or what is missing for it."""
    folder = data / "nuclei"
    if not folder.is_dir():
        return f"skipped: accuracy of /segment needs {folder}"
    if MODEL not in {one.manifest.name for one in scan(models) if one.installed}:
        return f"skipped: {MODEL} is not installed"
    samples = load(folder, validation=True)
    with httpx.Client(base_url=url, timeout=60) as client:
        figures = evaluate(client, samples, folder)
    return f"## /segment, {MODEL}, pictures kept back from training\n\n{table(figures)}"
