"""What everybody is asked: the same bytes for all, and what they are asked of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.models import folder_of
from bench.pictures import TWELVE_MEGAPIXELS, photograph


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of request.

    Attributes:
        task: classify, digit or detect; each contestant has a path for it.
        picture: makes the bytes of the file that is uploaded.
    """

    task: str
    picture: Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A stream of requests.

    Attributes:
        title: for tables.
        questions: asked in turns; one, but for the mixed stream.
    """

    title: str
    questions: tuple[Question, ...]


def digit() -> bytes:
    """Return a small PNG of a handwritten seven: the digit model's own golden picture."""
    return (folder_of("digit").path / "golden.png").read_bytes()


_CLASSIFY = Question("classify", partial(photograph, 500, 375))
_CLASSIFY_LARGE = Question("classify", partial(photograph, *TWELVE_MEGAPIXELS))
_DETECT = Question("detect", partial(photograph, 640, 480))
_PNG = Question("classify", partial(photograph, 500, 375, "PNG"))

WORKLOADS = {
    "classify-small": Workload(title="classify, 500x375 JPEG", questions=(_CLASSIFY,)),
    "classify-12mp": Workload(title="classify, 12-megapixel JPEG", questions=(_CLASSIFY_LARGE,)),
    "detect-small": Workload(title="detect, 640x480 JPEG", questions=(_DETECT,)),
    "detect-12mp": Workload(
        title="detect, 12-megapixel JPEG",
        questions=(Question("detect", _CLASSIFY_LARGE.picture),),
    ),
    "mixed": Workload(
        title="mixed: 6 small JPEGs, 1 PNG, 1 of 12 megapixels; half classify, half detect",
        questions=(_CLASSIFY, _DETECT, _CLASSIFY, _DETECT, _PNG, _DETECT, _CLASSIFY_LARGE, _DETECT),
    ),
    "png": Workload(title="classify, 500x375 PNG", questions=(_PNG,)),
    "tiny": Workload(
        title="tiny model (LeNet), PNG of 1.5 kB", questions=(Question("digit", digit),)
    ),
}
