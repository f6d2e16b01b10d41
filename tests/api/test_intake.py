import asyncio
import base64
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from service.api.intake import ENVELOPE_BYTES, Intake
from service.errors import ChiasmError, EmptyBody, ImageTooLarge, InvalidBody, Overloaded
from tests import pictures
from tests.answers import predictions, problem
from tests.pictures import MEGABYTE, brief
from tests.serving import DIGITS, Brake, Serve, until

pytestmark = pytest.mark.anyio

KILOBYTE = 1024
FORM = "multipart/form-data; boundary=edge"


def part(data: bytes, *headers: str) -> bytes:
    """Return a part of a multipart body with the boundary `edge`, without the last boundary."""
    head = "".join(f"{header}\r\n" for header in headers)
    return b"--edge\r\n" + head.encode() + b"\r\n" + data + b"\r\n"


def file_part(data: bytes, name: str = "image") -> bytes:
    return part(data, f'Content-Disposition: form-data; name="{name}"; filename="a.jpg"')


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--edge--\r\n"


def as_form(data: bytes) -> tuple[bytes, str]:
    return form(file_part(data)), FORM


def as_raw(data: bytes) -> tuple[bytes, str]:
    return data, "application/octet-stream"


def as_json(data: bytes) -> tuple[bytes, str]:
    return json.dumps({"image": base64.b64encode(data).decode()}).encode(), "application/json"


each_way = pytest.mark.parametrize("way", [as_form, as_raw, as_json])
Way = Callable[[bytes], tuple[bytes, str]]


async def post(client: httpx.AsyncClient, body: Any, content_type: str) -> httpx.Response:
    return await client.post("/classify", content=body, headers={"Content-Type": content_type})


async def in_chunks(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


class Endless:
    """A body that never ends; counts what was taken of it."""

    def __init__(self, first: bytes = b"") -> None:
        self.taken = 0
        self._first = first

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._first
        while True:
            self.taken += 16 * KILOBYTE
            yield b"A" * (16 * KILOBYTE)


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


# Envelopes that cannot be read

JPEG = pictures.jpeg()
WHOLE = form(file_part(JPEG))


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (WHOLE, "multipart/form-data", "no boundary"),
        (WHOLE, "multipart/form-data; boundary=", "no boundary"),
        (WHOLE, "multipart/form-data; boundary=other", "malformed"),
        (WHOLE, f"multipart/form-data; boundary={'x' * 300}", "malformed"),
        (WHOLE, 'multipart/form-data; boundary="', "malformed"),
        (b"", FORM, "ends before"),
        (b"\r\n", FORM, "ends before"),
        (JPEG, FORM, "malformed"),  # a raw picture under the wrong label
        (b"--edge", FORM, "ends before"),
        (WHOLE[: len(WHOLE) // 2], FORM, "ends before"),
        (WHOLE[:30], FORM, "ends before"),  # cut in a header
        (file_part(JPEG), FORM, "ends before"),
        (form(file_part(JPEG, "picture")), FORM, "unknown part 'picture'"),
        (form(file_part(JPEG, "")), FORM, "unknown part ''"),
        (form(part(JPEG)), FORM, "unknown part ''"),  # no headers at all
        (form(part(JPEG, "Content-Disposition: form-data")), FORM, "unknown part ''"),
        (form(part(JPEG, "Content-Type: image/jpeg")), FORM, "unknown part ''"),
        (form(part(b"5", 'Content-Disposition: form-data; name="top_k"')), FORM, "in the query"),
        (form(file_part(JPEG), file_part(JPEG)), FORM, "twice"),
        (form(file_part(JPEG), *[file_part(b"", "more")] * 1000), FORM, "unknown part 'more'"),
        (form(part(JPEG, "no colon")), FORM, "malformed"),
        (form(part(JPEG, ": no name")), FORM, "malformed"),
        (form(part(JPEG, *["X-Header: 1"] * 100)), FORM, "malformed"),
        (form(part(JPEG, f"X-Header: {'y' * 10_000}")), FORM, "malformed"),
        (b'--edge\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n', FORM, "unknown part"),
    ],
    ids=brief,
)
async def test_malformed_multipart(
    client: httpx.AsyncClient, body: bytes, content_type: str, said: str
) -> None:
    document = problem(await post(client, body, content_type), 400, "invalid_body")

    assert said in document["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"\xff\xd8", "not JSON"),  # not even UTF-8
        (b"[" * 100_000, "not JSON"),  # deeper than Python's stack
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
        (b'"aGk="', "must be an object"),
        (b'{"image": "aGk=", "top_k": 5}', "unknown member 'top_k'"),
        (b'{"picture": "aGk="}', "unknown member 'picture'"),
        (b'{"\\ud800": "aGk="}', "unknown member"),  # half of a surrogate pair
        (b'{"image": 5}', "string of base64"),
        (b'{"image": null}', "string of base64"),
        (b'{"image": ["aGk="]}', "string of base64"),
        (b'{"image": "a"}', "not base64"),
        (b'{"image": "aGk=\\n"}', "not base64"),
        (b'{"image": "a-_="}', "not base64"),
        (b'{"image": "\\ud800"}', "not base64"),
        (b'{"image": "https://example.org/cat.jpg"}', "not base64"),  # nothing is fetched
        (b'{"image": "/etc/passwd"}', "not base64"),
        (b'{"image": "data:image/png,aGk="}', "without base64"),
        (b'{"image": "data:image/png;base64"}', "without base64"),
    ],
    ids=brief,
)
async def test_malformed_json(client: httpx.AsyncClient, body: bytes, said: str) -> None:
    document = problem(await post(client, body, "application/json"), 400, "invalid_body")

    assert said in document["detail"]


