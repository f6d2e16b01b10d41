"""What scaled decoding saves: one 12-megapixel JPEG, classified both ways, interleaved."""

import io
import statistics
import time

from PIL import Image

from bench.pictures import TWELVE_MEGAPIXELS, photograph
from bench.report import publish
from service.app import open_models
from service.engine.deadline import Deadline
from service.engine.pipeline import Encoded
from service.imaging.decode import DecodeLimits, Scale, full_size
from service.imaging.picture import Picture
from service.settings import Settings
from service.telemetry import Metrics

ROUNDS = 15
BY_THE_BOOK = "full decode, bicubic resize"


class _FullyDecoded(Encoded):
    """The same picture from somebody who never heard of DCT scaling."""

    def open(self, scale: Scale) -> Picture:
        del scale
        return super().open(full_size)


class _ByTheBook(Encoded):
    """Decoded and resized whole, as tutorials and reference pipelines do it."""

    def open(self, scale: Scale) -> Picture:
        with Image.open(io.BytesIO(self.data)) as file:
            image = file.convert("RGB")
        height, width = scale((image.height, image.width))
        resized = image.resize((width, height), Image.Resampling.BICUBIC)
        return Picture(resized, (image.height, image.width))


def main() -> None:
    """Measure and publish."""
    models = open_models(Settings(), Metrics())
    model = models.find("classify")
    options = model.folder.task_type.options_type()
    data = photograph(*TWELVE_MEGAPIXELS)
    sources = {
        "scaled decode": Encoded(data, DecodeLimits()),
        "full decode, block-averaged resize": _FullyDecoded(data, DecodeLimits()),
        BY_THE_BOOK: _ByTheBook(data, DecodeLimits()),
    }
    elapsed: dict[str, list[float]] = {name: [] for name in sources}
    best: dict[str, str] = {}
    for _ in range(ROUNDS):
        for name, source in sources.items():
            started = time.perf_counter()
            answer = model.pipeline.submit(source, options, Deadline.never()).result()
            elapsed[name].append((time.perf_counter() - started) * 1000)
            best[name] = answer.result.predictions[0].label
    models.close()
    medians = {name: statistics.median(values) for name, values in elapsed.items()}
    publish(
        "decoding",
        f"/classify of a 12-megapixel JPEG of {len(data) / 1e6:.1f} MB, {ROUNDS} rounds",
        [
            {
                "way": name,
                "median ms": medians[name],
                "times faster": medians[BY_THE_BOOK] / medians[name],
                "answer": best[name],
            }
            for name in sources
        ],
    )
