"""Readings of detectors whose boxes and scores are outputs of their own: NanoDet, R-CNN, DETR."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from service.engine.templates.readings import Reading
from service.engine.templates.view import Value, View

LEVEL_STRIDES = (8, 16, 32, 64, 128)
# 4 (n + 1) distance bins for the n of NanoDet's configurations: 7 and 10.
KNOWN_BINS = (32, 44)
Level = dict[str, tuple[str, int]]


def read_nanodet(view: View) -> Iterator[Reading]:
    """Read scores (A, C) and distance bins (A, 4 (n + 1)) for each stride."""
    levels = _levels(view)
    pairs = [_scores_and_bins(outputs, view.classes) for outputs in levels.values()]
    widths = {(scores[1], bins[1]) for scores, bins in filter(None, pairs)}
    if not pairs or None in pairs or len(widths) != 1:
        return
    [(classes, bins)] = widths
    classes = view.classes or classes
    head: dict[str, Value] = {
        "decoder": "nanodet",
        "num_classes": classes,
        "reg_max": bins // 4 - 1,
        # NanoDet-Plus, the one with four strides, measures from its cells' corners.
        "cell_offset": 0.0 if len(levels) == 4 else 0.5,
    }
    remarks = {"cell_offset": "0.5 for NanoDet, 0.0 for NanoDet-Plus; check"}
    rows: list[dict[str, Value]] = []
    for stride, pair in zip(levels, pairs, strict=True):
        assert pair is not None
        (scores, _), (distances, _) = pair
        rows.append({"scores": scores, "distances": distances, "stride": stride})
        if view.activated(scores) is False:
            head["activation"] = "sigmoid"
            remarks["activation"] = "the graph has none behind its last layers"
    head["levels"] = rows
    yield Reading(head=head, classes=classes, remarks=remarks)


def read_boxes_scores_labels(view: View) -> Iterator[Reading]:
    """Read boxes (N, 4) beside scores (N,) and labels (N,), in whatever order."""
    boxes = [name for name, shape in view.of_rank(2) if shape[1] in {4, None}]
    labels = [name for name, _ in view.of_rank(1, integers=True)]
    numbers = [name for name, _ in view.of_rank(1)]
    if not labels:  # some exporters give labels as floats
        labels = [name for name in numbers if _called(name, "label", "class")]
    scores = [name for name in numbers if name not in labels]
    if len(boxes) == len(labels) == len(scores) == 1:
        head: dict[str, Value] = {
            "decoder": "boxes_scores_labels",
            "boxes": boxes[0],
            "scores": scores[0],
            "labels": labels[0],
            "num_classes": view.classes or 1,
            "background": "first",
        }
        remarks = {"background": "label 0, as torchvision counts; none if 0 is the first class"}
        yield Reading(head=head, classes=view.classes, remarks=remarks)


def read_detr(view: View) -> Iterator[Reading]:
    """Read boxes (N, 4) beside class values (N, C) or (N, C + 1)."""
    tables = dict(view.of_rank(2))
    boxes = [name for name, shape in tables.items() if shape[1] == 4]
    if len(boxes) > 1:
        boxes = [name for name in boxes if _called(name, "box")]
    values = [name for name in tables if name not in boxes]
    if len(boxes) != 1 or len(values) != 1:
        return
    places = tables[values[0]][1]
    if places is None:
        return
    # DETR has a place for "no object" and softmax; RT-DETR and its kin have neither.
    background = view.classes != places
    classes = view.classes or places - 1
    if classes < 1:
        return
    head: dict[str, Value] = {
        "decoder": "boxes_scores_labels",
        "boxes": boxes[0],
        "scores": values[0],
        "num_classes": classes,
        "background": "last" if background else "none",
        "activation": "softmax" if background else "sigmoid",
        "box_format": "cxcywh",
        "normalized": True,
    }
    remarks = {
        "background": "the place of 'no object': last for DETR, none for RT-DETR",
        "activation": "softmax for DETR, sigmoid for RT-DETR",
        "box_format": "xyxy if they are corners",
        "normalized": "false if the boxes are in pixels",
    }
    if view.activated(values[0]):
        head["activation"] = "none"
        remarks["activation"] = "the graph has it"
    yield Reading(head=head, classes=classes, remarks=remarks)


def _levels(view: View) -> dict[int, list[tuple[str, int]]]:
    """Return the names and widths of the tables (A, V), by the stride that has A cells."""
    levels: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for name, (cells, values) in view.of_rank(2):
        strides = [stride for stride in LEVEL_STRIDES if cells == view.cells([stride])]
        if strides and values is not None:
            levels[strides[0]].append((name, values))
    return dict(sorted(levels.items()))


def _scores_and_bins(
    outputs: Sequence[tuple[str, int]], classes: int | None
) -> tuple[tuple[str, int], tuple[str, int]] | None:
    """Return the scores and the distance bins of a stride, None where these cannot be told apart.

    Names tell, or the number of classes, or the usual numbers of bins.
    """
    if len(outputs) != 2:
        return None
    ranked = sorted(
        outputs,
        key=lambda one: (
            not _called(one[0], "cls", "class", "score"),
            one[1] != classes,
            one[1] in KNOWN_BINS,
        ),
    )
    scores, bins = ranked
    return (scores, bins) if bins[1] % 4 == 0 and bins[1] >= 8 else None


def _called(name: str, *words: str) -> bool:
    return any(word in name.casefold() for word in words)
