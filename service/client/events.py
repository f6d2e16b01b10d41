"""Server-sent events: bytes in, events out, and where to go on when a connection breaks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from pydantic import ValidationError

from service.api.style_schemas import JobEvent
from service.client.attempts import NOT_TAKEN, backoff_s
from service.client.problems import ChiasmProblem, unanswered

LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # the last \r may be the first half of a line end
RECONNECT_S = 1.0  # unless the server says otherwise
MAX_SILENT = 5  # connections in a row that break without an event


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event; `id` is the last one that the server gave."""

    type: str
    data: str
    id: str


class EventDecoder:
    """Interprets a stream of one connection.

    Source: HTML Living Standard, section 9.2.6, "Interpreting an event stream".
    """

    def __init__(self) -> None:
        self.reconnect_s: float | None = None
        self._rest = b""
        self._id = ""
        self._type = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that are complete with these bytes."""
        *lines, self._rest = LINE_END.split(self._rest + chunk)
        for line in lines:
            if line:
                self._take(*_field(line.decode("utf-8", "replace")))
                continue
            if self._data:
                yield ServerSentEvent(self._type or "message", "\n".join(self._data), self._id)
            self._type, self._data = "", []

    def _take(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdecimal():
            self.reconnect_s = int(value) / 1000


class Listening:
    """What one listener heard of a job over however many connections."""

    def __init__(self) -> None:
        self.over = False
        self.last_event_id = ""
        self._silent = 0
        self._decoder = EventDecoder()

    def connected(self) -> None:
        """Begin a connection."""
        self._decoder = EventDecoder()

    def feed(self, chunk: bytes) -> Iterator[JobEvent]:
        """Yield what happened to the job; the last event makes it `over`.

        Raises:
            ChiasmProblem: this is no job's stream.
        """
        for event in self._decoder.feed(chunk):
            self._silent = 0
            self.last_event_id = event.id or self.last_event_id
            if event.type != "progress":
                continue
            try:
                news = JobEvent.model_validate_json(event.data)
            except ValidationError as error:
                detail = "an event is not as Chiasm has them"
                raise ChiasmProblem(200, "unexpected_answer", detail) from error
            self.over = news.status.final
            yield news

    def broken(self, error: httpx.RequestError | ChiasmProblem | None = None) -> float:
        """Return how long to wait before the next connection, seconds.

        Args:
            error: what ended the last one; None if the server did.

        Raises:
            ChiasmProblem: the server means it, or does not come back.
        """
        problem = unanswered(error) if isinstance(error, httpx.RequestError) else error
        if self._silent == MAX_SILENT or not _passes(problem):
            raise problem or ChiasmProblem(0, "unreachable", "the events of the job end too early")
        reconnect_s = self._decoder.reconnect_s
        pause_s = RECONNECT_S if reconnect_s is None else reconnect_s
        wanted_s = problem.retry_after_s if problem else None
        self._silent += 1
        return max(pause_s, wanted_s or 0.0) + backoff_s(self._silent)


def _passes(problem: ChiasmProblem | None) -> bool:
    return problem is None or not 200 <= problem.status < 500 or problem.status in NOT_TAKEN


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")
