"""Which of its classes a network sees in a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from service.arrays import F32, Array
from service.errors import InvalidOption
from service.imaging.geometry import Resized
from service.imaging.picture import Picture
from service.tasks.base import ConfigError, Network, Options, Prepared, Task, TaskConfig
from service.tasks.labels import Label, Labels

# Where five-crop evaluation looks, as (y, x) with 0 = top or left and 1 = bottom or right:
# four corners and the centre (Krizhevsky et al., ImageNet classification, 2012, section 4.1).
FIVE_CROPS = ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))


class Activation(StrEnum):
    """How the network's output becomes scores: classes that exclude each other, or do not."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    NONE = "none"


class ClassifyConfig(TaskConfig):
    """What `[config]` says for a classifier."""

    labels: Labels
    output: str | None = Field(None, description="Scores; default: the graph's only output.")
    features: str | None = Field(None, description="The feature vector before the classifier.")
    activation: Activation = Activation.SOFTMAX
    top_k: int = Field(5, ge=1)
    min_score: float = Field(0.0, ge=0, le=1)


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class ClassifyOptions(Options):
    """What a caller of /classify may choose."""

    top_k: int | None = Field(None, ge=1, le=1000, description="How many classes at most.")
    min_score: float | None = Field(None, ge=0, le=1, description="Leave out classes below.")
    # A query carries text, which a literal of numbers alone would refuse.
    crops: Annotated[Literal[1, 5, 10], BeforeValidator(_number)] = Field(
        1, description="Look once, at centre and corners, or at those and their mirror images."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One class and its score; `external_id` is the data set's own name for the class."""

    class_id: int
    label: str
    score: float
    external_id: str | None = None

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer; without a foreign id there is no such member."""
        named = {"class_id": self.class_id, "label": self.label, "score": self.score}
        return named if self.external_id is None else {**named, "external_id": self.external_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The best classes, best first, and the scores of all of them for those who average."""

    predictions: tuple[Prediction, ...]
    scores: F32 = field(repr=False)
    """(C,), 0..1, averaged over the crops."""

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer."""
        return {"predictions": [one.answer() for one in self.predictions]}

    def text(self) -> str:
        """Return a line for each class."""
        return "\n".join(f"{one.score:8.1%}  {one.label}" for one in self.predictions)


class Classify(Task[ClassifyConfig, ClassifyOptions, Classification]):
    """Softmax or sigmoid over the network's scores, averaged over crops, best first."""

    name = "classify"
    config_type: ClassVar[type[TaskConfig]] = ClassifyConfig
    options_type: ClassVar[type[Options]] = ClassifyOptions

    def __init__(self, network: Network, config: ClassifyConfig) -> None:
        """Bind the task; the graph must give as many scores as there are labels."""
        super().__init__(network, config)
        output = network.output_info(config.output, "config.output")
        if config.features is not None:
            network.output_info(config.features, "config.features")
        classes = [size for size in output.shape[1:] if size != 1] or [1]
        if None not in classes and classes != [len(config.labels)]:
            raise ConfigError(
                "config.labels",
                f"{len(config.labels)} labels, but {output.name} gives {output.shape[1:]}",
            )
        self._output = output.name

    def preprocess(self, picture: Picture, options: ClassifyOptions) -> Prepared:
        """Return one row a crop: centre first, then the corners, then all of them mirrored."""
        if options.crops == 1:
            return Prepared(tensors=self.tensor([self.resize(picture)]))
        views = [self.resize.crop(picture, y, x) for y, x in FIVE_CROPS]
        if options.crops == 10:
            views += [Resized(view.pixels[:, ::-1], view.to_source) for view in views]
        return Prepared(tensors=self.tensor(views))

    def postprocess(
        self,
        outputs: Mapping[str, Array],
        prepared: Prepared,  # noqa: ARG002  (a class needs no way back to the pixels)
        options: ClassifyOptions,
    ) -> Classification:
        """Return the best classes of one picture."""
        raw = np.asarray(outputs[self._output], np.float32)
        logits = raw.reshape(len(raw), len(self.config.labels))
        return self.rank(activate(logits, self.config.activation).mean(axis=0), options)

    def rank(self, scores: F32, options: ClassifyOptions) -> Classification:
        """Return the `top_k` classes with at least `min_score`; ties keep class order.

        Args:
            scores: (C,), 0..1.
            options: the caller's.
        """
        top_k = self.config.top_k if options.top_k is None else options.top_k
        min_score = self.config.min_score if options.min_score is None else options.min_score
        order = np.argsort(-scores, kind="stable")[:top_k]
        labels = self.config.labels
        predictions = tuple(
            _prediction(int(index), float(scores[index]), labels[index])
            for index in order
            if scores[index] >= min_score
        )
        return Classification(predictions=predictions, scores=scores)


def activate(logits: F32, activation: Activation) -> F32:
    """Return scores in 0..1 for (N, C) logits; softmax over C is shifted so as not to overflow.

    >>> activate(np.array([[0.0, 1000.0]], np.float32), Activation.SOFTMAX)
    array([[0., 1.]], dtype=float32)
    """
    if activation is Activation.SOFTMAX:
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores: F32 = exponentials / exponentials.sum(axis=1, keepdims=True)
        return scores
    if activation is Activation.SIGMOID:
        # The same function as 1 / (1 + exp(-x)), without its overflow.
        sigmoid: F32 = 0.5 * (1 + np.tanh(0.5 * logits))
        return sigmoid
    return logits


class Ensemble:
    """Several classifiers that vote on a picture with equal weight."""

    def __init__(self, tasks: Sequence[Classify]) -> None:
        """Bring classifiers together.

        Raises:
            InvalidOption: they do not have the same labels in the same order.
        """
        self._first = tasks[0]
        for task in tasks[1:]:
            if task.config.labels != self._first.config.labels:
                names = f"{self._first.network.name} and {task.network.name}"
                raise InvalidOption("model", f"{names} do not have the same labels")

    def average(
        self, results: Sequence[Classification], options: ClassifyOptions
    ) -> Classification:
        """Return the best classes by the mean of the members' scores."""
        scores: F32 = np.mean([result.scores for result in results], axis=0, dtype=np.float32)
        return self._first.rank(scores, options)


def _prediction(class_id: int, score: float, label: Label) -> Prediction:
    return Prediction(
        class_id=class_id, label=label.name, score=round(score, 6), external_id=label.external_id
    )
