import base64
import json

import httpx
import pytest

from service.api.intake import Intake
from service.errors import ChiasmError, EmptyBody, InvalidBody
from tests import pictures
from tests.answers import predictions, problem
from tests.api.bodies import FORM, Way, each_way, file_part, form, in_chunks, part, post, received
from tests.pictures import brief

pytestmark = pytest.mark.anyio

# The three ways in


async def test_a_file_part_as_clients_send_it(client: httpx.AsyncClient, picture: bytes) -> None:
    response = await client.post("/classify", files={"image": ("cat.jpg", picture, "image/jpeg")})

    assert predictions(response)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/octet-stream",
        "image/jpeg",
        "image/png",  # the bytes decide, not the label
        "application/x-www-form-urlencoded",  # what curl --data-binary says
        "text/plain; charset=utf-8",
        "multipart/mixed; boundary=edge",
        "nonsense",
        ";;;",
        "",
    ],
)
async def test_a_raw_body_may_be_called_anything(
    client: httpx.AsyncClient, picture: bytes, content_type: str
) -> None:
    assert predictions(await post(client, picture, content_type))


async def test_a_raw_body_need_not_be_called_anything(
    client: httpx.AsyncClient, picture: bytes
) -> None:
    request = client.build_request("POST", "/classify", content=picture)
    assert "content-type" not in request.headers

    assert predictions(await client.send(request))


@pytest.mark.parametrize("prefix", ["", "data:image/jpeg;base64,", "data:;base64,"])
@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
async def test_json_carries_base64_or_a_data_url(
    client: httpx.AsyncClient, picture: bytes, prefix: str, content_type: str
) -> None:
    document = {"image": prefix + base64.b64encode(picture).decode()}

    assert predictions(await post(client, json.dumps(document), content_type))


@each_way
async def test_all_ways_give_the_same_answer(
    client: httpx.AsyncClient, picture: bytes, way: Way
) -> None:
    raw = await client.post("/classify", content=picture)

    assert (await post(client, *way(picture))).json() == raw.json()


@each_way
@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_chunks_of_any_size_without_a_declared_length(
    client: httpx.AsyncClient, picture: bytes, way: Way, size: int
) -> None:
    body, content_type = way(picture)

    assert predictions(await post(client, in_chunks(body, size), content_type))


@pytest.mark.parametrize(
    "body",
    [
        form(part(pictures.jpeg(), 'Content-Disposition: form-data; name="image"')),  # no filename
        form(part(pictures.jpeg(), "content-disposition: form-data; name=image")),
        form(
            part(
                pictures.jpeg(),
                "Content-Type: text/plain",
                'Content-Disposition: form-data; filename="x"; name="image"',
                "X-Other: 1",
            )
        ),
        b"\r\n" + form(file_part(pictures.jpeg())),  # an empty line before the first boundary
        form(file_part(pictures.jpeg())) + b"what follows the last boundary does not count",
        form(file_part(pictures.jpeg())).removesuffix(b"\r\n"),
    ],
    ids=brief,
)
async def test_multipart_bodies_that_clients_really_send(
    client: httpx.AsyncClient, body: bytes
) -> None:
    assert predictions(await post(client, body, FORM))


# Bodies with nothing in them


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "image/jpeg"),
        (b"", "application/json"),
        (b'{"image": ""}', "application/json"),
        (b'{"image": "data:image/png;base64,"}', "application/json"),
        (b"{}", "application/json"),
        (form(), FORM),
        (form(file_part(b"")), FORM),
    ],
    ids=brief,
)
async def test_nothing_where_a_picture_was_due(
    client: httpx.AsyncClient, body: bytes, content_type: str
) -> None:
    problem(await post(client, body, content_type), 400, "empty_body")


async def test_an_empty_stream_is_empty(client: httpx.AsyncClient) -> None:
    problem(await post(client, in_chunks(b"", 1), "image/jpeg"), 400, "empty_body")


# Routes that want two pictures

PAIR = ["image1", "image2"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (form(file_part(b"one", "image1"), file_part(b"two", "image2")), FORM),
        (form(file_part(b"two", "image2"), file_part(b"one", "image1")), FORM),
        (b'{"image2": "dHdv", "image1": "b25l"}', "application/json"),
    ],
    ids=brief,
)
async def test_two_pictures_in_any_order(body: bytes, content_type: str) -> None:
    intake = Intake(max_image_bytes=100, max_buffered_bytes=1000)

    assert await received(intake, body, content_type, PAIR) == {"image1": b"one", "image2": b"two"}
    assert intake.buffered_bytes == 0


@pytest.mark.parametrize(
    ("body", "content_type", "error", "said"),
    [
        (b"one", "image/jpeg", InvalidBody, "image1 and image2"),
        (form(file_part(b"one", "image1")), FORM, EmptyBody, "'image2'"),
        (b'{"image2": "dHdv"}', "application/json", EmptyBody, "'image1'"),
    ],
    ids=brief,
)
async def test_one_of_two_pictures_is_not_enough(
    body: bytes, content_type: str, error: type[ChiasmError], said: str
) -> None:
    intake = Intake(max_image_bytes=100, max_buffered_bytes=1000)

    with pytest.raises(error, match=said):
        await received(intake, body, content_type, PAIR)
