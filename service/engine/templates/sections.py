"""The sections of a manifest that do not depend on what the outputs mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from service.engine.checks import file_sha256
from service.engine.graph.metadata import GraphFile
from service.engine.manifest import MANIFEST, BatchAxis, Manifest, first_mistake
from service.engine.templates.catalogue import Feeding
from service.engine.templates.view import PictureInput, Value
from service.engine.templates.writing import to_toml
from service.imaging.geometry import Interpolation, ResizeRule
from service.imaging.picture import Size
from service.tasks.inputs import Color

FILE = "model.onnx"
LABELS = "labels.txt"
UNKNOWN = "unknown"
# How many pictures a GPU may take at once, if the graph allows it; a CPU takes them one by one.
OPEN_BATCH = 8
# What a graph that scales its pixels by itself begins with.
_SCALING = frozenset({"Add", "Div", "Mul", "Sub"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of the manifest, and remarks by its keys; "" is for the table as a whole."""

    table: Mapping[str, Value]
    remarks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What goes into a model folder beside the graph.

    Attributes:
        manifest: the text of model.toml.
        labels: class names in class-id order, one a line of labels.txt.
    """

    manifest: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """(H, W) of the network input, and who says so."""

    size: Size
    source: str = ""

    @classmethod
    def of(cls, graph: GraphFile, picture: PictureInput, usual: Size) -> "Sizing":
        """Return the graph's own size, else that of its metadata, else the usual one."""
        height, width = picture.sides
        if height is not None and width is not None:
            return cls(size=(height, width))
        stated = graph.notes.input_size
        where = "is usual, check" if stated is None else "is in its metadata"
        other = stated or usual
        return cls(
            size=(height or other[0], width or other[1]),
            source=f"the graph takes other sizes too; this one {where}",
        )


def numbered(classes: int) -> tuple[str, ...]:
    """Return names for classes that have none.

    >>> numbered(2)
    ('class 0', 'class 1')
    """
    return tuple(f"class {number}" for number in range(classes))


def compose(header: Section, **sections: Section) -> str:
    """Return the manifest's text, sections in the order given.

    Raises:
        ManifestError: it would not be valid, for example the model's name; names the key.
    """
    document = dict(header.table)
    remarks = dict(header.remarks)
    for name, section in sections.items():
        document[name] = section.table
        remarks |= {f"{name}.{key}".rstrip("."): text for key, text in section.remarks.items()}
    try:
        Manifest.model_validate({key: document[key] for key in document if key != "config"})
    except ValidationError as error:
        raise first_mistake(Path(MANIFEST), error) from error
    return to_toml(document, remarks)


def header(graph: GraphFile, *, name: str, task: str, description: str) -> Section:
    """Return the keys above all sections."""
    notes = graph.notes
    exporter = " ".join(part for part in (notes.author, notes.version) if part)
    source = f"{graph.path.name}, exported by {exporter}" if exporter else graph.path.name
    table: dict[str, Value] = {
        "name": name,
        "task": task,
        "file": FILE,
        "sha256": file_sha256(graph.path),
        "license": notes.license or UNKNOWN,
        "source": source,
        "description": description,
    }
    remarks = {"source": "fill in: where the weights come from, pinned so that others find them"}
    if notes.license is None:
        remarks["license"] = "fill in: under which terms may the weights be used?"
    else:
        remarks["license"] = "as the graph's metadata says; check that it covers the weights"
    return Section(table=table, remarks=remarks)


def input_section(
    graph: GraphFile, picture: PictureInput, sizing: Sizing, feeding: Feeding
) -> Section:
    """Return `[input]`: the graph's part of it, and what the generation was trained to see."""
    info = picture.info
    table: dict[str, Value] = {
        "name": info.name,
        "size": list(sizing.size),
        "layout": picture.layout.value,
        "color": (Color.GRAY if picture.channels == 1 else feeding.color).value,
        "resize": feeding.resize.value,
    }
    if feeding.resize is ResizeRule.LETTERBOX:
        table |= {"align": feeding.align.value, "pad": feeding.pad}
    if feeding.resize is ResizeRule.CROP:
        table["short_side"] = max(1, round(feeding.short_side * max(sizing.size)))
    table["interpolation"] = Interpolation.BILINEAR.value
    remarks = {
        "": f"As {feeding.source}; check.\n{feeding.others}",
        "size": sizing.source,
        "layout": f"the graph takes {info.dtype}",
    }
    if info.dtype == "uint8":
        remarks["layout"] += " 0..255, so it scales and normalises by itself"
        return Section(table=table, remarks=remarks)
    table["scale"] = feeding.scale
    remarks["scale"] = "tensor = (pixel 0..255 * scale - mean) / std"
    if feeding.scale != 1.0 and graph.first_steps(info.name) & _SCALING:
        steps = ", ".join(sorted(graph.first_steps(info.name) & _SCALING))
        remarks["scale"] += f"\nthe graph begins with {steps}: if it divides by 255 itself, say 1.0"
    if feeding.mean and picture.channels == 3:
        table |= {"mean": list(feeding.mean), "std": list(feeding.std)}
    return Section(table=table, remarks=remarks)


def batch_section(picture: PictureInput, axis: BatchAxis, *, open_outputs: bool) -> Section:
    """Return `[batch]`.

    Args:
        picture: the input.
        axis: which tensors have a batch axis.
        open_outputs: whether the outputs' batch varies too.
    """
    if axis is not BatchAxis.ALL:
        table: dict[str, Value] = {"max_size": 1, "axis": axis.value}
        what = "outputs have" if picture.batched else "graph has"
        return Section(table=table, remarks={"axis": f"the {what} no batch axis: a picture a run"})
    if picture.batch is None and open_outputs:
        remark = "the graph's batch varies; pictures share a run on a GPU"
        return Section(table={"max_size": OPEN_BATCH}, remarks={"max_size": remark})
    return Section(table={"max_size": 1}, remarks={"max_size": "the graph's batch is fixed at 1"})
