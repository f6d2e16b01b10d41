"""Style jobs of both clients on the real service: ordered, watched, fetched, listed, canceled."""

import io
from typing import Any

import pytest
from PIL import Image

from service.client import ChiasmProblem
from tests import pictures
from tests.servers import Server
from tests.serving import PATIENCE_S

pytestmark = pytest.mark.anyio

CONTENT, STYLE = pictures.jpeg(80, 48), pictures.png(64, 64)


async def test_a_preset_is_watched_to_its_end(here: Any) -> None:
    job = await here.style(CONTENT, preset="3:0.7,12:0.3", strength=0.5)

    events = [event async for event in job.events()]

    assert (events[-1].status, events[-1].progress) == ("succeeded", 1.0)
    assert [event.step for event in events] == sorted(event.step for event in events)
    painted = Image.open(io.BytesIO(await job.result("image/jpeg")))
    assert (painted.format, painted.size) == ("JPEG", (80, 48))
    assert Image.open(io.BytesIO(await job.preview())).format == "PNG"


async def test_any_style_is_waited_for(here: Any) -> None:
    job = await here.style(io.BytesIO(CONTENT), STYLE, size=64)

    await job.wait(timeout_s=PATIENCE_S)

    assert (job.status, job.progress, job.answer.options) == ("succeeded", 1.0, {"size": 64})
    assert Image.open(io.BytesIO(await job.result())).width == 64


async def test_a_job_is_found_again(here: Any) -> None:
    job = await here.style(CONTENT, preset="3", idempotency_key="a key of this test")
    same = await here.style(CONTENT, preset="3", idempotency_key="a key of this test")
    await job.wait(timeout_s=PATIENCE_S)

    assert same.id == job.id
    assert (await here.job(job.id)).status == "succeeded"
    assert job.id in [one.id async for one in here.jobs(page_size=1)]


async def test_a_job_is_canceled(here: Any, bundled: Server) -> None:
    bundled.press_brake()
    try:
        job = await here.style(CONTENT, preset="3")
        with pytest.raises(ChiasmProblem, match="timeout"):
            await job.wait(timeout_s=0.1)
        with pytest.raises(ChiasmProblem) as caught:
            await job.result()
        assert (caught.value.status, caught.value.code) == (409, "job_not_finished")

        await job.cancel()
    finally:
        bundled.release_brake()

    assert (job.status, job.finished) == ("canceled", True)
    assert [event.status async for event in job.events()][-1] == "canceled"
    with pytest.raises(ChiasmProblem, match="job_canceled"):
        await job.cancel()


async def test_what_cannot_be_painted_is_refused_at_once(here: Any) -> None:
    with pytest.raises(ChiasmProblem) as caught:
        await here.style(CONTENT, preset="a style of my own")
    assert (caught.value.code, caught.value.members) == ("invalid_option", {"option": "preset"})

    with pytest.raises(ChiasmProblem, match="job_not_found"):
        await here.job("0" * 32)
