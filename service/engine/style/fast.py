"""Style transfer in one pass: a preset or any picture's style, on pictures of any size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar, cast

import numpy as np

from service.arrays import F32, U8
from service.engine.repository import Model, Repository
from service.engine.session import Session
from service.imaging.color import blend, keep_color
from service.imaging.geometry import Interpolation, Resize, ResizeRule
from service.imaging.picture import Picture
from service.tasks.base import Task
from service.tasks.style.encode import EncodeOptions, StyleEncode
from service.tasks.style.fast import FastOptions
from service.tasks.style.tiles import Area
from service.tasks.style.transfer import StylePresets, StyleTransform

TaskT = TypeVar("TaskT", bound=Task[Any, Any, Any])


class Stopped(Exception):
    """Who wanted the picture does not want it any more."""


@dataclass(frozen=True, slots=True)
class Bound(Generic[TaskT]):
    """A network that can be asked: what its numbers mean, and what runs it."""

    task: TaskT
    session: Session

    @classmethod
    def of(cls, model: Model) -> Self:
        """Return a loaded model's task and session; the model keeps and closes them."""
        return cls(cast(TaskT, model.pipeline.task), model.session)


@dataclass(frozen=True, slots=True, kw_only=True)
class FastStyle:
    """Paints pictures, synchronously, on the thread that asks.

    Attributes:
        presets: knows some paintings.
        encode: sees the style of any picture.
        transform: paints in that style.
    """

    presets: Bound[StylePresets]
    encode: Bound[StyleEncode]
    transform: Bound[StyleTransform]

    @classmethod
    def of(cls, models: Repository) -> Self:
        """Return what the default models of the three tasks make together.

        Raises:
            ModelNotFound: there is no model for one of the tasks.
            ModelNotReady: one of the three failed its golden check.
        """
        return cls(
            presets=Bound.of(models.find(StylePresets.name)),
            encode=Bound.of(models.find(StyleEncode.name)),
            transform=Bound.of(models.find(StyleTransform.name)),
        )

    def check(self, options: FastOptions, *, styled: bool) -> None:
        """Refuse, before any work is done, options that cannot be honoured.

        Args:
            options: the caller's.
            styled: whether a style picture was sent.

        Raises:
            InvalidOption: names the option.
        """
        options.check(styled=styled)
        if options.preset is not None:
            options.preset.vector(self.presets.task.numbers)

    def paint(
        self,
        content: Picture,
        style: Picture | None,
        options: FastOptions,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        progress: Callable[[float], None] = lambda _: None,
    ) -> Picture:
        """Return the content, painted.

        What one run cannot see at once is painted in parts, so memory depends on the size of the
        pictures by no more than their own pixels.

        Args:
            content: any size.
            style: any size, or None for a preset.
            options: valid ones.
            should_stop: asked before every run.
            progress: told the share of the work that is done, 0..1, after every run.

        Raises:
            InvalidOption: the options do not fit.
            Stopped: `should_stop` said so.
        """
        self.check(options, styled=style is not None)
        size = options.result_size(content.size)
        resize = Resize(rule=ResizeRule.STRETCH, size=size, interpolation=Interpolation.BICUBIC)
        pixels = resize(content).pixels
        work = _Work(should_stop, progress)
        parts = self._parts(content, style, pixels, options, work)
        painted = np.empty_like(pixels)
        for area, part in parts:
            painted[area] = _finish(part, pixels[area], options)
        return Picture.from_pixels(painted)

    def _parts(
        self,
        content: Picture,
        style: Picture | None,
        pixels: U8,
        options: FastOptions,
        work: "_Work",
    ) -> Iterator[tuple[Area, U8]]:
        if style is not None:
            numbers = self._seen(content, style, options.strength, work)
            return work.parts(self.transform, pixels, numbers)
        assert options.preset is not None  # or `check` would have said so
        numbers = options.preset.vector(self.presets.task.numbers)
        return work.parts(self.presets, pixels, numbers)

    def _seen(self, content: Picture, style: Picture, strength: float, work: "_Work") -> F32:
        """Return the style's vector, or one on the way to it from the content's own."""
        wanted = self._vector(style, work)
        if strength == 1:
            return wanted
        own = self._vector(content, work)
        return own + np.float32(strength) * (wanted - own)

    def _vector(self, picture: Picture, work: "_Work") -> F32:
        work.look()
        task, options = self.encode.task, EncodeOptions()
        prepared = task.preprocess(picture, options)
        outputs = self.encode.session.run(prepared.tensors)
        return task.postprocess(outputs, prepared, options).vector


@dataclass(frozen=True, slots=True)
class _Work:
    """Runs that somebody watches and may stop."""

    should_stop: Callable[[], bool]
    progress: Callable[[float], None]

    def look(self) -> None:
        """Go on, or not.

        Raises:
            Stopped: nobody wants to.
        """
        if self.should_stop():
            raise Stopped

    def parts(
        self, network: Bound[StylePresets] | Bound[StyleTransform], pixels: U8, style: F32
    ) -> Iterator[tuple[Area, U8]]:
        """Yield parts of a picture, painted, and where they belong; together they are all of it.

        Args:
            network: paints.
            pixels: (H, W, 3).
            style: (K,).
        """
        task = network.task
        tiles = task.tiles((pixels.shape[0], pixels.shape[1]))
        statistics, runs, done = None, len(tiles), 0
        if len(tiles) > 1:
            self.look()
            outputs = network.session.run(task.feeds(task.mosaic(pixels), style))
            statistics, runs, done = task.statistics(outputs), runs + 1, 1
            self.progress(done / runs)
        for tile in tiles:
            self.look()
            window = pixels[tile.window]
            outputs = network.session.run(task.feeds(window, style, statistics))
            yield tile.core, task.painted(outputs, window.shape[:2])[tile.inner]
            done += 1
            self.progress(done / runs)


def _finish(painted: U8, content: U8, options: FastOptions) -> U8:
    """Do what is left for NumPy to a part of a picture, (h, w, 3)."""
    if options.preserve_color:
        painted = keep_color(painted, content)
    if options.preset is not None and options.strength < 1:
        painted = blend(painted, content, options.strength)
    return painted
