"""What the harness has to know of a server in order to start it and to ask it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BOUNDARY = "chiasm-bench"
RIVALS_PYTHON = Path(__file__).parents[2] / ".venv-bench" / "bin" / "python"


class NoRivals(RuntimeError):
    """What Chiasm is compared with is not installed."""


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

    def check(self) -> None:
        """Make sure that it can be started.

        Raises:
            NoRivals: its environment is missing.
        """
        if not Path(self.command[0]).exists():
            raise NoRivals(f"{self.name} wants {self.command[0]}, which `make bench` makes")

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
