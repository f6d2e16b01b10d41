"""A network that says a picture's style in some numbers, which another paints with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from service.arrays import F32, Array
from service.imaging.picture import Picture
from service.tasks.base import Network, Options, Prepared, Task, TaskConfig


class EncodeConfig(TaskConfig):
    """What `[config]` says for an encoder of styles."""

    output: str | None = Field(None, description="The vector; default: the graph's only output.")


class EncodeOptions(Options):
    """A style has nothing to choose."""


@dataclass(frozen=True, slots=True)
class StyleVector:
    """A picture's style: (K,) numbers that may be mixed with those of another."""

    vector: F32

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer."""
        return {"vector": [round(number, 4) for number in self.vector.tolist()]}

    def text(self) -> str:
        """Return the numbers, ten in a line."""
        numbers = [f"{number:8.3f}" for number in self.vector.tolist()]
        return "\n".join("".join(numbers[row : row + 10]) for row in range(0, len(numbers), 10))


class StyleEncode(Task[EncodeConfig, EncodeOptions, StyleVector]):
    """Describes the style of a picture, the middle of which it looks at."""

    name = "style-encode"
    config_type: ClassVar[type[TaskConfig]] = EncodeConfig
    options_type: ClassVar[type[Options]] = EncodeOptions
    in_background: ClassVar[bool] = True

    def __init__(self, network: Network, config: EncodeConfig) -> None:
        """Bind the task."""
        super().__init__(network, config)
        self._output = network.output_info(config.output, "config.output").name

    def preprocess(self, picture: Picture, options: EncodeOptions) -> Prepared:  # noqa: ARG002
        """Return the picture as one row."""
        return self.whole(picture)

    def postprocess(
        self,
        outputs: Mapping[str, Array],
        prepared: Prepared,  # noqa: ARG002  (a style has no place in the picture)
        options: EncodeOptions,  # noqa: ARG002
    ) -> StyleVector:
        """Return the vector."""
        return StyleVector(np.asarray(outputs[self._output], np.float32).reshape(-1))
