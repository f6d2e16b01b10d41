"""What the decoders share: the base of their configurations, and words for wrong shapes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from service.arrays import F32
from service.imaging.picture import Size
from service.tasks.base import ConfigError
from service.tasks.decoders.candidates import Candidates, Suppression

Outputs = Mapping[str, F32]
"""One image's outputs by name, without the batch axis."""

Shape = tuple[int | None, ...]
"""The shape of one image's output; a dimension that varies is None."""

GraphShapes = Mapping[str, Sequence[int | str | None]]
"""The graph's own output shapes by name, batch axis first; what varies is None or a name."""


class DecoderConfig(BaseModel, ABC):
    """What is true of one network's outputs; `decoder` in the manifest chooses the subclass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suppression: Suppression = Field("greedy", description="How duplicates are removed.")

    @abstractmethod
    def check(self, outputs: GraphShapes, input_size: Size) -> None:
        """Compare the graph with this configuration, once, at load.

        Args:
            outputs: the graph's output shapes.
            input_size: (H, W) of the network input.

        Raises:
            ConfigError: they contradict each other; names the key (a wrong manifest).
        """


ConfigT = TypeVar("ConfigT", bound=DecoderConfig, contravariant=True)


class Decode(Protocol[ConfigT]):
    """The one function of a decoder."""

    def __call__(
        self, outputs: Outputs, config: ConfigT, *, input_size: Size, score_threshold: float
    ) -> Candidates:
        """Return the boxes of one image that reach `score_threshold`."""
        ...


def shape_of(outputs: GraphShapes, name: str, key: str) -> Shape:
    """Return one image's shape of the output called `name`.

    Raises:
        ConfigError: the graph has no such output.
    """
    if name not in outputs:
        raise ConfigError(key, f"{name} is not among the graph's outputs: {', '.join(outputs)}")
    return tuple(size if isinstance(size, int) else None for size in outputs[name])[1:]


def require(found: int | None, expected: int, key: str, what: str) -> None:
    """Compare a dimension of the graph, if it is known, with what the configuration implies.

    Raises:
        ConfigError: they differ.
    """
    if found not in {None, expected}:
        raise ConfigError(key, f"{what}: {expected} expected, the graph has {found}")


def require_grid(grid: Shape, input_size: Size) -> None:
    """Compare (rows, columns) of a grid, where known, with the input that they divide.

    Raises:
        ConfigError: they do not divide it; then the axes are mostly in another order.
    """
    for pixels, cells in zip(input_size, grid, strict=True):
        if cells is not None and pixels % cells:
            raise ConfigError("layout", f"{cells} cells do not divide {pixels} pixels")


def corners(centre: F32, extent: F32) -> F32:
    """Return (K, 4) boxes from (K, 2) centres x, y and (K, 2) extents w, h."""
    half = extent / 2
    return np.concatenate([centre - half, centre + half], axis=1, dtype=np.float32)


def width_height(size: Size) -> F32:
    """Return (height, width) as the (2,) array width, height: the order of points."""
    return np.array(size[::-1], np.float32)
