"""Style transfer as a function of pixels: what may be chosen, and what is minimised.

J(G) = alpha content_cost + beta style_cost + gamma tv_cost. The graph computes the three costs
of a picture G and the gradient of J by its pixels; here its inputs are put together and its
outputs taken apart.

Source: Gatys, Ecker and Bethge, Image Style Transfer Using Convolutional Neural Networks,
CVPR 2016.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from service.arrays import F32, Array
from service.errors import InvalidOption
from service.imaging.picture import Picture, Size
from service.tasks.base import Options, TaskConfig
from service.tasks.style.canvas import MIN_SIDE, Canvas, working_size
from service.tasks.style.lbfgs import Sample

# VGG-16's conv4_2, which stands for the content: its channels, and pixels from one to the next.
CONTENT_CHANNELS, CONTENT_STRIDE = 512, 8
# Channels of conv1_1, conv2_1, conv3_1, conv4_1 and conv5_1, which stand for the style.
GRAM_CHANNELS = (64, 128, 256, 512, 512)
MAX_STEPS, MAX_SIZE, USUAL_SIZE = 1000, 1024, 512
# Beyond, float32 has no digits left for the other costs.
MAX_WEIGHT = 1e6


class Init(StrEnum):
    """Where the optimisation starts: the content, noise, or what a fast network made of it."""

    CONTENT = "content"
    NOISE = "noise"
    FAST = "fast"


class OptimizeOptions(Options):
    """What a caller may choose."""

    content_weight: float | None = Field(
        None, ge=0, le=MAX_WEIGHT, description="Alpha: how much the content's shapes count."
    )
    style_weight: float | None = Field(
        None, ge=0, le=MAX_WEIGHT, description="Beta: how much the style's texture counts."
    )
    tv_weight: float | None = Field(
        None, ge=0, le=MAX_WEIGHT, description="How much smoothness counts."
    )
    steps: int | None = Field(None, ge=1, le=MAX_STEPS, description="Of the optimiser at most.")
    size: int | None = Field(
        None, ge=32, le=MAX_SIZE, description="Longer side of the result at most, pixels."
    )
    init: Init = Field(Init.CONTENT, description="Where to start.")
    seed: int = Field(0, ge=0, lt=2**32, description="Of the noise.")


class Weights(NamedTuple):
    """How much each cost counts."""

    content: float
    style: float
    tv: float


class Costs(NamedTuple):
    """What one picture costs: three terms as the graph gives them, and their weighted sum J."""

    content: float
    style: float
    tv: float
    total: float

    @classmethod
    def of(cls, sample: Sample) -> Self:
        """Return what an `Objective` said of a picture."""
        content, style, tv = sample.terms
        return cls(content, style, tv, sample.cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An optimisation with nothing left to choose."""

    weights: Weights
    steps: int
    size: int
    init: Init
    seed: int


def warnings_for(size: Size) -> tuple[str, ...]:
    """Return what should be known of an optimisation at (h, w), for whoever asked for it.

    >>> warnings_for((384, 512)), warnings_for((1024, 768))
    ((), ('at 1024 pixels a step takes 4.0 times the time and memory of one at 512',))
    """
    if max(size) <= USUAL_SIZE:
        return ()
    more = (max(size) / USUAL_SIZE) ** 2
    return (
        f"at {max(size)} pixels a step takes {more:.1f} times the time and memory of one at "
        f"{USUAL_SIZE}",
    )


