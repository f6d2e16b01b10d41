"""Which decoder reads a graph, and the manifest that says so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.engine.graph.metadata import GraphFile
from service.engine.templates.catalogue import TEMPLATES, Template
from service.engine.templates.readings import Reading
from service.engine.templates.sections import (
    LABELS,
    Draft,
    Section,
    Sizing,
    batch_section,
    compose,
    header,
    input_section,
    numbered,
)
from service.engine.templates.view import PictureInput, View, views
from service.errors import InvalidOption, ManifestError
from service.tasks.base import ConfigError, Network, TensorInfo
from service.tasks.detect import Detect, DetectConfig
from service.tasks.inputs import Color, InputSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A graph, and what is known of it before its outputs are looked at."""

    graph: GraphFile
    picture: PictureInput
    names: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A reading of the graph that the task accepts; without labels if nothing says how many."""

    template: Template
    reading: Reading
    view: View
    sizing: Sizing
    labels: tuple[str, ...]

    def says_the_same(self, other: "Fit") -> bool:
        """Say whether the other one would make the same manifest."""
        return (self.reading.head, self.template.feeding, self.sizing) == (
            other.reading.head,
            other.template.feeding,
            other.sizing,
        )


def draft_detector(
    graph: GraphFile, *, name: str, decoder: str | None, names: Sequence[str] | None
) -> Draft:
    """Return the folder of a detector.

    Args:
        graph: the file.
        name: of the model.
        decoder: a template's name; None: whichever fits.
        names: class names; None: those of the metadata, or else numbers.

    Raises:
        InvalidOption: there is no such template.
        ManifestError: the graph contradicts the template, or fits none or several; says which.
    """
    known = graph.notes.class_names if names is None else tuple(names)
    candidate = Candidate(graph=graph, picture=PictureInput.of(graph), names=known)
    if graph.notes.task not in {None, "detect"}:
        reason = f"its metadata says that it is for {graph.notes.task!r}, not for detection"
        raise ManifestError(graph.path, "", reason)
    fit = _only(candidate) if decoder is None else _called(candidate, decoder)
    if not fit.labels:
        reason = f"is a {fit.template.name}, but nothing says how many classes there are"
        raise ManifestError(graph.path, "", f"{reason}: name them with --labels FILE")
    return _draft(candidate, fit, name)


def _called(candidate: Candidate, decoder: str) -> Fit:
    """Return how the template of that name reads the graph."""
    rows = [one for one in TEMPLATES if decoder in {one.name, *one.also}]
    if not rows:
        known = ", ".join(one.name for one in TEMPLATES)
        raise InvalidOption("decoder", f"there is no {decoder!r}; there are {known}")
    attempts = [_fit(row, candidate) for row in rows]
    fits = _distinct(attempts)
    if fits:
        return fits[0]
    reason = "; ".join(f"{row.name}: {said}" for row, said in zip(rows, attempts, strict=True))
    others = _distinct(_fit(one, candidate) for one in TEMPLATES if one not in rows)
    hint = f"; it fits {_either(others)}" if others else ""
    path = candidate.graph.path
    raise ManifestError(path, "", f"{reason}{hint}. Found: {candidate.graph.describe()}")


def _only(candidate: Candidate) -> Fit:
    """Return how the only template that fits reads the graph."""
    attempts = [_fit(one, candidate) for one in TEMPLATES]
    fits = _distinct(attempts)
    if len(fits) == 1:
        return fits[0]
    path, found = candidate.graph.path, candidate.graph.describe()
    if fits:
        reason = f"fits {_either(fits)}: choose with --decoder"
        raise ManifestError(path, "", f"{reason}. Found: {found}")
    objections = (f"\n  {row.name}: {said}" for row, said in zip(TEMPLATES, attempts, strict=True))
    raise ManifestError(path, "", f"fits no decoder. Found: {found}{''.join(objections)}")


def _distinct(attempts: Iterable[Fit | str]) -> list[Fit]:
    """Return the fits that look as such networks do, else all, one of those that say the same."""
    fits = [one for one in attempts if isinstance(one, Fit)]
    chosen: list[Fit] = []
    for fit in [one for one in fits if one.reading.usual] or fits:
        if not any(fit.says_the_same(other) for other in chosen):
            chosen.append(fit)
    return chosen


def _either(fits: Sequence[Fit]) -> str:
    return " or ".join(fit.template.name for fit in fits)


def _fit(template: Template, candidate: Candidate) -> Fit | str:
    """Return the first reading that the task accepts, or why it accepts none."""
    graph, picture, names = candidate.graph, candidate.picture, candidate.names
    sizing = Sizing.of(graph, picture, template.size)
    objections = []
    for view in views(graph, picture, sizing.size, len(names) if names else None):
        for reading in sorted(template.read(view), key=lambda one: not one.usual):
            labels = names or numbered(reading.classes or 0)
            said = _objection(picture, view, reading, labels or numbered(1))
            if said is None:
                return Fit(
                    template=template, reading=reading, view=view, sizing=sizing, labels=labels
                )
            objections.append(said)
    return objections[0] if objections else f"wants {template.wants}"


def _objection(
    picture: PictureInput, view: View, reading: Reading, labels: tuple[str, ...]
) -> str | None:
    """Return what the task says against a reading when it is bound to it, None for nothing."""
    taken = picture.info
    if not picture.batched:
        taken = TensorInfo(taken.name, (1, *taken.shape), taken.dtype)
    network = Network(
        name="",
        input=InputSpec(
            size=view.size,
            layout=picture.layout,
            color=Color.RGB if picture.channels == 3 else Color.GRAY,
        ),
        inputs=(taken,),
        outputs=view.tensors,
    )
    config = DetectConfig.model_validate({"labels": list(labels), "head": reading.head})
    try:
        Detect(network, config)
    except ConfigError as error:
        return str(error)
    return None


def _draft(candidate: Candidate, fit: Fit, name: str) -> Draft:
    graph, picture, template = candidate.graph, candidate.picture, fit.template
    height, width = fit.sizing.size
    open_outputs = all(info.shape[0] is None for info in fit.view.tensors)
    text = compose(
        header(
            graph,
            name=name,
            task="detect",
            description=f"{template.name} detector, {len(fit.labels)} classes, {height}x{width}",
        ),
        input=input_section(graph, picture, fit.sizing, template.feeding),
        batch=batch_section(picture, fit.view.axis, open_outputs=open_outputs),
        config=_config(fit, named=candidate.names is not None),
    )
    return Draft(manifest=text, labels=fit.labels)


def _config(fit: Fit, *, named: bool) -> Section:
    remarks = {f"head.{key}": text for key, text in fit.reading.remarks.items()}
    if not named:
        remarks["labels"] = "the graph does not name its classes: write their names into it"
    remarks["score_threshold"] = "callers may ask for another one; so they may for iou_threshold"
    table = {
        "labels": LABELS,
        "score_threshold": fit.template.score_threshold,
        "iou_threshold": DetectConfig.model_fields["iou_threshold"].default,
        "head": fit.reading.head,
    }
    return Section(table=table, remarks=remarks)
