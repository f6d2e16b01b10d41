"""What every task offers the engine: a picture in, tensors out; tensors in, a result out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from service.arrays import F32, U8, Array
from service.imaging.geometry import Resized
from service.imaging.picture import Picture, Size
from service.tasks.inputs import InputSpec


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One input or output of a graph; a dimension that varies is None."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One picture, ready for the network.

    Attributes:
        tensors: by input name, each (R, ...); R rows are usually one, ten for ten crops.
        context: whatever `postprocess` of the same task needs to find its way back.
        following: where one run is not enough: called once with this run's outputs, returns the
            next run, or None after the last one, whose outputs and context `postprocess` gets.
    """

    tensors: Mapping[str, Array]
    context: object = None
    following: Callable[[Mapping[str, Array]], "Prepared | None"] | None = None

    @property
    def rows(self) -> int:
        """R, the number of rows that this picture adds to a batch."""
        return len(next(iter(self.tensors.values())))


class Result(Protocol):
    """A task's answer about one picture."""

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer, in plain values, lists and dictionaries."""
        ...

    def text(self) -> str:
        """Return the answer as lines for a terminal."""
        ...


class Options(BaseModel):
    """What a caller may choose; None means the model's own default. Never enters the batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskConfig(BaseModel):
    """The `[config]` section of a manifest, in the task's own words."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What a task knows of the network it is bound to.

    Attributes:
        name: the model's name.
        input: the manifest's `[input]`.
        inputs, outputs: the graph's own, as the session reports them.
    """

    name: str
    input: InputSpec
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    output_names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "output_names", frozenset(info.name for info in self.outputs))

    def input_info(self) -> TensorInfo:
        """Return the input that the picture goes to.

        Raises:
            ConfigError: `input.name` is not an input of the graph, or missing where it has several.
        """
        if self.input.name is None and len(self.inputs) == 1:
            return self.inputs[0]
        for info in self.inputs:
            if info.name == self.input.name:
                return info
        names = ", ".join(info.name for info in self.inputs)
        raise ConfigError("input.name", f"the graph's inputs are: {names}")

    def output_info(self, name: str | None, key: str) -> TensorInfo:
        """Return the output called `name`, or the only one if `name` is None.

        Raises:
            ConfigError: there is no such output; names `key` of the manifest.
        """
        if name is None and len(self.outputs) == 1:
            return self.outputs[0]
        for info in self.outputs:
            if info.name == name:
                return info
        raise ConfigError(key, f"the graph's outputs are: {', '.join(sorted(self.output_names))}")


class ConfigError(ValueError):
    """A manifest's key contradicts the graph; the repository adds the file's name."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


ConfigT = TypeVar("ConfigT", bound=TaskConfig)
OptionsT = TypeVar("OptionsT", bound=Options)
ResultT = TypeVar("ResultT", bound=Result)


class Task(ABC, Generic[ConfigT, OptionsT, ResultT]):
    """One task bound to one model; pure, so any thread may call it.

    Options never reach the network: whatever two callers ask for, their pictures may share a
    batch. They do reach `preprocess`, because the number of crops decides the number of rows.
    """

    name: ClassVar[str]
    config_type: ClassVar[type[TaskConfig]]
    options_type: ClassVar[type[Options]]
    in_background: ClassVar[bool] = False
    """Whether its networks get only the CPU time that others leave."""
    reads: tuple[str, ...] | None = None
    """The outputs that `postprocess` looks at, where the graph has larger ones; None for all."""

    def __init__(self, network: Network, config: ConfigT) -> None:
        """Bind the task.

        Raises:
            ConfigError: the manifest contradicts the graph.
        """
        self.network = network
        self.config = config
        self.resize = network.input.resizer()
        self._input = network.input_info()
        self._check_input()

    def needed(self, source: Size) -> Size:
        """Return the smallest (h, w) at which a picture of size `source` loses nothing here."""
        return self.resize.needed(source)

    def check_options(self, options: OptionsT) -> None:
        """Refuse, before any work is done, options that this model cannot honour.

        Raises:
            InvalidOption: names the option.
        """

    @abstractmethod
    def preprocess(self, picture: Picture, options: OptionsT) -> Prepared:
        """Return the tensors of one picture."""

    @abstractmethod
    def postprocess(
        self, outputs: Mapping[str, Array], prepared: Prepared, options: OptionsT
    ) -> ResultT:
        """Return the answer about one picture.

        Args:
            outputs: by output name, each (R, ...): this picture's rows of the batch.
            prepared: what `preprocess` returned for it.
            options: the caller's.
        """

    def whole(self, picture: Picture) -> Prepared:
        """Return the picture as one row, and the way back to its pixels as context."""
        resized = self.resize(picture)
        return Prepared(tensors=self.tensor([resized]), context=resized.to_source)

    def tensor(self, views: Sequence[Resized]) -> dict[str, Array]:
        """Stack R views of a picture to (R, ...), in the layout and type that the graph wants."""
        pixels = [view.pixels for view in views]
        return self.feed(pixels[0][None] if len(pixels) == 1 else np.stack(pixels))

    def feed(self, pixels: U8) -> dict[str, Array]:
        """Return (R, H, W, 3) RGB pixels in the layout and type that the graph wants."""
        arranged = self.network.input.arrange(pixels)
        tensor: Array = arranged
        if self._input.dtype != "uint8":
            normalized: F32 = self.network.input.normalize(arranged)
            tensor = normalized.astype(self._input.dtype, copy=False)
        return {self._input.name: tensor}

    def _check_input(self) -> None:
        spec, info = self.network.input, self._input
        if info.dtype not in {"uint8", "float32", "float16"}:
            raise ConfigError("input", f"the graph wants {info.dtype}, not pixels")
        if info.dtype == "uint8" and spec.normalizes:
            raise ConfigError("input.scale", "the graph takes uint8, so it normalises by itself")
        if len(info.shape) != 4:
            raise ConfigError("input", f"the graph wants {len(info.shape)} axes, not 4")
        for wanted, stated in zip(info.shape[1:], spec.shape, strict=True):
            if wanted not in {None, stated}:
                raise ConfigError(
                    "input.size",
                    f"the graph wants {info.shape[1:]}, the manifest says {spec.shape}",
                )
