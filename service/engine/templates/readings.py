"""What a decoder has to be told about a graph, and the readings of heads that join their rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from service.engine.templates.view import STRIDES, Value, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to understand a graph's outputs.

    Attributes:
        head: `[config.head]`, in the order in which it is written.
        classes: how many there are; None if neither the outputs nor the metadata say.
        usual: whether that is how such networks look, not only a shape that happens to fit.
        remarks: by key of the head, what the reader of the manifest should know.
    """

    head: Mapping[str, Value]
    classes: int | None
    usual: bool = True
    remarks: Mapping[str, str] = field(default_factory=dict)


# End-to-end networks give a few hundred rows; thousands are cells that want suppression.
MOST_ROWS = 1000
# What the last steps of turning cells into boxes are, and of a raw head never.
_DECODING = frozenset({"Div", "Exp"})


def read_yolov8(view: View) -> Iterator[Reading]:
    """Read (4 + C, A), or the other way round, A the cells of all strides."""
    for name, shape in view.of_rank(2):
        first = _channels_first(view, shape)
        channels, cells = shape if first else shape[::-1]
        found = view.strides_of(cells)
        classes = view.classes or (channels and channels - 4)
        if classes is None or classes < 1:
            continue
        head: dict[str, Value] = {"decoder": "yolov8", "output": name, "num_classes": classes}
        if found != STRIDES[0] or not first:
            head |= {
                "strides": found or _strides(view),
                "layout": "channels_first" if first else "channels_last",
            }
        remarks = {}
        if view.activated(name) is False:
            head["activation"] = "sigmoid"
            remarks["activation"] = "the graph has none behind its last layer"
        usual = found is not None and first
        yield Reading(head=head, classes=classes, usual=usual, remarks=remarks)


def read_yolov5(view: View) -> Iterator[Reading]:
    """Read the rows (A, 5 + C) that the exports of YOLOv5 to YOLOv7 decode and join."""
    for name, (rows, values) in view.of_rank(2):
        if values is None or values < 5 or (rows is not None and rows < values):
            continue
        classes = view.classes or values - 5
        head: dict[str, Value] = {"decoder": "yolov5", "output": name, "num_classes": classes}
        usual = rows is None or view.strides_of(rows, anchors=3) is not None
        usual |= _decoded(view, name) and view.strides_of(rows) is not None  # YOLOv6 has no anchors
        yield Reading(head=head, classes=classes, usual=usual)


def read_yolox(view: View) -> Iterator[Reading]:
    """Read the rows (A, 5 + C), A the cells of all strides."""
    for name, (cells, values) in view.of_rank(2):
        if values is None or values < 6:
            continue
        found = view.strides_of(cells)
        classes = view.classes or values - 5
        head: dict[str, Value] = {
            "decoder": "yolox",
            "output": name,
            "num_classes": classes,
            "strides": found or _strides(view),
        }
        remarks = {}
        if view.activated(name) is False:
            head["applied"] = []
            remarks["applied"] = "the graph has no sigmoid behind its last layers"
        usual = found is not None and not _decoded(view, name)
        yield Reading(head=head, classes=classes, usual=usual, remarks=remarks)


def read_yolo_end2end(view: View) -> Iterator[Reading]:
    """Read the rows (N, 6): x1, y1, x2, y2, score, class."""
    for name, (rows, values) in view.of_rank(2):
        if values == 6:
            head: dict[str, Value] = {
                "decoder": "yolo_end2end",
                "output": name,
                "num_classes": view.classes or 1,
            }
            cells = view.strides_of(rows) or view.strides_of(rows, anchors=3)
            usual = rows is None or (rows <= MOST_ROWS and not cells)
            yield Reading(head=head, classes=view.classes, usual=usual)


def _decoded(view: View, output: str) -> bool:
    return bool(view.graph.origins(output) & _DECODING)


def _channels_first(view: View, shape: tuple[int | None, ...]) -> bool:
    """Say which of two axes has the channels: the one that does not count cells, or is shorter.

    An axis that is still open counts cells: their number depends on the input's size.
    """
    first, last = shape
    if last is None or view.strides_of(last):
        return True
    if first is None or view.strides_of(first):
        return False
    return first <= last


def _strides(view: View) -> tuple[int, ...]:
    """Return the usual strides up to the largest one that the metadata names."""
    stated = (strides for strides in STRIDES if strides[-1] == view.graph.notes.stride)
    return next(stated, STRIDES[0])
