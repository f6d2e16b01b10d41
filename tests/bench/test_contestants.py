"""The comparison is a fair one: same answers, same libraries, same bytes."""

import asyncio
import dataclasses
import io
from pathlib import Path

import httpx
import pytest
from PIL import Image

from bench.agreement import disagreement
from bench.contestants import CHIASM, RIVALS, SERVERS
from bench.contestants.by_the_book import Book, one_thread
from bench.contestants.contestant import NoRivals
from bench.contestants.fastapi_app import app
from bench.models import folder_of
from bench.pictures import photograph
from bench.workloads import WORKLOADS, digit
from service.app import open_models
from service.engine.deadline import Deadline
from service.engine.pipeline import Encoded
from service.imaging.decode import DecodeLimits
from service.settings import Settings
from service.telemetry import Metrics

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
# What decodes, computes and serves.
DECISIVE = ("numpy", "onnxruntime", "pillow", "fastapi", "starlette", "uvicorn", "uvloop")
QUESTIONS = {
    "classify": photograph(500, 375),
    "digit": digit(),
    "detect": photograph(640, 480),
}


def pins(name):
    lines = (REQUIREMENTS / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))


@pytest.fixture(scope="module")
def answers():
    """What Chiasm answers, without HTTP."""
    folders = [folder_of(task) for task in QUESTIONS]
    models = open_models(Settings(), Metrics(), folders)
    answered = {}
    for task, picture in QUESTIONS.items():
        model = models.find(folder_of(task).manifest.task, folder_of(task).manifest.name)
        options = model.folder.task_type.options_type()
        source = Encoded(picture, DecodeLimits())
        answered[task] = model.pipeline.submit(source, options, Deadline.never()).result()
    models.close()
    return {task: answer.result.answer() for task, answer in answered.items()}


@pytest.mark.parametrize("task", QUESTIONS)
def test_by_the_book_the_answer_is_the_same(task, answers):
    answer = Book(task, one_thread()).answer_bytes(QUESTIONS[task])
    assert disagreement(answer, answers[task]) == ""


def test_a_tutorials_endpoint_takes_the_forms_that_are_sent(answers):
    contestant = SERVERS["fastapi"]

    async def ask(task, picture):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://rival") as client:
            headers = {"Content-Type": contestant.content_type}
            body = contestant.body(picture)
            return await client.post(contestant.paths[task], content=body, headers=headers)

    for task, picture in QUESTIONS.items():
        answer = asyncio.run(ask(task, picture)).raise_for_status().json()
        assert disagreement(answer, answers[task]) == ""


def test_a_file_that_is_the_body_stays_as_it_is():
    assert SERVERS[CHIASM].body(b"picture") == b"picture"
    assert SERVERS[CHIASM].content_type == "application/octet-stream"


def test_a_rival_that_is_not_installed_is_said():
    absent = dataclasses.replace(SERVERS["litserve"], command=("/nowhere/python",))
    with pytest.raises(NoRivals, match="litserve wants /nowhere/python"):
        absent.check()


def test_everybody_is_asked_for_every_task():
    assert {frozenset(server.paths) for server in SERVERS.values()} == {frozenset(QUESTIONS)}
    assert len(RIVALS) == len(SERVERS) - 3


def test_rivals_compute_with_the_same_libraries():
    ours, theirs = pins("base.txt"), pins("bench.txt")
    assert {name: theirs[name] for name in DECISIVE} == {name: ours[name] for name in DECISIVE}


def test_large_pictures_are_what_they_are_called():
    [question] = WORKLOADS["classify-12mp"].questions
    with Image.open(io.BytesIO(question.picture())) as image:
        assert (image.format, image.size) == ("JPEG", (4000, 3000))
