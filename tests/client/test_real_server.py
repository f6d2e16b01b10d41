"""Every call of both clients against the real service on a socket, with the bundled networks."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import service.client
from service.client import AsyncChiasm, Chiasm, ChiasmProblem
from tests.client.conftest import NETWORKS
from tests.faces import astronaut, jpeg
from tests.servers import Server

pytestmark = pytest.mark.anyio


def opened(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture))


async def test_classify(here: Any, samples: Path) -> None:
    answer = await here.classify(samples / "cat.jpg", top_k=3, crops=5)

    assert answer.model == "efficientnet-lite0"
    assert (answer.image.width, answer.image.height) == (451, 300)
    assert len(answer.predictions) == 3
    assert "cat" in answer.predictions[0].label


async def test_detect(here: Any, samples: Path) -> None:
    with (samples / "coffee.jpg").open("rb") as file:
        answer = await here.detect(file, classes=["cup", "spoon"], score_threshold=0.3)

    labels = {one.label for one in answer.detections}
    assert "cup" in labels <= {"cup", "spoon"}
    assert all(0 <= one.box.x1 < one.box.x2 <= answer.image.width for one in answer.detections)


async def test_detect_picture(here: Any, samples: Path) -> None:
    plain = await here.detect_picture(samples / "coffee.jpg")
    other = await here.detect_picture(samples / "coffee.jpg", format="image/webp")

    assert (opened(plain).format, opened(other).format) == ("JPEG", "WEBP")
    assert opened(plain).size == opened(samples.joinpath("coffee.jpg").read_bytes()).size


async def test_segment(here: Any) -> None:
    answer = await here.segment(jpeg(astronaut()), mask="polygon")

    assert answer.model == "selfie-person"
    person = next(one for one in answer.classes if one.label == "person")
    assert 0.2 < person.fraction < 0.8
    assert len(person.mask[0][0]) >= 3  # corners of the outline


async def test_segment_with_a_filter(here: Any, samples: Path) -> None:
    answer = await here.segment(samples / "cat.jpg", model="edges", filter="sobel")

    assert (answer.classes, answer.map.filter) == (None, "sobel")


async def test_segment_picture(here: Any) -> None:
    photo = jpeg(astronaut())

    cut = await here.segment_picture(photo, render="cutout")
    colored = await here.segment_picture(photo, render="overlay", format="image/jpeg")

    assert (opened(cut).mode, opened(cut).size) == ("RGBA", (512, 512))
    assert opened(colored).format == "JPEG"


async def test_faces(here: Any) -> None:
    answer = await here.faces(jpeg(astronaut()), embed=True)

    [face] = answer.faces
    assert len(face.landmarks) == 68
    assert len(face.encoding) == 128
    assert opened(await here.faces_picture(jpeg(astronaut()))).format == "JPEG"


async def test_verify(here: Any) -> None:
    answer = await here.verify(jpeg(astronaut()), jpeg(astronaut(), 60), faces="largest")

    assert answer.verified
    assert [face.picture for face in answer.faces] == ["image1", "image2"]


async def test_problems(here: Any, samples: Path) -> None:
    with pytest.raises(ChiasmProblem) as caught:
        await here.verify(jpeg(astronaut()), samples / "coffee.jpg")
    assert (caught.value.status, caught.value.code) == (422, "no_face")
    assert caught.value.request_id

    with pytest.raises(ChiasmProblem) as caught:
        await here.classify(samples / "cat.jpg", model="nonsense")
    assert caught.value.members == {"available": ["efficientnet-lite0"]}

    with pytest.raises(ChiasmProblem, match="unsupported_format"):
        await here.classify(b"no picture")


async def test_a_deadline_reaches_the_server(here: Any, samples: Path) -> None:
    with pytest.raises(ChiasmProblem) as caught:
        await here.classify(samples / "cat.jpg", deadline_ms=0.001)

    assert (caught.value.status, caught.value.code) == (504, "deadline_exceeded")


async def test_models(here: Any) -> None:
    assert {row.name for row in (await here.models()).models} == set(NETWORKS)
    detail = await here.model("selfie-person")
    assert detail.task == "segment"
    assert detail.layers


async def test_ready(here: Any) -> None:
    assert await here.ready()
    assert set((await here.readiness()).models) == set(NETWORKS)


async def test_nobody_there(make: Callable[..., Any]) -> None:
    with pytest.raises(ChiasmProblem) as caught:
        await make("http://127.0.0.1:1", retries=0).ready()

    assert (caught.value.status, caught.value.code) == (0, "unreachable")


def test_blocking_in_its_context(bundled: Server) -> None:
    with Chiasm(bundled.url) as chiasm:
        assert chiasm.ready()

    with pytest.raises(RuntimeError, match="closed"):
        chiasm.ready()


async def test_many_calls_at_once(bundled: Server, samples: Path) -> None:
    async with AsyncChiasm(bundled.url) as chiasm:
        asked = [chiasm.classify(samples / "cat.jpg") for _ in range(4)]
        answers = await asyncio.gather(*asked)

    assert len({answer.model_dump_json() for answer in answers}) == 1
    with pytest.raises(RuntimeError, match="closed"):
        await chiasm.ready()


def test_the_example_of_the_package(
    bundled: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    lines = (service.client.__doc__ or "").partition("A picture is given")[0].splitlines()
    example = "\n".join(line[4:] for line in lines if line.startswith("    "))

    exec(example.replace("http://127.0.0.1:8000", bundled.url), {})

    said = capsys.readouterr().out.splitlines()
    assert "cat" in said[0]
    assert said[1].startswith("cup ")
    assert said[-1] == "no_face"
