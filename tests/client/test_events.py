import itertools

import httpx
import pytest

from service.client import ChiasmProblem
from service.client.attempts import MAX_BACKOFF_S
from service.client.events import MAX_SILENT, EventDecoder, Listening, ServerSentEvent
from tests.client.answers import event


def events(*chunks: bytes) -> list[ServerSentEvent]:
    decoder = EventDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


# The examples of the standard, section 9.2.6, and what its rules say besides.
@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
        (
            b": test stream\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n",
            [("message", "first", "1"), ("message", "second", ""), ("message", " third", "")],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
        (b"event: add\ndata: 73857293\n\n", [("add", "73857293", "")]),
        (b"event: add\n\ndata: x\n\n", [("message", "x", "")]),  # without data there is no event
        (b"id: 1\n\ndata: x\n\n", [("message", "x", "1")]),  # but the id stays
        (b"id: 1\0\ndata: x\n\n", [("message", "x", "")]),
        (b"data: x\r\rdata: y\r\n\r\n", [("message", "x", ""), ("message", "y", "")]),
        ("data: é\u2028ü\n\n".encode(), [("message", "é\u2028ü", "")]),  # ends no line here
        (b"nonsense: x\ndata: x\n\n", [("message", "x", "")]),
        (b"data: cut off", []),
    ],
)
def test_a_stream_however_it_is_cut(stream: bytes, expected: list[tuple[str, str, str]]) -> None:
    wanted = [ServerSentEvent(*one) for one in expected]

    assert events(stream) == wanted
    assert events(*(bytes([byte]) for byte in stream)) == wanted
    for at in range(len(stream)):
        assert events(stream[:at], stream[at:]) == wanted


@pytest.mark.parametrize(("line", "expected"), [(b"retry: 2500", 2.5), (b"retry: soon", None)])
def test_the_server_says_when_to_come_back(line: bytes, expected: float | None) -> None:
    decoder = EventDecoder()

    assert list(decoder.feed(line + b"\n\n")) == []
    assert decoder.reconnect_s == expected


def test_listening_ends_with_the_job() -> None:
    listening = Listening()
    listening.connected()

    steps = [news.step for news in listening.feed(event(3) + event(4))]

    assert (steps, listening.last_event_id, listening.over) == ([3, 4], "4", False)
    assert [news.status.final for news in listening.feed(event(5, "failed"))] == [True]
    assert listening.over


def test_events_of_other_kinds_only_move_on() -> None:
    listening = Listening()
    listening.connected()

    assert list(listening.feed(b"id: 7\nevent: news\ndata: of tomorrow\n\n")) == []
    assert listening.last_event_id == "7"


def test_what_is_no_event_of_a_job_is_refused() -> None:
    listening = Listening()
    listening.connected()

    with pytest.raises(ChiasmProblem, match="unexpected_answer"):
        list(listening.feed(b"event: progress\ndata: {}\n\n"))


@pytest.mark.parametrize(
    "error",
    [
        None,  # the server ended the stream, as it does when it ends itself
        httpx.ReadError(""),
        ChiasmProblem(502, "http_error", ""),
        ChiasmProblem(429, "http_error", ""),
    ],
)
def test_it_gives_up_when_nothing_comes(error: httpx.RequestError | ChiasmProblem | None) -> None:
    listening = Listening()
    pauses = [listening.broken(error) for _ in range(MAX_SILENT)]

    assert all(1.0 <= pause <= 1.0 + MAX_BACKOFF_S for pause in pauses)
    with pytest.raises(ChiasmProblem):
        listening.broken(error)


def test_every_event_gives_new_hope() -> None:
    listening = Listening()

    for number in itertools.islice(itertools.count(1), 3 * MAX_SILENT):
        listening.connected()
        list(listening.feed(event(number)))
        listening.broken(httpx.ReadError(""))

    assert listening.last_event_id == str(3 * MAX_SILENT)


def test_the_server_is_taken_at_its_word() -> None:
    listening = Listening()
    listening.connected()
    list(listening.feed(b"retry: 30000\n\n"))

    assert listening.broken() >= 30
    assert listening.broken(ChiasmProblem(503, "overloaded", "", retry_after_s=40)) >= 40


@pytest.mark.parametrize("status", [200, 401, 404])
def test_what_the_server_means_is_final(status: int) -> None:
    with pytest.raises(ChiasmProblem):
        Listening().broken(ChiasmProblem(status, "a_code", ""))
