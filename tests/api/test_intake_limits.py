import asyncio
import tracemalloc

import httpx
import pytest

from service.api.intake import ENVELOPE_BYTES, Intake
from service.errors import ChiasmError, EmptyBody, ImageTooLarge, InvalidBody, Overloaded
from tests import pictures
from tests.answers import predictions, problem
from tests.api.bodies import (
    FORM,
    Endless,
    Way,
    each_way,
    file_part,
    form,
    in_chunks,
    post,
    received,
)
from tests.pictures import MEGABYTE, brief
from tests.serving import DIGITS, Brake, Serve, until

pytestmark = pytest.mark.anyio

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


BEGINNINGS = [
    ("image/jpeg", b""),
    (FORM, file_part(b"").removesuffix(b"\r\n")),
    ("application/json", b'{"image": "'),
]


@pytest.mark.parametrize(("content_type", "first"), BEGINNINGS, ids=brief)
async def test_an_endless_body_is_read_up_to_the_limit_and_no_further(
    client: httpx.AsyncClient, content_type: str, first: bytes
) -> None:
    limit = 20 * MEGABYTE / 3 * 4 if content_type == "application/json" else 20 * MEGABYTE
    endless = Endless(first)

    response = await post(client, endless, content_type)

    problem(response, 413, "image_too_large")
    assert limit < endless.taken <= limit + 2 * ENVELOPE_BYTES


@pytest.mark.parametrize(("content_type", "first"), BEGINNINGS, ids=brief)
async def test_memory_stays_within_the_limit_whatever_is_sent(
    serve: Serve, content_type: str, first: bytes
) -> None:
    served = await serve(max_image_bytes=2 * MEGABYTE)
    tracemalloc.start()
    try:
        problem(await post(served.client, Endless(first), content_type), 413, "image_too_large")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * MEGABYTE


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
