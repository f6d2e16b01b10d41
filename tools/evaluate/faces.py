"""Accuracy of /verify on all pairs of a folder of people, and whether /faces finds them all."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tools.calibrate_faces import photographs
from tools.verification import Pairs, area_under_roc

IN_FLIGHT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How well pairs are told right, shares 0..1.

    Attributes:
        photographs: how many there were.
        without_face: how many of them no face was found in.
        pairs: how many were compared.
        not_judged: how many of them got no verdict, for a face's quality.
        threshold: the shipped one.
        accuracy: at that threshold, of the pairs with a verdict.
        auc: area under the ROC of the distances, of all pairs.
    """

    photographs: int
    without_face: int
    pairs: int
    not_judged: int
    threshold: float
    accuracy: float
    auc: float


def evaluate(client: httpx.Client, folder: Path) -> Accuracy:
    """Put every pair of photographs to the server.

    Args:
        client: of the server.
        folder: with a folder of photographs for each person.

    Raises:
        httpx.HTTPStatusError: the server refused a pair of photographs that both have a face.
    """
    people = [person for person, _ in photographs(folder)]
    pictures = [path.read_bytes() for _, path in photographs(folder)]
    faces = [row for row, picture in enumerate(pictures) if _has_face(client, picture)]
    pairs = list(combinations(faces, 2))

    def ask(pair: tuple[int, int]) -> dict[str, Any]:
        return _verify(client, *(pictures[row] for row in pair))

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        answers = list(pool.map(ask, pairs))
    same = [people[one] == people[other] for one, other in pairs]
    verdicts = [answer["verified"] for answer in answers]
    right = [
        verdict == truth
        for verdict, truth in zip(verdicts, same, strict=True)
        if verdict is not None
    ]
    return Accuracy(
        photographs=len(people),
        without_face=len(people) - len(faces),
        pairs=len(pairs),
        not_judged=len(pairs) - len(right),
        threshold=answers[0]["threshold"],
        accuracy=sum(right) / len(right),
        auc=_area([answer["distance"] for answer in answers], same),
    )


def _has_face(client: httpx.Client, picture: bytes) -> bool:
    answer = client.post("/faces", params={"landmarks": False}, content=picture)
    return bool(answer.raise_for_status().json()["faces"])


def _verify(client: httpx.Client, one: bytes, other: bytes) -> dict[str, Any]:
    answer = client.post(
        "/verify", params={"faces": "largest"}, files={"image1": one, "image2": other}
    )
    document: dict[str, Any] = answer.raise_for_status().json()
    return document


def _area(distances: list[float], same: list[bool]) -> float:
    """Return the area under the ROC; for that, two people are as good as many."""
    second = np.where(same, 0, 1)
    first = np.zeros_like(second)
    return area_under_roc(Pairs(distances=np.array(distances), first=first, second=second))


def markdown(url: str, data: Path, models: Path) -> str:  # noqa: ARG001  (as all tasks are called)
    """Return the table, or why there is none."""
    folder = data / "lfw"
    if not folder.is_dir():
        return f"skipped: accuracy of /verify needs {folder}"
    with httpx.Client(base_url=url, timeout=60) as client:
        figures = asdict(evaluate(client, folder))
    rows = (f"| {name} | {value:.5g} |" for name, value in figures.items())
    heading = "## /verify, all pairs of photographs, over HTTP\n\n| figure | value |\n|---|---|"
    return "\n".join([heading, *rows])
