import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import ImageOps

from service.api.tasks import STAGES
from service.engine.golden import difference
from tests import pictures
from tests.answers import predictions, problem
from tests.serving import DIGITS, MODELS, Serve, copy_model

pytestmark = pytest.mark.anyio

PHOTOGRAPHS = "efficientnet-lite0"


def scores(response: httpx.Response) -> dict[int, float]:
    return {one["class_id"]: one["score"] for one in predictions(response)}


# What an answer says


async def test_an_answer_names_model_frame_and_classes(
    client: httpx.AsyncClient, picture: bytes
) -> None:
    response = await client.post("/classify", content=picture)

    assert response.json().keys() == {"model", "image", "predictions"}
    assert response.json()["model"] == DIGITS
    assert response.json()["image"] == {"width": 40, "height": 24}
    found = predictions(response)
    assert len(found) == 3  # the manifest's top_k
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
    for one in found:
        assert one.keys() == {"class_id", "label", "score"}
        assert one["label"] == str(one["class_id"])
        assert 0 <= one["score"] <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_the_frame_is_the_upright_picture(
    client: httpx.AsyncClient, orientation: int
) -> None:
    stored = pictures.jpeg(40, 24, orientation=orientation)

    upright = (24, 40) if orientation >= 5 else (40, 24)
    answer = (await client.post("/classify", content=stored)).json()
    assert (answer["image"]["width"], answer["image"]["height"]) == upright


async def test_the_frame_is_the_full_picture_however_small_it_is_decoded(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/classify", content=pictures.jpeg(1603, 1201))

    assert answer.json()["image"] == {"width": 1603, "height": 1201}


async def test_the_headers_say_where_the_time_went_and_what_ran(
    client: httpx.AsyncClient, picture: bytes
) -> None:
    headers = (await client.post("/classify", content=picture)).headers

    entries = headers["server-timing"].split(", ")
    found = [re.fullmatch(r"([a-z]+);dur=(\d+\.\d\d)", entry) for entry in entries]
    assert [match and match[1] for match in found] == list(STAGES[:5])
    assert STAGES[:5] == ("decode", "preprocess", "queue", "infer", "postprocess")
    assert headers["x-execution-provider"] == "CPUExecutionProvider"
    assert headers["x-request-id"]


async def test_a_photograph_is_recognised(serve: Serve, models_dir: Path) -> None:
    copy_model(models_dir, PHOTOGRAPHS)
    golden = json.loads((MODELS / PHOTOGRAPHS / "golden.json").read_text())
    served = await serve()

    response = await served.client.post(
        "/classify",
        params=golden["options"],
        files={"image": (MODELS / PHOTOGRAPHS / golden["image"]).read_bytes()},
    )

    assert response.json()["model"] == PHOTOGRAPHS
    assert predictions(response)[0]["external_id"].startswith("n")
    actual = {"predictions": predictions(response)}
    assert difference(golden["expected"], actual, golden["tolerance"]) is None


async def test_every_caller_gets_the_answer_to_his_own_picture(client: httpx.AsyncClient) -> None:
    widths = range(20, 36)

    responses = await asyncio.gather(
        *[client.post("/classify", content=pictures.png(width, 20)) for width in widths]
    )

    assert [response.json()["image"]["width"] for response in responses] == list(widths)


# Options


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (4, 4), (10, 10), (1000, 10)])
async def test_top_k(client: httpx.AsyncClient, picture: bytes, top_k: int, count: int) -> None:
    response = await client.post(f"/classify?top_k={top_k}", content=picture)

    assert len(predictions(response)) == count


async def test_min_score(client: httpx.AsyncClient, picture: bytes) -> None:
    everything = scores(await client.post("/classify?top_k=10", content=picture))
    limit = sum(sorted(everything.values())[5:7]) / 2

    few = scores(await client.post(f"/classify?top_k=10&min_score={limit}", content=picture))
    none = scores(await client.post("/classify?min_score=1", content=picture))

    assert few == {key: score for key, score in everything.items() if score > limit}
    assert len(few) == 4
    assert none == {}


async def test_all_scores_sum_to_one(client: httpx.AsyncClient, picture: bytes) -> None:
    everything = scores(await client.post("/classify?top_k=10", content=picture))

    assert sum(everything.values()) == pytest.approx(1, abs=1e-5)


