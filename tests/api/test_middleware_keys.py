import hmac
import logging
from typing import Any

import pytest

from tests.answers import problem
from tests.serving import Serve

pytestmark = pytest.mark.anyio

KEYS = ("first-key-0123456789", "second-key-0123456789")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEYS[0]}"},
        {"Authorization": f"bearer  {KEYS[1]} "},
        {"X-API-Key": KEYS[1]},
        {"Authorization": "Basic dXNlcjpwYXNz", "X-API-Key": KEYS[0]},  # another's, for a proxy
    ],
)
async def test_either_header_brings_a_key(serve: Serve, headers: dict[str, str]) -> None:
    served = await serve(api_keys=KEYS)

    assert (await served.client.get("/models", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": KEYS[0]},  # no scheme
        {"Authorization": f"Basic {KEYS[0]}"},
        {"Authorization": f"Bearer {KEYS[0]}x"},
        {"Authorization": f"Bearer {KEYS[0][:-1]}"},
        {"Authorization": f"Bearer {','.join(KEYS)}"},
        {"X-API-Key": ""},
        {"X-API-Key": KEYS[0].upper()},
        {"X-API-Key": "schlüssel".encode()},
        {"Cookie": f"X-API-Key={KEYS[0]}"},
    ],
)
@pytest.mark.parametrize("path", ["/models", "/metrics", "/openapi.json", "/nowhere"])
async def test_without_a_key_nothing_is_shown(
    serve: Serve, headers: dict[str, Any], path: str
) -> None:
    served = await serve(api_keys=KEYS)

    problem(await served.client.get(path, headers=headers), 401, "unauthorized")


async def test_a_key_in_the_query_is_no_key(serve: Serve) -> None:
    served = await serve(api_keys=KEYS)

    problem(await served.client.get(f"/models?api_key={KEYS[0]}"), 401, "unauthorized")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_need_no_key(serve: Serve, path: str) -> None:
    served = await serve(api_keys=KEYS)

    assert (await served.client.get(path)).status_code == 200


async def test_a_refused_body_is_not_read(serve: Serve) -> None:
    served = await serve(api_keys=KEYS)

    async def body() -> Any:
        raise AssertionError("was read")
        yield b""

    problem(await served.client.post("/classify", content=body()), 401, "unauthorized")


@pytest.mark.parametrize("key", [KEYS[0], KEYS[1], "neither-key-0123456789"])
async def test_every_key_is_compared_for_every_request(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    served = await serve(api_keys=KEYS)
    compared = []
    compare = hmac.compare_digest

    def spy(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    await served.client.get("/models", headers={"X-API-Key": key})

    assert len(compared) == len(KEYS)
    assert len({known for _, known in compared}) == len(KEYS)
    assert {len(digest) for pair in compared for digest in pair} == {32}  # lengths do not show


async def test_keys_never_reach_the_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    served = await serve(api_keys=KEYS)

    for key in (*KEYS, "a-wrong-key-0123456789"):
        await served.client.get("/models", headers={"X-API-Key": key})
        await served.client.get("/models", headers={"Authorization": f"Bearer {key}"})

    assert [record.name for record in caplog.records].count("service.access") == 6
    for record in caplog.records:
        assert "0123456789" not in f"{record.getMessage()} {vars(record)}"
