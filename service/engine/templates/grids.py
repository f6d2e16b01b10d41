"""Readings of heads that are grids: YOLO's with anchor boxes, and CenterNet's maps."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from service.engine.templates.anchors import AnchorSet, HeadAnchors
from service.engine.templates.readings import Reading
from service.engine.templates.view import Shape, Value, View
from service.imaging.picture import Size

CENTERNET_STRIDES = (2, 4, 8)
ANCHORED_STRIDES = (8, 16, 32, 64)
Rows = tuple[dict[str, Value], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """An output that has values for every cell of a grid.

    Attributes:
        output: its name.
        layout: in the decoders' words.
        channels: the other axes: (A * V,) or (A, V), or (C,).
        stride: pixels from cell to cell.
    """

    output: str
    layout: str
    channels: tuple[int, ...]
    stride: int


def read_yolov2(sets: Callable[[int], Sequence[AnchorSet]]) -> Callable[[View], Iterator[Reading]]:
    """Return a reader of one head of five anchors.

    Args:
        sets: from a number of classes to the anchors, the likely ones first.
    """

    def read(view: View) -> Iterator[Reading]:
        for grid in _grids(view, ANCHORED_STRIDES):
            values = _values(grid, anchors=5)
            if values is None or values < 5:
                continue
            classes = view.classes or values - 5
            if values == 5:  # the objectness alone is the score of the only class
                classes = 0
            chosen, *others = sets(classes)
            head: dict[str, Value] = {
                "decoder": "yolov2",
                "output": grid.output,
                "num_classes": classes,
                "layout": grid.layout,
                "anchors": chosen.heads[0].boxes,
            }
            remarks = {"anchors": f"in cells, of {chosen.source}; yours are in the .cfg"}
            for other in others:
                boxes = ", ".join(f"[{w}, {h}]" for w, h in other.heads[0].boxes)
                remarks["anchors"] += f"\nof {other.source}: [{boxes}]"
            _note_applied(view, [grid], head, remarks)
            usual = grid.stride == chosen.heads[0].stride
            yield Reading(head=head, classes=classes or 1, usual=usual, remarks=remarks)

    return read


def read_heads(
    decoder: str, layouts: Sequence[str], sets: Sequence[AnchorSet]
) -> Callable[[View], Iterator[Reading]]:
    """Return a reader of several heads of three anchors.

    Args:
        decoder: that the heads are for.
        layouts: in which such networks come.
        sets: the anchors, with different strides.
    """

    def read(view: View) -> Iterator[Reading]:
        groups: dict[tuple[str, int], list[Grid]] = defaultdict(list)
        for grid in _grids(view, ANCHORED_STRIDES):
            values = _values(grid, anchors=3)
            if values is not None and values >= 5:
                groups[grid.layout, values].append(grid)
        for (layout, values), grids in groups.items():
            grids.sort(key=lambda grid: grid.stride)
            for chosen in sets:
                if chosen.strides == tuple(grid.stride for grid in grids):
                    classes = view.classes or values - 5
                    head: dict[str, Value] = {
                        "decoder": decoder,
                        "num_classes": classes,
                        "layout": layout,
                    }
                    remarks = {"heads": f"anchors in pixels, of {chosen.source}; check yours"}
                    _note_applied(view, grids, head, remarks)
                    head["heads"] = _rows(grids, chosen)
                    yield Reading(
                        head=head,
                        classes=classes,
                        usual=layout in layouts,
                        remarks=remarks,
                    )

    return read


def read_centernet(view: View) -> Iterator[Reading]:
    """Read a heat map (C, H, W), sizes (2, H, W) or distances (4, H, W), and offsets (2, H, W)."""
    groups: dict[tuple[str, int], list[Grid]] = defaultdict(list)
    for grid in _grids(view, CENTERNET_STRIDES):
        if len(grid.channels) == 1:
            groups[grid.layout, grid.stride].append(grid)
    for (layout, _), maps in groups.items():
        heat = _heatmap(maps, view.classes)
        rest = [one for one in maps if one is not heat]
        sides = [one for one in rest if one.channels == (4,)]
        pairs = sorted(
            (one for one in rest if one.channels == (2,)),
            key=lambda one: _named(one, "reg", "off"),  # what is not called so comes first
        )
        if heat is None or not (sides or pairs):
            continue
        classes = view.classes or heat.channels[0]
        head: dict[str, Value] = {"decoder": "centernet", "heatmap": heat.output}
        if sides:
            head |= {"regression": "ltrb", "box": sides[0].output, "units": "pixels"}
        else:
            head |= {"regression": "wh", "box": pairs[0].output}
            if len(pairs) > 1:
                head["offset"] = pairs[1].output
            head["units"] = "cells"
        head |= {"num_classes": classes, "layout": layout}
        activated = view.activated(heat.output)
        remarks = {"units": "of the sizes or distances; check"}
        head["activation"] = "none"
        if activated is False or (activated is None and not sides):
            # CenterNet's own network gives raw values; src/lib/detectors/ctdet.py activates them.
            head["activation"] = "sigmoid"
            remarks["activation"] = "of the heat map; none if the graph has it"
        yield Reading(head=head, classes=classes, remarks=remarks)


def _heatmap(maps: Sequence[Grid], classes: int | None) -> Grid | None:
    """Return the map that is called so, or has as many channels as there are classes, or most."""
    if len(maps) < 2:
        return None
    return max(
        maps,
        key=lambda one: (
            _named(one, "heat", "hm"),
            one.channels[0] == classes,
            one.channels[0],
        ),
    )


def _named(grid: Grid, *words: str) -> bool:
    return any(word in grid.output.casefold() for word in words)


def _note_applied(
    view: View, grids: Sequence[Grid], head: dict[str, Value], remarks: dict[str, str]
) -> None:
    """State which activations the graph contains, where it contains some."""
    if any(view.activated(grid.output) for grid in grids):
        head["applied"] = ["boxes", "classes", "objectness"]
        remarks["applied"] = "the graph has a sigmoid behind its last layers; check for which parts"


def _rows(grids: Sequence[Grid], anchors: AnchorSet) -> Rows:
    return tuple(_row(grid, head) for grid, head in zip(grids, anchors.heads, strict=True))


def _row(grid: Grid, head: HeadAnchors) -> dict[str, Value]:
    row: dict[str, Value] = {"output": grid.output, "anchors": head.boxes}
    return row if head.scale_x_y == 1.0 else {**row, "scale_x_y": head.scale_x_y}


def _values(grid: Grid, *, anchors: int) -> int | None:
    """Return the values of an anchor, 5 + C; None if the grid is not of so many anchors."""
    if len(grid.channels) == 2:
        return grid.channels[1] if grid.channels[0] == anchors else None
    [channels] = grid.channels
    return None if channels % anchors else channels // anchors


def _grids(view: View, strides: Sequence[int]) -> Iterator[Grid]:
    """Yield every output that is a grid of one of the strides, each in its likeliest layout."""
    for name, shape in view.of_rank(3, 4):
        for layout, channels, cells in _arrangements(shape):
            stride = _stride(view.size, cells)
            known = tuple(size for size in channels if size is not None)
            if stride is not None and stride in strides and len(known) == len(channels):
                yield Grid(output=name, layout=layout, channels=known, stride=stride)
                break


def _arrangements(shape: Shape) -> Iterator[tuple[str, Shape, Shape]]:
    """Yield layout, channels and (rows, columns) of the ways to see a grid in a shape."""
    if len(shape) == 4:
        yield "anchors_first", (shape[0], shape[3]), shape[1:3]
    else:
        yield "channels_first", shape[:1], shape[1:]
    yield "channels_last", shape[2:], shape[:2]
    if len(shape) == 4:
        yield "channels_first", shape[:2], shape[2:]


def _stride(size: Size, cells: Shape) -> int | None:
    """Return the pixels from cell to cell, None if they are not whole and the same on both axes."""
    rows, columns = cells
    if not rows or not columns or size[0] % rows or size[1] % columns:
        return None
    return size[0] // rows if size[0] // rows == size[1] // columns else None
