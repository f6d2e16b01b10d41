"""From a picture to an answer: decode, preprocess, schedule, run, postprocess, each timed."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from service.engine.admission import Admission, Ticket
from service.engine.batches import Batches, Inferred
from service.engine.deadline import Deadline
from service.engine.pool import CpuPool, Lane
from service.engine.scheduler import Scheduler
from service.engine.session import Session
from service.errors import DeadlineExceeded
from service.imaging.decode import DecodeLimits, Scale, decode
from service.imaging.picture import Picture, Size
from service.tasks.base import Options, Prepared, Task

Timings = dict[str, float]
"""Milliseconds by stage: decode, preprocess, queue, infer, postprocess."""


class Source(Protocol):
    """Something that a picture can be had from, on a CPU thread."""

    def open(self, scale: Scale) -> Picture:
        """Return the picture with at least the pixels that `scale` asks for."""
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as it was uploaded."""

    data: bytes
    limits: DecodeLimits

    def open(self, scale: Scale) -> Picture:
        """Decode it; raises what `decode` raises."""
        return decode(self.data, limits=self.limits, scale=scale)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture that several models look at, decoded once."""

    picture: Picture

    def open(self, scale: Scale) -> Picture:  # noqa: ARG002  (it has all the pixels it will ever have)
        """Return it."""
        return self.picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A task's result, the frame it speaks in, and where the time went."""

    result: Any
    size: Size
    timings: Timings


class Observer(Protocol):
    """Told of what happens; the metrics are one."""

    def stage(self, model: str, stage: str, seconds: float) -> None:
        """A stage of one request took this long."""
        ...

    def batch(self, model: str, rows: int) -> None:
        """A batch of this many rows ran."""
        ...

    def dropped(self, model: str, reason: str) -> None:
        """A request was dropped before its end: `client_gone` or `deadline`."""
        ...


