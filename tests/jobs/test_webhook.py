"""Only whom the operator allows is told, once it is signed, and no redirect leads elsewhere."""

import hashlib
import hmac
import json

import pytest

from service.errors import InvalidOption, StartupError
from service.jobs.job import Failure, Job, JobSpec, Status
from service.jobs.webhook import Webhooks, message
from tests.jobs.listeners import SECRET, listening


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("example.com", "https://example.com/done?job=1"),
        ("example.com", "http://example.com:8080"),
        ("Example.com", "https://EXAMPLE.com/"),
        ("example.com:443", "https://example.com/"),
        ("example.com:8080", "http://example.com:8080/"),
        ("::1", "http://[::1]:8080/"),
    ],
)
def test_who_is_on_the_list_may_be_told(host: str, url: str) -> None:
    Webhooks([host], SECRET).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",  # somebody else
        "https://example.com.evil.org/",
        "https://other.example.com/",
        "https://evil.org#example.com",
        "https://evil.org\\@example.com/",
        "https://example.com@evil.org/",
        "https://user:password@example.com/",
        "https://only.example.com:8080/",  # another port
        "ftp://example.com/",
        "file:///etc/passwd",
        "example.com",
        "//example.com/",
        "",
        "https://example.com/\r\nHost: evil.org",
        "https://example.com/a b",
        "https://example.com:port/",
        "https://[example.com/",
        "https://exämple.com/",
        "https://example.com/" + "x" * 2000,
    ],
)
def test_nobody_else_may(url: str) -> None:
    with pytest.raises(InvalidOption, match="webhook"):
        Webhooks(["example.com", "only.example.com:443"], SECRET).check(url)


def test_without_a_list_nobody_is_told() -> None:
    with pytest.raises(InvalidOption):
        Webhooks([], "").check("https://example.com/")


def test_a_list_needs_a_secret() -> None:
    with pytest.raises(StartupError, match="secret"):
        Webhooks(["example.com"], "")


def test_a_message_is_signed() -> None:
    with listening(204) as server:
        assert Webhooks(["127.0.0.1"], SECRET).send(f"{server.url}/done?job=1", b'{"id": "1"}')
    [(path, headers, body)] = server.heard
    assert path == "/done?job=1"
    assert headers["Content-Type"] == "application/json"
    signed = headers["Chiasm-Timestamp"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Chiasm-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize("status", [301, 307, 404, 500])
def test_whatever_is_no_success_is_a_failure_and_no_redirect_is_followed(status: int) -> None:
    with listening(status, 200) as server:
        assert not Webhooks(["127.0.0.1"], SECRET).send(server.url, b"{}")
    assert [path for path, _, _ in server.heard] == ["/"]


def test_nobody_there_is_a_failure() -> None:
    with listening() as server:
        pass
    assert not Webhooks(["127.0.0.1"], SECRET).send(server.url, b"{}")


def test_the_list_holds_when_a_message_is_sent() -> None:
    with listening() as server, pytest.raises(InvalidOption):
        Webhooks(["example.com"], SECRET).send(server.url, b"{}")
    assert server.heard == []


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (None, None),
        (Failure(code="storage_full", detail="no"), {"code": "storage_full", "detail": "no"}),
    ],
)
def test_a_message_says_how_a_job_ended(failure: Failure | None, error: object) -> None:
    job = Job(
        id="1" * 32,
        spec=JobSpec(method="fast", owner="alice", created_at=1.0),
        status=Status.FAILED if failure else Status.SUCCEEDED,
        revision=3,
        step=0,
        steps=0,
        failure=failure,
        finished_at=2.0,
    )
    assert json.loads(message(job)) == {
        "id": "1" * 32,
        "status": "failed" if failure else "succeeded",
        "method": "fast",
        "created_at": 1.0,
        "finished_at": 2.0,
        "error": error,
    }
