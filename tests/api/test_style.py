"""/style over HTTP, with the bundled networks and real jobs: painted, watched, fetched, refused."""

import asyncio
import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.api.style_schemas import JobAnswer, JobListAnswer
from tests import pictures
from tests.answers import problem
from tests.serving import Brake, Serve, copy_model

pytestmark = pytest.mark.anyio

NETWORKS = ("multistyle26", "magenta-style-predict", "magenta-style-transform")
CONTENT, STYLE = pictures.jpeg(80, 48), pictures.png(64, 64)
KEYS = ("the key of one caller", "the key of another")
LONGEST_WAIT = {"wait": "60"}


@pytest.fixture
async def style(serve: Serve, models_dir, anyio_backend: str) -> httpx.AsyncClient:  # type: ignore[no-untyped-def]
    for name in NETWORKS:
        copy_model(models_dir, name)
    return (await serve()).client


def parts(content: bytes = CONTENT, style: bytes | None = None) -> dict[str, bytes]:
    return {"content": content} if style is None else {"content": content, "style": style}


async def start(client: httpx.AsyncClient, query: str = "preset=3", **options: Any) -> JobAnswer:
    options = {"files": parts(), **options}
    response = await client.post(f"/style?{query}", **options)
    assert response.status_code == 202, response.text
    job = JobAnswer.model_validate(response.json())
    assert response.headers["location"] == job.links.self == f"/style/{job.id}"
    return job


async def ended(client: httpx.AsyncClient, job: JobAnswer, **options: Any) -> JobAnswer:
    while not job.status.final:
        response = await client.get(job.links.self, params=LONGEST_WAIT, **options)
        job = JobAnswer.model_validate(response.raise_for_status().json())
    return job


def opened(response: httpx.Response, media_type: str = "image/png") -> Image.Image:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == media_type
    return Image.open(io.BytesIO(response.content))


@pytest.mark.parametrize(
    ("query", "style_picture"),
    [
        pytest.param("preset=3", None, id="a preset"),
        pytest.param("preset=3:0.7,12:0.3&strength=0.5&preserve_color=true", None, id="mixed"),
        pytest.param("", STYLE, id="any picture"),
        pytest.param("strength=0.5", STYLE, id="half of it"),
    ],
)
async def test_a_picture_is_painted(
    style: httpx.AsyncClient, query: str, style_picture: bytes | None
) -> None:
    job = await start(style, query, files=parts(style=style_picture))
    assert (job.status, job.method) == ("queued", "fast") or job.status in {"running", "succeeded"}

    done = await ended(style, job)

    assert (done.status, done.progress, done.error) == ("succeeded", 1.0, None)
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.created_at <= done.started_at <= done.finished_at
    assert done.timings.running_ms is not None
    assert done.links.result == f"/style/{job.id}/result"
    painted = opened(await style.get(done.links.result))
    assert painted.size == (80, 48)
    before = np.asarray(Image.open(io.BytesIO(CONTENT)).convert("RGB")).astype(int)
    assert np.abs(np.asarray(painted).astype(int) - before).mean() > 5
    assert opened(await style.get(f"/style/{job.id}/preview")).size == (80, 48)


async def test_the_result_comes_in_the_format_that_is_liked(style: httpx.AsyncClient) -> None:
    done = await ended(style, await start(style))
    assert done.links.result is not None

    for accept, media_type in {
        "*/*": "image/png",
        "image/webp": "image/webp",
        "image/avif, image/jpeg": "image/jpeg",
        "image/*": "image/png",
    }.items():
        response = await style.get(done.links.result, headers={"Accept": accept})
        assert opened(response, media_type).size == (80, 48)
        assert response.headers["vary"] == "Accept"


async def test_the_same_job_paints_the_same_picture(style: httpx.AsyncClient) -> None:
    jobs = [await ended(style, await start(style)) for _ in range(2)]

    one, other = [(await style.get(f"/style/{job.id}/result")).content for job in jobs]
    assert one == other
    assert jobs[0].id != jobs[1].id


