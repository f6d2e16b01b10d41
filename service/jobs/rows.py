"""Rows of the tables as the values that callers see."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from service.jobs.job import Costs, Event, Failure, Job, JobSpec, Status


def job_of(row: sa.Row[Any], *, costs: Costs = ()) -> Job:
    """Return a row as a job."""
    failed = row.failure_code is not None
    return Job(
        id=row.id,
        spec=JobSpec(
            method=row.method,
            options=row.options,
            owner=row.owner,
            webhook=row.webhook,
            created_at=row.created_at,
        ),
        status=Status(row.status),
        revision=row.revision,
        step=row.step,
        steps=row.steps,
        costs=costs,
        has_preview=row.preview is not None or row.result is not None,
        failure=Failure(code=row.failure_code, detail=row.failure_detail) if failed else None,
        started_at=row.started_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
    )


def event_of(row: sa.Row[Any]) -> Event:
    """Return a row as an event."""
    return Event(
        number=row.number,
        status=Status(row.status),
        step=row.step,
        steps=row.steps,
        costs=costs_of(row.costs),
    )


def costs_of(rows: Iterable[Sequence[float]]) -> Costs:
    """Return what JSON made lists of."""
    return tuple(tuple(row) for row in rows)
