"""JSON log lines, and the id that joins those of one request."""

import logging
import random
import sys
import threading
import time
from contextlib import nullcontext, suppress
from contextvars import ContextVar
from functools import lru_cache
from select import PIPE_BUF
from typing import TextIO

from pydantic_core import to_json

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that the running code works for; empty outside of one."""

REQUEST_ID = "request_id"  # where a record has the id, once it left the request's own context
LINES_TOGETHER_S = 0.05  # how long a line may wait for others to be written with it


def new_request_id() -> str:
    """Return 16 random hexadecimal digits; they tell requests apart and are no secret."""
    return f"{random.getrandbits(64):016x}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line; what is logged with `extra={"fields": {…}}` becomes its members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line: dict[str, object] = {
            "time": f"{_second(int(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := getattr(record, REQUEST_ID, "") or request_id.get():
            line["request_id"] = current
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return to_json(line, fallback=str).decode()


class BatchedHandler(logging.StreamHandler[TextIO]):
    """Writes lines together, a moment late; a warning takes all before it along at once.

    A line for every request is formatting and a system call for every request, in the thread that
    has the least time for it: the event loop's. Here another thread does that for all that came in
    a moment, in pieces that a pipe takes whole, so that lines of several processes do not mix.
    """

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        super().__init__(stream)
        self._records: list[logging.LogRecord] = []
        self._closed = False
        self._waiting = threading.Event()
        threading.Thread(target=self._write_now_and_then, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what the line says for the next write."""
        setattr(record, REQUEST_ID, request_id.get())
        try:
            record.msg, record.args = record.getMessage(), None  # before anything in it changes
        except Exception:  # noqa: BLE001  (logging's own way with what cannot be formatted)
            self.handleError(record)
            return
        self._records.append(record)
        if record.levelno >= logging.WARNING:
            self.flush()
        elif len(self._records) == 1:
            self._waiting.set()

    def flush(self) -> None:
        """Write what is kept; also called when the process ends."""
        with self.lock or nullcontext(), suppress(ValueError):  # the stream was closed before us
            records, self._records = self._records, []
            for piece in _pieces([self.format(one) + self.terminator for one in records]):
                self.stream.write(piece)
            super().flush()

    def close(self) -> None:
        """Write what is kept, and end the thread."""
        self.flush()
        self._closed = True
        self._waiting.set()
        super().close()

    def _write_now_and_then(self) -> None:
        while self._waiting.wait() and not self._closed:
            time.sleep(LINES_TOGETHER_S)
            self._waiting.clear()
            self.flush()


def configure_logging(level: str) -> None:
    """Send everything at `level` and above to standard error, as JSON lines."""
    handler = BatchedHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    # No line says from which file and thread it came; finding out took half of the time.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # A malformed upload is its sender's mistake, told to the sender; not the operator's to read.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


def _pieces(lines: list[str]) -> list[str]:
    """Join lines as far as a pipe takes them whole; a longer one stays alone."""
    pieces: list[str] = []
    size = PIPE_BUF
    for line in lines:
        length = len(line.encode())
        size += length
        if size <= PIPE_BUF:
            pieces[-1] += line
        else:
            pieces.append(line)
            size = length
    return pieces


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
