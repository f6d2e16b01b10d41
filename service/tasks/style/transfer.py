"""Networks that paint a picture in a style: in, the picture and numbers of the style; out, pixels.

The two tasks differ in what the numbers mean: shares of the paintings that a network knows, or a
vector that another network, `service.tasks.style.encode`, makes of any picture.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from pydantic import Field

from service.arrays import F32, U8, Array
from service.errors import InvalidOption
from service.imaging.geometry import Interpolation, Resize, ResizeRule
from service.imaging.picture import Picture, Size
from service.tasks.base import ConfigError, Network, Options, Prepared, Task, TaskConfig
from service.tasks.inputs import Color, Layout
from service.tasks.style.mixture import Mixture, MixtureField
from service.tasks.style.tiles import Tile, mosaic, tiles

GRID = 4


class TransferConfig(TaskConfig):
    """What `[config]` says for a network that paints."""

    style: str = Field("style", description="Input: the style's numbers, (1, K).")
    given: str = Field("given", description="Input: statistics to be taken, (1 or 0, S, 2).")
    pixels: str = Field("pixels", description="Output: (1, H, W, 3) RGB, 0..255.")
    statistics: str = Field("statistics", description="Output: those that were taken, (1, S, 2).")
    multiple: int = Field(4, ge=1, description="Sides of what the network sees are multiples.")
    halo: int = Field(ge=0, description="Pixels around a place that its result depends on.")


class PresetsOptions(Options):
    """Which paintings a picture is to look like."""

    preset: MixtureField = Field(
        Mixture.of({0: 1.0}), description="One, or several with weights: 3:0.7,12:0.3."
    )


class TransformOptions(Options):
    """The style that a picture is to be painted in."""

    vector: tuple[float, ...] | None = Field(
        None, description="As a `style-encode` network says it; default: zeros."
    )


@dataclass(frozen=True, slots=True)
class Painted:
    """A painted picture: (H, W, 3) RGB."""

    pixels: U8

    def colors(self) -> list[list[float]]:
        """Return the mean R, G, B of each field of a 4 x 4 grid, row by row, 0..255."""
        rows, columns = (_fields(side) for side in self.pixels.shape[:2])
        return [
            self.pixels[row, column].mean(axis=(0, 1)).round(2).tolist()
            for row in rows
            for column in columns
        ]

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer."""
        return {"colors": self.colors()}

    def text(self) -> str:
        """Return the mean colours of a 4 x 4 grid, a line for each row."""
        names = ["#{:02x}{:02x}{:02x}".format(*map(round, color)) for color in self.colors()]
        return "\n".join(" ".join(names[row : row + GRID]) for row in range(0, len(names), GRID))


OptionsT = TypeVar("OptionsT", bound=Options)


