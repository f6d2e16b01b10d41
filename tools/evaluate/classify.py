"""Top-1 and top-5 of /classify, and how often scaled decoding changes the answer."""

from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from service.engine.manifest import read_folder
from service.engine.session import Device, OrtSession

MODEL = "efficientnet-lite0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Shares of the photographs, 0..1.

    Attributes:
        photos: how many there were.
        top1, top5: the true class is first, or among the first five.
        same_as_reference: the first class is that of a full decode, bicubic resize of the whole
            picture and centre crop, in process.
    """

    photos: int
    top1: float
    top5: float
    same_as_reference: float

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def evaluate(url: str, photos: Path, models: Path) -> Accuracy:
    """Put every photograph to the server; its file name begins with its class id."""
    paths = sorted(photos.glob("*.JPEG"))
    reference = Reference(models / MODEL)
    first, five, same = 0, 0, 0
    with httpx.Client(base_url=url, timeout=60) as client:
        for path in paths:
            answer = client.post(
                "/classify", params={"model": MODEL, "top_k": 5}, content=path.read_bytes()
            )
            ranked = [one["class_id"] for one in answer.raise_for_status().json()["predictions"]]
            truth = int(path.name.split("_", 1)[0])
            first += ranked[0] == truth
            five += truth in ranked
            same += ranked[0] == reference.best(path)
    count = len(paths)
    return Accuracy(
        photos=count, top1=first / count, top5=five / count, same_as_reference=same / count
    )


def markdown(url: str, data: Path, models: Path) -> str:
    """Return the table, or why there is none."""
    photos = data / "imagenet"
    if not photos.is_dir():
        return f"skipped: accuracy of /classify needs {photos}"
    figures = evaluate(url, photos, models).as_dict()
    rows = (f"| {name} | {value:g} |" for name, value in figures.items())
    heading = f"## /classify, {MODEL}, over HTTP\n\n| figure | value |\n|---|---|"
    return "\n".join([heading, *rows])


class Reference:
    """The classifier as its paper feeds it: nothing scaled, nothing skipped."""

    def __init__(self, folder: Path) -> None:
        """Open the folder's graph."""
        self._folder = read_folder(folder)
        self._session = OrtSession(self._folder.graph_path, device=Device.CPU, threads=1)

    def best(self, path: Path) -> int:
        """Return the class with the highest logit."""
        spec = self._folder.manifest.input
        with Image.open(path) as file:
            image = file.convert("RGB")
        scale = spec.short_side / min(image.size)
        width, height = round(image.width * scale), round(image.height * scale)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
        left, top = (width - spec.size[1]) // 2, (height - spec.size[0]) // 2
        image = image.crop((left, top, left + spec.size[1], top + spec.size[0]))
        logits = self._session.run({"image": np.asarray(image)[None]})["logits"]
        return int(np.argmax(logits))
