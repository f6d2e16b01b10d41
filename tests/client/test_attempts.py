import httpx
import pytest

from service.client import ChiasmProblem
from service.client.attempts import BACKOFF_S, MAX_BACKOFF_S, PAUSE_S, Attempts, Patience, backoff_s

OVERLOADED = ChiasmProblem(503, "overloaded", "", retry_after_s=2.0)


def test_pauses_are_random_and_may_grow_up_to_a_limit() -> None:
    for failures, limit in [(0, BACKOFF_S), (1, 2 * BACKOFF_S), (100, MAX_BACKOFF_S)]:
        pauses = {backoff_s(failures) for _ in range(100)}
        assert len(pauses) > 1
        assert 0 <= min(pauses) < limit / 2 < max(pauses) <= limit


@pytest.mark.parametrize(
    ("error", "repeatable", "lost"),
    [
        (OVERLOADED, True, True),
        (OVERLOADED, False, False),  # refused before anything was done
        (ChiasmProblem(429, "http_error", ""), False, False),  # so would a proxy refuse
        (httpx.ConnectError(""), False, False),  # nothing was sent
        (httpx.ConnectTimeout(""), False, False),
        (httpx.PoolTimeout(""), False, False),
        (httpx.ReadError(""), True, False),  # perhaps carried out: once more does no harm
        (httpx.RemoteProtocolError(""), True, False),
        (ChiasmProblem(502, "http_error", ""), True, False),  # the same, seen by a proxy
        (ChiasmProblem(422, "idempotency_conflict", ""), True, True),  # an attempt overtook another
    ],
)
def test_another_attempt(
    error: httpx.RequestError | ChiasmProblem, repeatable: bool, lost: bool
) -> None:
    attempts = Attempts(retries=5, timeout_s=60, repeatable=repeatable)
    if lost:
        attempts.after(httpx.ReadError(""))

    pause_s = attempts.after(error)

    assert pause_s == 2.0 if error is OVERLOADED else 0 <= pause_s <= MAX_BACKOFF_S


@pytest.mark.parametrize(
    ("error", "repeatable", "status", "code"),
    [
        (httpx.ReadError(""), False, 0, "unreachable"),  # perhaps carried out
        (ChiasmProblem(502, "http_error", ""), False, 502, "http_error"),
        (httpx.DecodingError(""), True, 0, "unreachable"),  # the same bytes would come again
        (ChiasmProblem(422, "idempotency_conflict", ""), True, 422, "idempotency_conflict"),
        (ChiasmProblem(422, "no_face", ""), True, 422, "no_face"),
        (ChiasmProblem(500, "internal_error", ""), True, 500, "internal_error"),
        (ChiasmProblem(504, "deadline_exceeded", ""), True, 504, "deadline_exceeded"),
        (ChiasmProblem(200, "unexpected_answer", ""), True, 200, "unexpected_answer"),
    ],
)
def test_no_other_attempt(
    error: httpx.RequestError | ChiasmProblem, repeatable: bool, status: int, code: str
) -> None:
    attempts = Attempts(retries=5, timeout_s=60, repeatable=repeatable)

    with pytest.raises(ChiasmProblem) as caught:
        attempts.after(error)

    assert (caught.value.status, caught.value.code) == (status, code)


def test_no_more_attempts_than_wanted() -> None:
    attempts = Attempts(retries=2, timeout_s=60, repeatable=True)
    attempts.after(OVERLOADED)
    attempts.after(OVERLOADED)

    with pytest.raises(ChiasmProblem, match="overloaded"):
        attempts.after(OVERLOADED)


def test_an_attempt_that_would_come_too_late_is_none() -> None:
    attempts = Attempts(retries=2, timeout_s=60, repeatable=True)

    with pytest.raises(ChiasmProblem) as caught:
        attempts.after(ChiasmProblem(503, "overloaded", "", retry_after_s=60))

    assert caught.value.retry_after_s == 60


def test_an_attempt_has_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    attempts = Attempts(retries=2, timeout_s=60, repeatable=True)

    clock[0] = 145.0
    assert attempts.left_s() == 15.0
    clock[0] = 175.0
    assert attempts.left_s() == 0.0


def test_a_job_is_waited_for_in_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    patience = Patience(timeout_s=30, request_s=60)

    assert patience.poll_s() == 20.0
    clock[0] = 120.0
    assert patience.pause_s(changed=False) == 0.0  # it had its time
    assert patience.poll_s() == 10.0
    clock[0] = 121.0
    assert patience.pause_s(changed=True) == 0.0
    assert patience.pause_s(changed=False) == PAUSE_S  # it came early, for nothing
    clock[0] = 130.0
    with pytest.raises(ChiasmProblem, match="timeout"):
        patience.poll_s()


def test_a_request_that_waits_ends_before_its_own_timeout() -> None:
    assert Patience(timeout_s=None, request_s=4).poll_s() == 2.0
