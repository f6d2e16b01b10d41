"""Log lines: one JSON object each, all that were due, in order, and joined by request."""

import io
import json
import logging
import os
import threading
from collections.abc import Iterator
from select import PIPE_BUF

import pytest

from service.logs import (
    BatchedHandler,
    JsonFormatter,
    configure_logging,
    new_request_id,
    request_id,
)
from tests.engine.fakes import PATIENCE_S

log = logging.getLogger("service.test")


def test_request_ids_are_sixteen_digits_and_differ() -> None:
    ids = {new_request_id() for _ in range(100)}

    assert len(ids) == 100
    assert {len(identity) for identity in ids} == {16}
    assert set("".join(ids)) <= set("0123456789abcdef")


@pytest.fixture
def current_request() -> Iterator[str]:
    token = request_id.set("abc")
    yield "abc"
    request_id.reset(token)


def record(message: str, *values: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("service.x", logging.WARNING, __file__, 1, message, values, None)
    made.created, made.msecs = 1_700_000_000.25, 250.0
    vars(made).update(extra)
    return made


def test_a_record_is_one_line_of_json() -> None:
    line = JsonFormatter().format(record("two\nlines, %d %s", 5, "é"))

    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "service.x",
        "message": "two\nlines, 5 é",
    }


def test_fields_become_members_whatever_they_are() -> None:
    line = JsonFormatter().format(record("x", fields={"status": 200, "path": os}))

    assert json.loads(line)["status"] == 200
    assert json.loads(line)["path"] == str(os)


def test_a_line_names_the_request_that_it_is_about(current_request: str) -> None:
    assert json.loads(JsonFormatter().format(record("x")))["request_id"] == current_request


def test_a_traceback_stays_on_the_line() -> None:
    error = KeyError("gone")
    line = JsonFormatter().format(record("x", exc_info=(KeyError, error, None)))

    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("KeyError: 'gone'")


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["debug", "info", "error"]),
        ("info", ["info", "error"]),
        ("error", ["error"]),
    ],
)
def test_everything_from_a_level_on_goes_to_standard_error(
    capsys: pytest.CaptureFixture[str], level: str, heard: list[str]
) -> None:
    configure_logging(level)

    log.debug("one")
    log.info("two")
    log.error("three")

    out, err = capsys.readouterr()
    assert out == ""
    assert [json.loads(line)["level"] for line in err.splitlines()] == heard


def test_a_sender_s_mistakes_are_not_logged_as_the_operator_s(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("debug")

    logging.getLogger("python_multipart.multipart").warning("expected a boundary")

    assert capsys.readouterr().err == ""


class Pipe(io.StringIO):
    """Remembers every piece that was written, and tells when one was."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.written = threading.Event()

    def write(self, text: str) -> int:
        self.pieces.append(text)
        self.written.set()
        return super().write(text)


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def handler(pipe: Pipe) -> Iterator[BatchedHandler]:
    handler = BatchedHandler(pipe)
    yield handler
    handler.close()


def line(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("service.x", level, __file__, 1, text, (), None)


def test_lines_are_written_though_nobody_asks(handler: BatchedHandler, pipe: Pipe) -> None:
    handler.handle(line("one"))

    assert pipe.written.wait(PATIENCE_S)
    assert pipe.pieces == ["one\n"]


def test_a_warning_takes_what_was_kept_along_at_once(handler: BatchedHandler, pipe: Pipe) -> None:
    for text in ("one", "two"):
        handler.handle(line(text))
    handler.handle(line("three", logging.WARNING))

    assert pipe.getvalue() == "one\ntwo\nthree\n"


def test_lines_go_in_pieces_that_a_pipe_takes_whole(handler: BatchedHandler, pipe: Pipe) -> None:
    texts = ["a" * 1500, "é" * 1500, "b" * 1500, "c" * 5000, "d"]
    for text in texts:
        handler.handle(line(text))
    handler.flush()

    assert pipe.getvalue() == "".join(f"{text}\n" for text in texts)
    sizes = [len(piece.encode()) for piece in pipe.pieces]
    assert [size for size in sizes if size > PIPE_BUF] == [5001]  # which no pipe would


def test_what_is_kept_is_written_at_the_end(pipe: Pipe) -> None:
    handler = BatchedHandler(pipe)
    handler.handle(line("last words"))

    handler.close()

    assert pipe.getvalue() == "last words\n"


def test_a_stream_that_was_closed_before_us_is_no_error(pipe: Pipe) -> None:
    handler = BatchedHandler(pipe)
    handler.handle(line("too late"))
    pipe.close()

    handler.close()


def test_a_record_that_cannot_be_formatted_is_told_as_logging_does(
    handler: BatchedHandler, pipe: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    handler.handle(logging.LogRecord("x", logging.INFO, __file__, 1, "%d", ("no number",), None))
    handler.flush()

    assert "Logging error" in capsys.readouterr().err
    assert pipe.getvalue() == ""
