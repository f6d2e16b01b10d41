"""Waiting for a job costs little, and ends when something happens."""

import asyncio
import threading

import pytest

from service.errors import (
    JobNotFound,
    ShuttingDown,
)
from tests.jobs.asking import spec
from tests.jobs.conftest import OpenJobs
from tests.jobs.painters import ChainPainter, HeldPainter
from tests.serving import PATIENCE_S

pytestmark = pytest.mark.anyio


async def test_waiting_for_a_change(start_jobs: OpenJobs) -> None:
    painter = HeldPainter()
    jobs = start_jobs(painter)
    job = jobs.submit(spec(steps=2), b"cat")
    await asyncio.to_thread(painter.started.acquire)
    before, threads = await jobs.wait(job.id, "", timeout_s=0.0), threading.active_count()
    waiting = [asyncio.create_task(jobs.wait(job.id, "", timeout_s=PATIENCE_S)) for _ in range(200)]
    while len(jobs._changes._waiting.get(job.id, ())) < 200:  # noqa: ASYNC110  (other threads)
        await asyncio.sleep(0.001)
    assert threading.active_count() < threads + 50  # the loop's own, however many wait

    painter.go.release()
    changed = await asyncio.gather(*waiting)
    assert {one.step for one in changed} == {before.step + 1}
    painter.go.release()
    while not (job := await jobs.wait(job.id, "", timeout_s=PATIENCE_S)).status.final:
        pass
    assert (await jobs.wait(job.id, "", timeout_s=PATIENCE_S)) == job
    assert jobs._changes._waiting == {}


async def test_waiting_in_vain(start_jobs: OpenJobs) -> None:
    jobs = start_jobs()
    job = jobs.submit(spec(), b"cat")
    assert await jobs.wait(job.id, "", timeout_s=0.01) == job
    assert await jobs.events(job.id, "", after=1, timeout_s=0.01) == []
    assert jobs._changes._waiting == {}
    with pytest.raises(JobNotFound):
        await jobs.wait(job.id, "somebody", timeout_s=0.0)


async def test_events_can_be_taken_up_anywhere(start_jobs: OpenJobs) -> None:
    jobs = start_jobs(ChainPainter())
    job = jobs.submit(spec(steps=6, every=2), b"cat")
    seen = await jobs.events(job.id, "")
    while not seen[-1].status.final:
        seen += await jobs.events(job.id, "", after=seen[-1].number, timeout_s=PATIENCE_S)

    assert [event.number for event in seen] == [1, 2, 3, 4, 5]
    assert [event.status for event in seen] == ["queued", *["running"] * 3, "succeeded"]
    assert [event.step for event in seen] == [0, 0, 2, 4, 6]
    assert sum((event.costs for event in seen), ()) == jobs.get(job.id, "").costs
    assert await jobs.events(job.id, "", after=3) == seen[3:]


async def test_closing_sends_home_whoever_waits(start_jobs: OpenJobs) -> None:
    jobs = start_jobs()
    job = jobs.submit(spec(), b"cat")
    waiting = asyncio.create_task(jobs.wait(job.id, "", timeout_s=PATIENCE_S))
    following = asyncio.create_task(jobs.events(job.id, "", after=1, timeout_s=PATIENCE_S))
    while len(jobs._changes._waiting.get(job.id, ())) < 2:  # noqa: ASYNC110  (other threads)
        await asyncio.sleep(0.001)
    jobs.drain()
    assert await waiting == job
    with pytest.raises(ShuttingDown):
        await following
    with pytest.raises(ShuttingDown):
        jobs.submit(spec(), b"dog")