# Bodies with too many bytes


@each_way
async def test_a_picture_of_just_the_allowed_size(serve: Serve, picture: bytes, way: Way) -> None:
    served = await serve(max_image_bytes=len(picture))

    assert predictions(await post(served.client, *way(picture)))


@each_way
async def test_one_byte_too_many(serve: Serve, picture: bytes, way: Way) -> None:
    served = await serve(max_image_bytes=len(picture) - 1)
    body, content_type = way(picture)

    for sent in (body, in_chunks(body, 100)):
        document = problem(await post(served.client, sent, content_type), 413, "image_too_large")
        assert document["limit"] == "bytes"
        assert document["max_bytes"] == len(picture) - 1


@each_way
async def test_21_megabytes_that_say_so_are_refused_unread(
    client: httpx.AsyncClient, way: Way
) -> None:
    body, content_type = way(pictures.JPEG_HEADER + bytes(21 * MEGABYTE))
    endless = Endless()
    headers = {"Content-Type": content_type, "Content-Length": str(len(body))}

    response = await client.post("/classify", content=endless, headers=headers)

    problem(response, 413, "image_too_large")
    assert endless.taken == 0


@pytest.mark.parametrize(
    ("content_type", "first", "limit"),
    [
        ("image/jpeg", b"", 20 * MEGABYTE),
        (FORM, file_part(b"").removesuffix(b"\r\n"), 20 * MEGABYTE),
        ("application/json", b'{"image": "', 20 * MEGABYTE / 3 * 4),
    ],
    ids=brief,
)
async def test_an_endless_body_is_read_up_to_the_limit_and_no_further(
    client: httpx.AsyncClient, content_type: str, first: bytes, limit: float
) -> None:
    endless = Endless(first)

    response = await post(client, endless, content_type)

    problem(response, 413, "image_too_large")
    assert limit < endless.taken <= limit + 2 * ENVELOPE_BYTES


async def test_memory_stays_within_the_limit_whatever_is_sent(serve: Serve) -> None:
    served = await serve(max_image_bytes=2 * MEGABYTE)
    tracemalloc.start()
    try:
        problem(await post(served.client, Endless(), "image/jpeg"), 413, "image_too_large")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 3 * MEGABYTE


# The budget of all requests together


async def test_what_is_held_counts_until_the_answer_is_there(
    serve: Serve, brake: Brake, picture: bytes
) -> None:
    served = await serve(max_buffered_bytes=2 * len(picture) - 1)
    pipeline = served.models.models[DIGITS].pipeline
    brake.press()
    first = asyncio.create_task(served.client.post("/classify", content=picture))
    await until(lambda: pipeline.in_flight == 1)
    pipeline.admission.seed(0.0)  # so that only the memory is short

    second = await served.client.post("/classify", content=picture)
    brake.release()

    problem(second, 503, "overloaded")
    assert second.headers["retry-after"] == "1"
    assert predictions(await first)
    assert predictions(await served.client.post("/classify", content=picture))


def request(body: bytes, content_type: str) -> Request:
    """Return a request whose body arrives at once."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    headers = [(b"content-type", content_type.encode())]

    async def receive() -> Message:
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def received(
    intake: Intake, body: bytes, content_type: str, names: Sequence[str]
) -> dict[str, bytes]:
    async with intake.receive(request(body, content_type), names) as found:
        assert intake.buffered_bytes == len(body)
        return found


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"", "image/jpeg", EmptyBody),
        (b"{", "application/json", InvalidBody),
        (b"no boundary", FORM, InvalidBody),
        (b"A" * 101, "image/jpeg", ImageTooLarge),
        (form(file_part(b"A" * 101)), FORM, ImageTooLarge),
        (b" " * 2000, "application/json", Overloaded),
    ],
    ids=brief,
)
async def test_nothing_is_held_after_a_refusal(
    body: bytes, content_type: str, error: type[ChiasmError]
) -> None:
    intake = Intake(max_image_bytes=100, max_buffered_bytes=1000)

    with pytest.raises(error):
        await received(intake, body, content_type, ["image"])

    assert intake.buffered_bytes == 0


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