class OptimizeConfig(TaskConfig):
    """What is done where a caller chooses nothing."""

    content_weight: float = Field(1.0, ge=0, le=MAX_WEIGHT)
    style_weight: float = Field(50.0, ge=0, le=MAX_WEIGHT)
    tv_weight: float = Field(0.0, ge=0, le=MAX_WEIGHT)
    steps: int = Field(200, ge=1, le=MAX_STEPS)
    size: int = Field(USUAL_SIZE, ge=32, le=MAX_SIZE)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.content_weight == self.style_weight == 0:
            raise ValueError("style_weight: content_weight and style_weight are both 0")
        return self

    def plan(self, options: OptimizeOptions) -> Plan:
        """Return what to do.

        Raises:
            InvalidOption: neither content nor style counts.
        """
        chosen = options.model_dump()
        wanted = {
            key: default if chosen[key] is None else chosen[key]
            for key, default in self.model_dump().items()
        }
        weights = Weights(*(wanted[f"{cost}_weight"] for cost in Weights._fields))
        if weights.content == weights.style == 0:
            raise InvalidOption("style_weight", "content_weight and style_weight are both 0")
        return Plan(
            weights=weights,
            steps=wanted["steps"],
            size=wanted["size"],
            init=options.init,
            seed=options.seed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures of one optimisation, in the size that it works in.

    Attributes:
        content, style: what the result takes its shapes and its texture from.
        start: what it starts from.
    """

    content: Canvas
    style: Canvas
    start: Canvas

    @classmethod
    def prepare(
        cls, content: Picture, style: Picture, plan: Plan, *, fast: Picture | None = None
    ) -> Self:
        """Scale the pictures.

        The style's longer side becomes that of the content, so that its texture keeps the same
        share of the picture in any size; more where its shorter side would be too short, as that
        of a wide style for a small content. Neither is enlarged: that would only blur it.

        Args:
            content: any size.
            style: likewise.
            plan: says how large the result shall be, and where to start.
            fast: the content as a fast network painted it, for `Init.FAST`.

        Raises:
            InvalidOption: a picture is too small, or too narrow for the size asked for; or
                `Init.FAST` is planned and there is no such picture.
        """
        size = working_size(content.size, plan.size, part="content")
        canvas = Canvas.of(content, size)
        longer = max(*size, math.ceil(MIN_SIDE * max(style.size) / min(style.size)))
        brush = Canvas.of(style, working_size(style.size, min(longer, plan.size), part="style"))
        start = canvas
        if plan.init is Init.NOISE:
            start = canvas.noise(plan.seed)
        elif plan.init is Init.FAST:
            if fast is None:
                raise InvalidOption("init", "there is no fast result to start from")
            start = Canvas.of(fast, size)
        return cls(content=canvas, style=brush, start=start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What a picture is compared with.

    Attributes:
        content: (1, 512, H/8, W/8) features of the content.
        grams: of the style: five of (C, C), C as in `GRAM_CHANNELS`.
    """

    content: F32
    grams: tuple[F32, ...]

    @classmethod
    def ones(cls, size: Size) -> Self:
        """Return targets that are nobody's, for a picture of (H, W) that shall become one."""
        height, width = (side // CONTENT_STRIDE for side in size)
        return cls(
            content=np.ones((1, CONTENT_CHANNELS, height, width), np.float32),
            grams=tuple(np.ones((channels, channels), np.float32) for channels in GRAM_CHANNELS),
        )

    @classmethod
    def between(cls, content: Mapping[str, Array], style: Mapping[str, Array]) -> Self:
        """Return the targets for which the graph's outputs for two pictures are the measure."""
        features = np.asarray(content["content_features"], np.float32)
        sizes = enumerate(GRAM_CHANNELS, 1)
        grams = [
            np.asarray(style[f"gram_{number}"], np.float32).reshape(channels, channels)
            for number, channels in sizes
        ]
        return cls(content=features.reshape(1, *features.shape[-3:]), grams=tuple(grams))


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """J of a picture, as the graph computes it.

    Attributes:
        size: (H, W), multiples of 16.
        weights: alpha, beta and gamma.
        targets: what the picture is compared with.
    """

    size: Size
    weights: Weights
    targets: Targets

    @classmethod
    def describing(cls, size: Size) -> Self:
        """Return what lets the graph describe a picture instead of judging it."""
        return cls(size=size, weights=Weights(0.0, 0.0, 0.0), targets=Targets.ones(size))

    def feeds(self, position: F32) -> dict[str, Array]:
        """Return the graph's inputs for a position (3 H W,)."""
        feeds: dict[str, Array] = {
            "pixels": position.reshape(1, 3, *self.size),
            "content_target": self.targets.content,
        }
        for number, gram in enumerate(self.targets.grams, 1):
            feeds[f"gram_target_{number}"] = gram
        for cost, weight in self.weights._asdict().items():
            feeds[f"{cost}_weight"] = np.array(weight, np.float32)
        return feeds

    def sample(self, outputs: Mapping[str, Array]) -> Sample:
        """Return J and its gradient (3 H W,) from the graph's outputs; the terms are `Weights`'.

        The costs may have a batch axis or none.
        """
        terms = Weights(*(float(outputs[f"{cost}_cost"].item()) for cost in Weights._fields))
        total = sum(weight * term for weight, term in zip(self.weights, terms, strict=True))
        gradient = np.asarray(outputs["gradient"], np.float32).ravel()
        return Sample(cost=total, gradient=gradient, terms=terms)