async def test_an_idempotency_key_is_one_job(style: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "once"}
    one = await start(style, headers=key)
    assert (await start(style, headers=key)).id == one.id

    changed = await style.post("/style?preset=4", files=parts(), headers=key)
    problem(changed, 422, "idempotency_conflict")
    for bad in ("", "x" * 256):
        response = await style.post(
            "/style?preset=3", files=parts(), headers={"Idempotency-Key": bad}
        )
        assert problem(response, 422, "invalid_option")["option"] == "Idempotency-Key"


async def test_events_tell_all_of_it_and_resume(style: httpx.AsyncClient) -> None:
    job = await start(style)

    async def events(**headers: str) -> list[dict[str, Any]]:
        response = await style.get(job.links.events, headers=headers)
        assert response.headers["content-type"].startswith("text/event-stream")
        blocks = [block for block in response.text.split("\n\n") if block.startswith("id:")]
        read = [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
        assert {event["event"] for event in read} == {"progress"}
        return [{"number": int(event["id"]), **json.loads(event["data"])} for event in read]

    told = await events()
    assert [event["number"] for event in told] == sorted({event["number"] for event in told})
    assert told[-1]["status"] == "succeeded"
    assert told[-1]["progress"] == 1
    again = await events(**{"Last-Event-ID": str(told[-2]["number"])})
    assert again == told[-1:]
    response = await style.get(job.links.events, headers={"Last-Event-ID": "x"})
    assert problem(response, 422, "invalid_option")["option"] == "Last-Event-ID"


async def test_jobs_are_listed_page_by_page_the_newest_first(style: httpx.AsyncClient) -> None:
    ids = [(await start(style)).id for _ in range(3)]

    pages, query = [], "limit=2"
    while query:
        answer = (await style.get(f"/style?{query}")).raise_for_status().json()
        pages.append(JobListAnswer.model_validate(answer))
        query = f"limit=2&cursor={pages[-1].next}" if pages[-1].next else ""

    assert [[job.id for job in page.jobs] for page in pages] == [ids[:0:-1], ids[:1]]
    bad = await style.get("/style?cursor=somewhere")
    assert problem(bad, 422, "invalid_option")["option"] == "cursor"


async def test_a_finished_job_is_removed(style: httpx.AsyncClient) -> None:
    job = await ended(style, await start(style))

    assert (await style.delete(job.links.self)).status_code == 200
    for path in (job.links.self, job.links.events, f"{job.links.self}/result"):
        problem(await style.get(path), 404, "job_not_found")
    problem(await style.delete(job.links.self), 404, "job_not_found")


@pytest.fixture
async def held(style: httpx.AsyncClient, brake: Brake) -> JobAnswer:
    """Return a job that does not get anywhere until the brake is released."""
    brake.press()
    return await start(style)


async def test_what_is_not_there_yet(style: httpx.AsyncClient, held: JobAnswer) -> None:
    assert held.links.result is None
    for part in ("result", "preview"):
        problem(await style.get(f"/style/{held.id}/{part}"), 409, "job_not_finished")


async def test_a_job_is_canceled_once(
    style: httpx.AsyncClient, held: JobAnswer, brake: Brake
) -> None:
    answer = JobAnswer.model_validate((await style.delete(held.links.self)).json())
    assert answer.status == "canceled"
    problem(await style.delete(held.links.self), 409, "job_canceled")
    problem(await style.get(f"/style/{held.id}/result"), 409, "job_canceled")

    brake.release()
    assert (await ended(style, await start(style))).status == "succeeded"  # the painter is free


async def test_waiting_ends_with_the_job(
    style: httpx.AsyncClient, held: JobAnswer, brake: Brake
) -> None:
    waiting = asyncio.create_task(ended(style, held))
    answer = (await style.get(held.links.self)).json()
    assert answer["status"] in {"queued", "running"}
    brake.release()
    assert (await waiting).status == "succeeded"


async def test_the_queue_is_bounded(
    serve: Serve,
    models_dir,
    brake: Brake,
    anyio_backend: str,  # type: ignore[no-untyped-def]
) -> None:
    for name in NETWORKS:
        copy_model(models_dir, name)
    client = (await serve(max_queued_jobs=1)).client
    brake.press()
    answers = [await client.post("/style?preset=1", files=parts()) for _ in range(4)]

    refused = [answer for answer in answers if answer.status_code != 202]
    assert len(refused) in {2, 3}  # one waits, and perhaps one is being painted
    for answer in refused:
        problem(answer, 503, "overloaded")
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_job_belongs_to_its_key(
    serve: Serve,
    models_dir,
    anyio_backend: str,  # type: ignore[no-untyped-def]
) -> None:
    for name in NETWORKS:
        copy_model(models_dir, name)
    client = (await serve(api_keys=KEYS)).client
    mine, theirs = ({"X-API-Key": key} for key in KEYS)
    job = await start(client, headers=mine)

    for call in (client.get, client.delete):
        problem(await call(job.links.self, headers=theirs), 404, "job_not_found")
        problem(await call(job.links.self), 401, "unauthorized")
    assert (await client.get("/style", headers=theirs)).json() == {"jobs": []}
    assert (await ended(client, job, headers=mine)).status == "succeeded"


@pytest.mark.parametrize(
    ("query", "body", "status", "code", "members"),
    [
        ("", parts(), 400, "empty_body", {"part": "style"}),
        ("preset=3", {"style": STYLE}, 400, "empty_body", {"part": "content"}),
        ("preset=3", parts(style=STYLE), 422, "invalid_option", {"option": "preset"}),
        ("preset=26", parts(), 422, "invalid_option", {"option": "preset"}),
        ("preset=blue", parts(), 422, "invalid_option", {"option": "preset"}),
        ("strength=2", parts(style=STYLE), 422, "invalid_option", {"option": "strength"}),
        ("steps=5", parts(style=STYLE), 422, "invalid_option", {"option": "steps"}),
        ("method=paint", parts(style=STYLE), 422, "invalid_option", {"option": "method"}),
        (
            "method=optimize&style_weight=-1",
            parts(style=STYLE),
            422,
            "invalid_option",
            {"option": "style_weight"},
        ),
        (
            "method=optimize&preset=3",
            parts(style=STYLE),
            422,
            "invalid_option",
            {"option": "preset"},
        ),
        ("method=optimize", parts(), 400, "empty_body", {"part": "style"}),
        ("method=optimize", parts(style=STYLE), 404, "model_not_found", {}),
        ("", parts(style=STYLE[:90]), 422, "truncated_image", {"part": "style"}),
        ("", parts(style=b"hello"), 415, "unsupported_format", {"part": "style"}),
        ("", parts(style=pictures.png(1, 1)), 422, "invalid_option", {"option": "style"}),
        ("preset=3", parts(pictures.png(1, 1)), 422, "invalid_option", {"option": "content"}),
        ("preset=3&webhook=http://host/x", parts(), 422, "invalid_option", {"option": "webhook"}),
    ],
)
async def test_what_cannot_be_painted_is_not_accepted(
    style: httpx.AsyncClient,
    query: str,
    body: dict[str, bytes],
    status: int,
    code: str,
    members: dict[str, str],
) -> None:
    document = problem(await style.post(f"/style?{query}", files=body), status, code)

    assert members.items() <= document.items()
    assert (await style.get("/style")).json() == {"jobs": []}


async def test_an_unknown_job(style: httpx.AsyncClient) -> None:
    for name in ("0" * 32, "jobs.sqlite", "x"):
        problem(await style.get(f"/style/{name}/result"), 404, "job_not_found")


async def test_without_style_networks_there_are_no_jobs(client: httpx.AsyncClient) -> None:
    problem(await client.post("/style?preset=3", files=parts()), 404, "model_not_found")
    problem(await client.get("/style"), 404, "model_not_found")
    problem(await client.get(f"/style/{'0' * 32}/events"), 404, "model_not_found")
