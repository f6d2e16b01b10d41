import random

import httpx
import pytest

from tests import pictures
from tests.answers import problem
from tests.api.bodies import FORM, Way, each_way, file_part, form, part, post
from tests.pictures import brief

pytestmark = pytest.mark.anyio

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


def damaged(body: bytes, chance: random.Random) -> bytes:
    """Return a body with a few bytes changed, left out or put in, mostly near its beginning."""
    changed = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(chance.choice([200, len(changed)]))
        debris = chance.choice([b"", b"\0", b"\r\n", b"--edge", b"--edge--", b'"', b"\\u", b"{"])
        changed[at : at + chance.randint(0, 20)] = debris
    return bytes(changed)


@each_way
@pytest.mark.parametrize("seed", range(40))
async def test_damage_is_never_a_bug(client: httpx.AsyncClient, way: Way, seed: int) -> None:
    body, content_type = way(pictures.jpeg())

    response = await post(client, damaged(body, random.Random(seed)), content_type)

    assert response.status_code in {200, 400, 413, 415, 422}
