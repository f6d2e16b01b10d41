"""Paints style jobs with the loaded networks, and says beforehand which cannot be painted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from service.engine.repository import Repository
from service.engine.style.fast import FastStyle, Stopped
from service.engine.style.optimize import Checkpoint, Optimization
from service.errors import BadRequest, EmptyBody, InvalidOption
from service.imaging.decode import DecodeLimits, decode
from service.imaging.encode import PictureFormat, encode
from service.imaging.picture import Picture, Size
from service.jobs.job import Costs, JobSpec, Progress
from service.tasks.base import Options
from service.tasks.style.canvas import MIN_SIDE
from service.tasks.style.fast import FastOptions
from service.tasks.style.optimize import Init, OptimizeOptions, Pictures, Plan
from service.tasks.style.optimize_task import StyleOptimize

FAST, OPTIMIZE = "fast", "optimize"
METHODS: dict[str, type[Options]] = {FAST: FastOptions, OPTIMIZE: OptimizeOptions}
EVERY = 10  # steps from one checkpoint, and one preview, to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class StylePainter:
    """Paints with the style networks of a repository.

    Attributes:
        models: the loaded models.
        decode: limits on pictures.
    """

    models: Repository
    decode: DecodeLimits

    def check(self, spec: JobSpec, content: bytes, style: bytes | None) -> None:
        """Refuse, before it is accepted, a job that would fail.

        Both pictures are decoded, as small as their format allows.

        Raises:
            InvalidOption: an option is not the method's, or not in its range; or a picture is
                too small.
            EmptyBody: there is no style picture, where one is needed.
            ModelNotFound, ModelNotReady: a network is not there.
            CorruptImage, TruncatedImage, ...: what `decode` raises; `part` says of which picture.
        """
        options = options_of(spec)
        if isinstance(options, FastOptions):
            if style is None and options.preset is None:
                raise EmptyBody("there is no picture 'style', and no preset", part="style")
            FastStyle.of(self.models).check(options, styled=style is not None)
        else:
            if style is None:
                raise EmptyBody("there is no picture 'style' in the body", part="style")
            self._plan(cast(OptimizeOptions, options))
        for part, data in (("content", content), ("style", style)):
            if data is not None:
                self._check_picture(part, data)

    def paint(
        self,
        spec: JobSpec,
        content: bytes,
        style: bytes | None,
        resume: bytes | None,
        should_stop: Callable[[], bool],
    ) -> Iterator[Progress]:
        """Yield how far it is, the last time with the result; see `service.jobs.job.Painter`."""
        options = options_of(spec)
        picture = decode(content, limits=self.decode)
        brush = None if style is None else decode(style, limits=self.decode)
        if isinstance(options, FastOptions):
            yield from self._fast(picture, brush, options, should_stop)
            return
        assert brush is not None  # or the job would not have been accepted
        plan = self._plan(cast(OptimizeOptions, options))
        yield from self._optimize(picture, brush, plan, resume, should_stop)

    def _fast(
        self,
        content: Picture,
        style: Picture | None,
        options: FastOptions,
        should_stop: Callable[[], bool],
    ) -> Iterator[Progress]:
        try:
            painted = FastStyle.of(self.models).paint(
                content, style, options, should_stop=should_stop
            )
        except Stopped:
            return
        yield Progress(step=1, steps=1, result=encode(painted, PictureFormat.PNG))

    def _optimize(
        self,
        content: Picture,
        style: Picture,
        plan: Plan,
        resume: bytes | None,
        should_stop: Callable[[], bool],
    ) -> Iterator[Progress]:
        fast = None
        if plan.init is Init.FAST:
            options = FastOptions(size=plan.size)
            fast = FastStyle.of(self.models).paint(content, style, options)
        pictures = Pictures.prepare(content, style, plan, fast=fast)
        session = self.models.find(StyleOptimize.name).session
        before = None if resume is None else Checkpoint.from_bytes(resume)
        told = 0 if before is None else len(before.costs)
        run = Optimization(session, pictures, plan).run(
            every=EVERY, resume=before, should_stop=should_stop
        )
        shown = before
        for shown in run:
            yield Progress(
                step=shown.step,
                steps=plan.steps,
                costs=_rows(shown, told),
                checkpoint=shown.to_bytes(),
                preview=_png(shown),
            )
            told = len(shown.costs)
        if shown is not None and shown.finished:
            yield Progress(step=shown.step, steps=shown.step, result=_png(shown))

    def _plan(self, options: OptimizeOptions) -> Plan:
        if options.init is Init.FAST:
            FastStyle.of(self.models)
        task = cast(StyleOptimize, self.models.find(StyleOptimize.name).pipeline.task)
        return task.config.plan(options)

    def _check_picture(self, part: str, data: bytes) -> None:
        try:
            size = decode(data, limits=self.decode, scale=_smallest).size
        except BadRequest as error:
            error.members = {**error.members, "part": part}
            raise
        if min(size) < MIN_SIDE:
            raise InvalidOption(
                part,
                f"the picture has {size[1]} x {size[0]} pixels; "
                f"both sides must have at least {MIN_SIDE}",
            )


def options_of(spec: JobSpec) -> Options:
    """Return a job's options as its method understands them.

    Raises:
        InvalidOption: one is not the method's, or not in its range.
    """
    known = METHODS[spec.method]
    for name in spec.options:
        if name not in known.model_fields:
            raise InvalidOption(name, f"is not an option of method={spec.method}")
    try:
        return known.model_validate(dict(spec.options))
    except ValidationError as error:
        mistake = error.errors(include_url=False)[0]
        raise InvalidOption(str(mistake["loc"][0]), mistake["msg"]) from error


def _smallest(size: Size) -> Size:
    """Ask for as few pixels as a format can be decoded at; a corrupt file shows all the same."""
    del size
    return 1, 1


def _rows(checkpoint: Checkpoint, told: int) -> Costs:
    """Return (step, content, style, tv, total) of the steps that were not told yet."""
    rows: list[tuple[Any, ...]] = [
        (step, *costs) for step, costs in enumerate(checkpoint.costs) if step >= told
    ]
    return tuple(rows)


def _png(checkpoint: Checkpoint) -> bytes:
    return encode(Picture.from_pixels(checkpoint.preview), PictureFormat.PNG)
