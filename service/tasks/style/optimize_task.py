"""The network of style transfer by optimisation, as a task: what it says of one picture.

An optimisation itself is no task: it asks the network hundreds of times.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from service.arrays import Array
from service.imaging.picture import Picture
from service.tasks.base import ConfigError, Network, Options, Prepared, Task, TaskConfig, TensorInfo
from service.tasks.inputs import Color, Layout
from service.tasks.style.canvas import MULTIPLE
from service.tasks.style.optimize import (
    CONTENT_CHANNELS,
    GRAM_CHANNELS,
    Costs,
    Objective,
    OptimizeConfig,
    OptimizeOptions,
    Targets,
    Weights,
)

_GRAMS = [(number, (channels, channels)) for number, channels in enumerate(GRAM_CHANNELS, 1)]
# What the graph must have, and of what shape where that does not depend on the picture's size.
_INPUTS: dict[str, tuple[int | None, ...]] = {
    "pixels": (1, 3, None, None),
    "content_target": (1, CONTENT_CHANNELS, None, None),
    **{f"gram_target_{number}": shape for number, shape in _GRAMS},
    **{f"{cost}_weight": () for cost in Weights._fields},
}
_OUTPUTS = (
    *(f"{cost}_cost" for cost in Weights._fields),
    "gradient",
    "content_features",
    *(f"gram_{number}" for number, _ in _GRAMS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """What the graph says of one picture, compared with targets of ones.

    Attributes:
        costs: J and its terms.
        gradient: root of the mean square of J's derivatives.
        grams: mean of each of the five Gram matrices.
    """

    costs: Costs
    gradient: float
    grams: tuple[float, ...]

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer."""
        return {
            "costs": self.costs._asdict(),
            "gradient": self.gradient,
            "grams": list(self.grams),
        }

    def text(self) -> str:
        """Return a line for each figure."""
        figures = {**self.costs._asdict(), "gradient": self.gradient}
        figures |= {f"gram {number}": mean for number, mean in enumerate(self.grams, 1)}
        return "\n".join(f"{value:12.6g}  {name}" for name, value in figures.items())


class StyleOptimize(Task[OptimizeConfig, OptimizeOptions, Appraisal]):
    """Binds the graph for `service.engine.style.optimize`, and shows that it still works."""

    name = "style-optimize"
    config_type: ClassVar[type[TaskConfig]] = OptimizeConfig
    options_type: ClassVar[type[Options]] = OptimizeOptions
    in_background: ClassVar[bool] = True

    def __init__(self, network: Network, config: OptimizeConfig) -> None:
        """Bind the task; the graph must have all of its inputs and outputs."""
        super().__init__(network, config)
        _check_inputs(network.inputs)
        for name in _OUTPUTS:
            network.output_info(name, "task")
        spec = network.input
        if spec.normalizes or spec.color is not Color.RGB or spec.layout is not Layout.NCHW:
            raise ConfigError("input", "the graph takes RGB pixels of 0..255, NCHW")
        if any(side % MULTIPLE for side in spec.size):
            raise ConfigError("input.size", f"both sides must be multiples of {MULTIPLE}")

    def check_options(self, options: OptimizeOptions) -> None:
        """Refuse weights that leave nothing to be done.

        Raises:
            InvalidOption: names the option.
        """
        self.config.plan(options)

    def preprocess(self, picture: Picture, options: OptimizeOptions) -> Prepared:
        """Return the picture in the manifest's size, targets of ones, and the caller's weights."""
        resized = self.resize(picture)
        position = resized.pixels.transpose(2, 0, 1).astype(np.float32).ravel()
        return Prepared(tensors=self._objective(options).feeds(position))

    def postprocess(
        self,
        outputs: Mapping[str, Array],
        prepared: Prepared,  # noqa: ARG002  (all that was asked is in the outputs)
        options: OptimizeOptions,
    ) -> Appraisal:
        """Return what the graph says."""
        sample = self._objective(options).sample(outputs)
        grams = [np.asarray(outputs[f"gram_{number}"], np.float64) for number, _ in _GRAMS]
        return Appraisal(
            costs=Costs.of(sample),
            gradient=float(np.sqrt(np.mean(np.square(sample.gradient, dtype=np.float64)))),
            grams=tuple(float(gram.mean()) for gram in grams),
        )

    def _objective(self, options: OptimizeOptions) -> Objective:
        size = self.network.input.size
        return Objective(
            size=size, weights=self.config.plan(options).weights, targets=Targets.ones(size)
        )


def _check_inputs(inputs: tuple[TensorInfo, ...]) -> None:
    infos = {info.name: info for info in inputs}
    if infos.keys() != _INPUTS.keys():
        raise ConfigError("task", f"the graph's inputs must be {', '.join(_INPUTS)}")
    for name, wanted in _INPUTS.items():
        shape, dtype = infos[name].shape, infos[name].dtype
        if dtype != "float32" or not _fits(shape, wanted):
            raise ConfigError(
                "task", f"the graph's {name} must be float32 {wanted}, it is {dtype} {shape}"
            )


def _fits(shape: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        None in {one, other} or one == other for one, other in zip(shape, wanted, strict=True)
    )
