"""The manifest of a classifier."""

from collections.abc import Sequence

from service.engine.graph.metadata import GraphFile
from service.engine.manifest import BatchAxis
from service.engine.templates.catalogue import IMAGENET_MEAN, IMAGENET_STD, Feeding
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
from service.engine.templates.view import PictureInput, Value
from service.errors import ManifestError
from service.imaging.geometry import ResizeRule
from service.tasks.base import TensorInfo
from service.tasks.classify import Activation

SIZE = (224, 224)
_TORCHVISION = Feeding(
    source="torchvision feeds networks trained on ImageNet: short side 256, centre crop 224",
    others="Keras' MobileNet and Inception: scale = 1.0, mean = [127.5], std = [127.5];\n"
    "its EfficientNet: scale = 1.0, without mean and std.",
    resize=ResizeRule.CROP,
    short_side=256 / 224,
    scale=1 / 255,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
)
_ULTRALYTICS = Feeding(
    source="Ultralytics feeds its classifiers (classify_transforms)",
    resize=ResizeRule.CROP,
    scale=1 / 255,
)


def draft_classifier(graph: GraphFile, *, name: str, names: Sequence[str] | None) -> Draft:
    """Return the folder of a classifier.

    Args:
        graph: the file.
        name: of the model.
        names: class names; None: those of the metadata, or else numbers.

    Raises:
        ManifestError: the graph does not give scores of classes for one picture.
    """
    picture = PictureInput.of(graph)
    known = graph.notes.class_names if names is None else tuple(names)
    ultralytics = graph.notes.task == "classify"
    sizing = Sizing.of(graph, picture, SIZE)
    output, classes = _scores(graph, picture, sizing, known)
    labels = known or numbered(classes)
    height, width = sizing.size
    text = compose(
        header(
            graph,
            name=name,
            task="classify",
            description=f"classifier, {classes} classes, {height}x{width}",
        ),
        input=input_section(graph, picture, sizing, _ULTRALYTICS if ultralytics else _TORCHVISION),
        batch=batch_section(picture, BatchAxis.ALL, open_outputs=output.shape[0] is None),
        config=_config(graph, output.name, named=known is not None),
    )
    return Draft(manifest=text, labels=labels)


def _scores(
    graph: GraphFile, picture: PictureInput, sizing: Sizing, names: Sequence[str] | None
) -> tuple[TensorInfo, int]:
    """Return the output with a score for each class, and how many there are."""
    outputs = graph.outputs_at(sizing.size, picture.layout.value)
    found = {info.name: _classes(info) for info in outputs}
    wanted = len(names) if names else None
    fitting = [
        info
        for info in outputs
        if found[info.name] is not None and (wanted is None or found[info.name] == wanted)
    ]
    if not picture.batched or len(fitting) != 1:
        what = f"{wanted} classes" if wanted else "classes"
        reason = f"not one output with scores of {what} for one picture: {graph.describe()}"
        raise ManifestError(graph.path, "", reason)
    [output] = fitting
    return output, found[output.name] or 0


def _classes(info: TensorInfo) -> int | None:
    """Return how many classes a tensor (N, C), or (N, C, 1, 1), scores."""
    axes = [size for size in info.shape[1:] if size != 1]
    floats = info.dtype.startswith("float")
    return axes[0] if floats and len(axes) == 1 and info.shape[0] in {1, None} else None


def _config(graph: GraphFile, output: str, *, named: bool) -> Section:
    remarks = {}
    activation = Activation.SOFTMAX
    remarks["activation"] = "softmax for one class a picture, sigmoid for several, none if applied"
    if graph.origins(output) & {"Sigmoid", "Softmax"}:
        activation = Activation.NONE
        remarks["activation"] = "the graph ends with it already"
    if not named:
        remarks["labels"] = "the graph does not name its classes: write their names into it"
    table: dict[str, Value] = {"labels": LABELS, "output": output, "activation": activation.value}
    return Section(table=table, remarks=remarks)