@dataclass(slots=True, kw_only=True)
class _Flight:
    """One request on its way through the stages."""

    source: Source
    options: Options
    deadline: Deadline
    caller: str
    since: float
    answer: Future[Answer] = field(default_factory=Future)
    timings: Timings = field(default_factory=dict)
    size: Size = (0, 0)

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to `stage`."""
        now = time.perf_counter()
        self.timings[stage] = self.timings.get(stage, 0.0) + (now - self.since) * 1000
        self.since = now

    def move(self, stage: str, other: str, milliseconds: float) -> None:
        """Count some of the time of a stage as another's."""
        self.timings[stage] -= milliseconds
        self.timings[other] = self.timings.get(other, 0.0) + milliseconds

    def attempt(self, stage: Callable[["_Flight"], None]) -> None:
        """Run a stage if somebody still waits; what it raises becomes the answer."""
        try:
            if not self.answer.cancelled():
                self.deadline.check()
                stage(self)
        except Exception as error:  # noqa: BLE001  (it belongs to the caller, whatever it is)
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Settle with an error, unless the caller has left."""
        if self.answer.set_running_or_notify_cancel():
            self.answer.set_exception(error)

    def finish(self, answer: Answer) -> None:
        """Settle with an answer, unless the caller has left."""
        if self.answer.set_running_or_notify_cancel():
            self.answer.set_result(answer)


class Pipeline:
    """One model's way from a picture to an answer.

    Every stage hands over to the next, so the event loop is woken once a request, when the
    answer is there. Stages that a gone caller or a passed deadline made pointless are skipped.
    """

    def __init__(
        self,
        *,
        task: Task[Any, Any, Any],
        session: Session,
        pool: CpuPool,
        runners: CpuPool,
        admission: Admission,
        observer: Observer,
        instances: int,
        max_rows: int,
        max_delay_s: float = 0.0,
    ) -> None:
        """Join the parts.

        Args:
            task: bound to the model.
            session: may be run by several threads at once.
            pool: decodes, pre- and postprocesses; shared by all models.
            runners: whose threads wait for the network: `pool` itself where that computes on the
                CPU, others where an accelerator does.
            admission: this model's own.
            observer: told of stages, batches and drops.
            instances: batches that may run at once.
            max_rows: rows of one run of the session at most.
            max_delay_s: how long a batch waits for company.
        """
        self.task = task
        self.admission = admission
        self._pool = pool
        self._runs_here = runners is pool
        self._observer = observer
        self._scheduler: Scheduler[Prepared, Inferred] = Scheduler(
            Batches(
                session,
                max_rows=max_rows,
                ran=partial(observer.batch, task.network.name),
                reads=task.reads,
            ),
            pool=runners,
            instances=instances,
            max_rows=max_rows,
            max_delay_s=max_delay_s,
        )

    @property
    def in_flight(self) -> int:
        """Requests admitted and not yet answered."""
        return self.admission.in_flight

    @property
    def predicted_wait_s(self) -> float:
        """How long a request that arrives now would wait."""
        return self.admission.predicted_wait_s

    @property
    def waiting(self) -> int:
        """Pictures that are preprocessed and wait for the network."""
        return self._scheduler.waiting

    def submit(
        self,
        source: Source,
        options: Options,
        deadline: Deadline,
        *,
        ticket: Ticket | None = None,
        caller: str = "",
    ) -> Future[Answer]:
        """Start a picture on its way; cancelling the future drops what has not begun.

        Args:
            source: the picture.
            options: the caller's.
            deadline: the request's.
            ticket: of this model's admission, where the request was admitted before and has work
                behind it: it then goes before those that have not begun.
            caller: whose request it is, where callers are told apart.

        Raises:
            Overloaded, ShareExceeded, ShuttingDown: it was not admitted.
        """
        lane = Lane.START if ticket is None else Lane.RUN
        admitted = ticket or self.admission.admit(deadline, caller)
        flight = _Flight(
            source=source,
            options=options,
            deadline=deadline,
            caller=admitted.caller,
            since=time.perf_counter(),
        )
        # What the answer holds on to must not hold the flight: a picture in a circle of references
        # stays in memory until the collector comes by.
        timings = flight.timings
        flight.answer.add_done_callback(
            lambda answer: self._settled(admitted, deadline, timings, answer)
        )
        self._pool.submit(lambda: flight.attempt(self._prepare), lane, flight.caller)
        return flight.answer

    def close(self) -> None:
        """Admit nothing more and run what is queued; pools and session are their owner's."""
        self.admission.close(0.0)
        self._scheduler.close()

    def _prepare(self, flight: _Flight) -> None:
        flight.lap("queue")
        picture = flight.source.open(self.task.needed)
        flight.size = picture.size
        flight.lap("decode")
        prepared = self.task.preprocess(picture, flight.options)
        flight.lap("preprocess")
        self._run(flight, prepared, here=self._runs_here)

    def _run(self, flight: _Flight, prepared: Prepared, *, here: bool = False) -> None:
        """Queue one run for the network; those of other requests come between it and the next.

        A thread that could run networks and has prepared a picture for a free one goes on with it,
        as it would anyway, only without three queues and the locks on them.
        """
        inferred = self._scheduler.submit(
            prepared,
            rows=prepared.rows,
            deadline=flight.deadline,
            gone=flight.answer.cancelled,
            caller=flight.caller,
            here=here,
        )
        if here and inferred.done():
            flight.attempt(lambda _: self._ran(flight, prepared, inferred))
            return
        inferred.add_done_callback(
            lambda future: self._pool.submit(
                lambda: flight.attempt(lambda _: self._ran(flight, prepared, future)),
                Lane.FINISH,
                flight.caller,
            )
        )

    def _ran(self, flight: _Flight, prepared: Prepared, future: Future[Inferred]) -> None:
        """Go on to the next run if one follows, else answer."""
        inferred = future.result()
        flight.lap("queue")
        flight.move("queue", "infer", inferred.milliseconds)
        if prepared.following is not None:
            following = prepared.following(inferred.outputs)
            flight.lap("postprocess")
            if following is not None:
                self._run(flight, following)
                return
        result = self.task.postprocess(inferred.outputs, prepared, flight.options)
        flight.lap("postprocess")
        flight.finish(Answer(result=result, size=flight.size, timings=flight.timings))

    def _settled(
        self, ticket: Ticket, deadline: Deadline, timings: Timings, answer: Future[Answer]
    ) -> None:
        model = self.task.network.name
        if answer.cancelled():
            ticket.release(completed=False)
            late = deadline.remaining_s() <= 0  # its waiter gave up before a stage noticed
            self._observer.dropped(model, "deadline" if late else "client_gone")
            return
        error = answer.exception()
        ticket.release(completed=not isinstance(error, DeadlineExceeded))
        if isinstance(error, DeadlineExceeded):
            self._observer.dropped(model, "deadline")
        for stage, milliseconds in timings.items():
            self._observer.stage(model, stage, milliseconds / 1000)
