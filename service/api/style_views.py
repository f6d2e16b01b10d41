"""Jobs and their events as they go over the wire."""

from datetime import UTC, datetime

from pydantic_core import to_json

from service.api.style_schemas import (
    JobAnswer,
    JobEvent,
    JobFailureReason,
    JobLinks,
    JobTimings,
    StyleCosts,
    StyleMethod,
)
from service.jobs.job import Costs, Event, Job, Status


def describe(job: Job) -> JobAnswer:
    """Return a job as callers see it: without its owner, and with links to what is there."""
    home = f"/style/{job.id}"
    succeeded = job.status is Status.SUCCEEDED
    failure = job.failure
    return JobAnswer(
        id=job.id,
        status=job.status,
        method=StyleMethod(job.spec.method),
        options=dict(job.spec.options),
        progress=_progress(job.status, job.step, job.steps),
        step=job.step,
        steps=job.steps,
        costs=_costs(job.costs),
        created_at=_time(job.spec.created_at),
        started_at=_maybe(job.started_at),
        finished_at=_maybe(job.finished_at),
        expires_at=_maybe(job.expires_at),
        timings=_timings(job),
        error=JobFailureReason(code=failure.code, detail=failure.detail) if failure else None,
        links=JobLinks(
            self=home,
            events=f"{home}/events",
            preview=f"{home}/preview" if job.has_preview or succeeded else None,
            result=f"{home}/result" if succeeded else None,
        ),
    )


def event_lines(event: Event) -> bytes:
    """Return an event in the format of server-sent events.

    Source: HTML Living Standard, section 9.2.
    """
    data = JobEvent(
        status=event.status,
        progress=_progress(event.status, event.step, event.steps),
        step=event.step,
        steps=event.steps,
        costs=_costs(event.costs),
    )
    lines = [b"id: %d" % event.number, b"event: progress", b"data: " + to_json(data)]
    return b"\n".join([*lines, b"", b""])


def _progress(status: Status, step: int, steps: int) -> float:
    if status is Status.SUCCEEDED:
        return 1.0
    return round(min(1.0, step / steps), 4) if steps else 0.0


def _costs(rows: Costs) -> list[StyleCosts]:
    return [
        StyleCosts(step=int(step), content=content, style=style, tv=tv, total=total)
        for step, content, style, tv, total in rows
    ]


def _timings(job: Job) -> JobTimings:
    now = datetime.now(UTC).timestamp()
    end = job.finished_at or now
    started = job.started_at
    return JobTimings(
        queued_ms=_milliseconds(job.spec.created_at, end if started is None else started),
        running_ms=None if started is None else _milliseconds(started, end),
    )


def _milliseconds(since: float, until: float) -> float:
    return round(max(0.0, until - since) * 1000, 1)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe(seconds: float | None) -> datetime | None:
    return None if seconds is None else _time(seconds)