async def test_crops_look_again(serve: Serve, models_dir: Path) -> None:
    """Ten crops of a picture are ten crops of its mirror image; one crop and five are not."""
    copy_model(models_dir, PHOTOGRAPHS)
    client = (await serve()).client
    original = pictures.stroke(512, 256)

    async def ask(crops: int, *, mirrored: bool = False) -> dict[int, float]:
        picture = ImageOps.mirror(original) if mirrored else original
        body = pictures.encoded(picture, "PNG")
        params = {"crops": crops, "top_k": 1000}
        return scores(await client.post("/classify", params=params, content=body))

    one, five, ten = await asyncio.gather(ask(1), ask(5), ask(10))
    assert one != pytest.approx(five, abs=1e-3)
    assert five != pytest.approx(ten, abs=1e-3)
    assert ten == pytest.approx(await ask(10, mirrored=True), abs=1e-3)
    assert five != pytest.approx(await ask(5, mirrored=True), abs=1e-3)


# Which model


async def test_the_preferred_model_is_the_default(
    serve: Serve, models_dir: Path, picture: bytes
) -> None:
    copy_model(models_dir, name="another")
    served = await serve(default_classify=("missing", DIGITS))

    response = await served.client.post("/classify", content=picture)

    assert response.json()["model"] == DIGITS


async def test_without_a_preference_the_first_by_name_is(
    serve: Serve, models_dir: Path, picture: bytes
) -> None:
    copy_model(models_dir, name="another")
    served = await serve(default_classify=())

    response = await served.client.post("/classify", content=picture)

    assert response.json()["model"] == "another"


async def test_a_house_without_models_says_so(serve: Serve, tmp_path: Path, picture: bytes) -> None:
    (tmp_path / "empty").mkdir()
    served = await serve(models_dir=tmp_path / "empty")

    response = await served.client.post("/classify", content=picture)

    assert problem(response, 404, "model_not_found")["available"] == []


# Several models


@pytest.fixture
async def ensemble(serve: Serve, models_dir: Path) -> httpx.AsyncClient:
    """Return a client of `one`, of `two` that crops otherwise, and of `odd` with other labels."""
    copy_model(models_dir, name="one")
    copy_model(models_dir, name="two", resize='"letterbox"')
    odd = copy_model(models_dir, name="odd")
    labels = (odd / "labels.txt").read_text().splitlines()
    (odd / "labels.txt").write_text("\n".join(reversed(labels)))
    return (await serve()).client


async def test_an_ensemble_averages(ensemble: httpx.AsyncClient, picture: bytes) -> None:
    one, two, both = [
        await ensemble.post(f"/classify?top_k=10&{names}", content=picture)
        for names in ("model=one", "model=two", "model=one&model=two")
    ]

    assert both.json()["model"] == ["one", "two"]
    assert both.json()["image"] == {"width": 40, "height": 24}
    assert scores(one) != pytest.approx(scores(two), abs=0.01)
    assert scores(both) == pytest.approx(
        {key: (score + scores(two)[key]) / 2 for key, score in scores(one).items()}, abs=2e-6
    )
    ranked = list(scores(both).values())
    assert ranked == sorted(ranked, reverse=True)
    assert both.headers["x-execution-provider"] == "CPUExecutionProvider"
    assert both.headers["server-timing"].count(";dur=") == 5


async def test_an_ensemble_obeys_the_options(ensemble: httpx.AsyncClient, picture: bytes) -> None:
    query = "model=two&model=one&top_k=2&crops=10"

    response = await ensemble.post(f"/classify?{query}", content=picture)

    assert response.json()["model"] == ["two", "one"]
    assert len(predictions(response)) == 2


async def test_a_model_named_twice_votes_once(ensemble: httpx.AsyncClient, picture: bytes) -> None:
    once = await ensemble.post("/classify?model=one", content=picture)
    twice = await ensemble.post("/classify?model=one&model=one", content=picture)

    assert twice.json() == once.json()


async def test_different_labels_cannot_be_averaged(
    ensemble: httpx.AsyncClient, picture: bytes
) -> None:
    response = await ensemble.post("/classify?model=one&model=odd", content=picture)

    document = problem(response, 422, "invalid_option")
    assert document["option"] == "model"
    assert "one and odd" in document["detail"]


async def test_one_unknown_model_spoils_an_ensemble(
    ensemble: httpx.AsyncClient, picture: bytes
) -> None:
    response = await ensemble.post("/classify?model=one&model=three", content=picture)

    document: dict[str, Any] = problem(response, 404, "model_not_found")
    assert document["available"] == [DIGITS, "odd", "one", "two"]


async def test_one_bad_picture_spoils_an_ensemble(ensemble: httpx.AsyncClient) -> None:
    response = await ensemble.post("/classify?model=one&model=two", content=pictures.jpeg()[:-100])

    problem(response, 422, "truncated_image")