class Transfer(Task[TransferConfig, OptionsT, Painted]):
    """Paints pictures of any size; a run sees as many pixels as `input.size` has, at most."""

    config_type: ClassVar[type[TaskConfig]] = TransferConfig
    in_background: ClassVar[bool] = True

    def __init__(self, network: Network, config: TransferConfig) -> None:
        """Bind the task; the graph must have all of its inputs and outputs, and open sides."""
        super().__init__(network, config)
        shapes = {info.name: info.shape for info in network.inputs}
        for key in ("style", "given"):
            if getattr(config, key) not in shapes:
                raise ConfigError(f"config.{key}", f"the graph's inputs are: {', '.join(shapes)}")
        for key in ("pixels", "statistics"):
            network.output_info(getattr(config, key), f"config.{key}")
        numbers, channels = shapes[config.style][-1], shapes[config.given][1]
        if numbers is None or channels is None:
            raise ConfigError("config.style", "the graph must say how many numbers a style has")
        self.numbers: int = numbers
        self._channels: int = channels
        self._check_sizes()

    @property
    def area(self) -> int:
        """Pixels that one run sees at most."""
        return math.prod(self.network.input.size)

    def needed(self, source: Size) -> Size:
        """Return the size at which a picture is painted in one run: its own, if that fits."""
        scale = math.sqrt(self.area / math.prod(self._padded(source)))
        if scale >= 1:
            return source
        multiple = self.config.multiple
        height, width = (
            min(side, max(1, int(side * scale) // multiple) * multiple) for side in source
        )
        return height, width

    @abstractmethod
    def style(self, options: OptionsT) -> F32:
        """Return the numbers (K,) of the style that is wanted.

        Raises:
            InvalidOption: the network has no such style.
        """

    def check_options(self, options: OptionsT) -> None:
        """Refuse a style that the network does not have.

        Raises:
            InvalidOption: names the option.
        """
        self.style(options)

    def preprocess(self, picture: Picture, options: OptionsT) -> Prepared:
        """Return the picture in its own size, or shrunk to what one run sees."""
        size = self.needed(picture.size)
        resize = Resize(rule=ResizeRule.STRETCH, size=size, interpolation=Interpolation.BICUBIC)
        return Prepared(
            tensors=self.feeds(resize(picture).pixels, self.style(options)), context=size
        )

    def postprocess(
        self,
        outputs: Mapping[str, Array],
        prepared: Prepared,
        options: OptionsT,  # noqa: ARG002  (it was painted as they say)
    ) -> Painted:
        """Return the painted picture, in the size that went in."""
        assert isinstance(prepared.context, tuple)
        return Painted(self.painted(outputs, prepared.context))

    def tiles(self, size: Size) -> list[Tile]:
        """Return the parts in which a picture of (H, W) is painted: itself, if one run sees it."""
        fits = math.prod(self._padded(size)) <= self.area
        largest = size if fits else self.network.input.size
        config = self.config
        return tiles(size, largest=largest, halo=config.halo, multiple=config.multiple)

    def mosaic(self, pixels: U8) -> U8:
        """Return what stands for a picture too large for one run: (H, W, 3) → (h, w, 3)."""
        return mosaic(pixels, area=self.area, multiple=self.config.multiple)

    def feeds(self, pixels: U8, style: F32, statistics: F32 | None = None) -> dict[str, Array]:
        """Return the graph's inputs for one run.

        Args:
            pixels: (H, W, 3) RGB; mirrored at the right and below up to what the network needs.
            style: (K,).
            statistics: (1, S, 2) of another run, to be taken for those of these pixels.
        """
        height, width = pixels.shape[:2]
        below, right = (
            padded - side
            for padded, side in zip(self._padded((height, width)), (height, width), strict=True)
        )
        if below or right:
            pixels = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="symmetric")
        if statistics is None:
            statistics = np.zeros((0, self._channels, 2), np.float32)
        return {
            **self.feed(pixels[None]),
            self.config.style: style[None].astype(np.float32),
            self.config.given: statistics,
        }

    def painted(self, outputs: Mapping[str, Array], size: Size) -> U8:
        """Return a run's picture, (H, W, 3), without what it was mirrored up by."""
        height, width = size
        pixels = np.asarray(outputs[self.config.pixels], np.float32)[0, :height, :width]
        return np.rint(pixels).astype(np.uint8)

    def statistics(self, outputs: Mapping[str, Array]) -> F32:
        """Return the statistics (1, S, 2) that a run took."""
        return np.asarray(outputs[self.config.statistics], np.float32)

    def _padded(self, size: Size) -> Size:
        """Return the sides that the network sees: multiples, and enough of them to be mirrored."""
        multiple = self.config.multiple
        height, width = (max(2, -(-side // multiple)) * multiple for side in size)
        return height, width

    def _check_sizes(self) -> None:
        spec, config = self.network.input, self.config
        if spec.layout is not Layout.NHWC or spec.color is not Color.RGB:
            raise ConfigError("input", "pixels come out as RGB, NHWC, so they must go in so")
        for side in spec.size:
            if side % config.multiple or side <= 2 * config.halo + config.multiple:
                raise ConfigError(
                    "input.size",
                    "must be multiples of config.multiple, and have room for two halos",
                )
        if config.halo % config.multiple:
            raise ConfigError("config.halo", "must be a multiple of config.multiple")


class StylePresets(Transfer[PresetsOptions]):
    """Paints as one of the paintings that a network knows, or as a mixture of them."""

    name = "style-presets"
    options_type: ClassVar[type[Options]] = PresetsOptions

    def style(self, options: PresetsOptions) -> F32:
        """Return the share of each painting."""
        return options.preset.vector(self.numbers)


class StyleTransform(Transfer[TransformOptions]):
    """Paints in a style that another network has seen in a picture."""

    name = "style-transform"
    options_type: ClassVar[type[Options]] = TransformOptions

    def style(self, options: TransformOptions) -> F32:
        """Return the vector."""
        if options.vector is None:
            return np.zeros(self.numbers, np.float32)
        if len(options.vector) != self.numbers:
            raise InvalidOption("vector", f"must have {self.numbers} numbers")
        return np.array(options.vector, np.float32)


def _fields(side: int) -> list[slice]:
    """Return four parts of an axis, each with a pixel at least."""
    begins = [min(side - 1, side * index // GRID) for index in range(GRID)]
    ends = [max(side * (index + 1) // GRID, begin + 1) for index, begin in enumerate(begins)]
    return [slice(begin, end) for begin, end in zip(begins, ends, strict=True)]
