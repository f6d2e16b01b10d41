"""What the harness has to know of a server in order to start it and to ask it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

from bench.processes import ProcessTree
from tools.served import Served

BOUNDARY = "chiasm-bench"
RIVALS_PYTHON = Path(__file__).parents[2] / ".venv-bench" / "bin" / "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A server and how a picture is put to it.

    Attributes:
        name: in tables.
        command: starts it on `{port}`.
        probe: answers 200 when it is ready.
        paths: by task.
        part: the name of the file's part in a multipart form, which is how frameworks take
            pictures; None where the bytes of the file are the body.
        environment: variables for it.
    """

    name: str
    command: tuple[str, ...]
    probe: str
    paths: Mapping[str, str]
    part: str | None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """The header that goes with `body`."""
        if self.part is None:
            return "application/octet-stream"
        return f"multipart/form-data; boundary={BOUNDARY}"

    def body(self, picture: bytes) -> bytes:
        """Return the request's body for a picture file.

        Source: RFC 7578.
        """
        if self.part is None:
            return picture
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{self.part}"; '
            'filename="picture"\r\nContent-Type: application/octet-stream\r\n\r\n'
        )
        return head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()


def rival(*arguments: str) -> tuple[str, ...]:
    """Return a Python command in the rivals' environment, which `make bench` makes.

    What they need is not installed beside Chiasm; the libraries that compute (onnxruntime, NumPy,
    Pillow) and the server (uvicorn) are pinned to the same versions there.
    """
    return (str(RIVALS_PYTHON), *arguments)


class Running:
    """A contestant's server, from its start to the end of the last of its processes."""

    def __init__(self, contestant: Contestant) -> None:
        """Start it and wait until it is ready."""
        self.contestant = contestant
        self._served = Served(
            contestant.environment, command=contestant.command, probe=contestant.probe
        )
        self.tree = ProcessTree(self._served.process.pid)

    def __enter__(self) -> Self:
        """Return the running server."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()

    @property
    def seconds_to_ready(self) -> float:
        """From the start of the process to the first 200 of its probe."""
        return self._served.seconds_to_ready

    def url(self, task: str) -> str:
        """Return where a task is asked for."""
        return self._served.url + self.contestant.paths[task]

    def ask(self, task: str, picture: bytes) -> dict[str, Any]:
        """Return the answer about one picture."""
        request = Request(
            self.url(task),
            self.contestant.body(picture),
            {"Content-Type": self.contestant.content_type},
        )
        with urlopen(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def stop(self) -> None:
        """End the server politely, and then whatever it left behind."""
        self.tree.resume()
        started = self.tree.pids()
        self._served.stop()
        ProcessTree.kill(started)
