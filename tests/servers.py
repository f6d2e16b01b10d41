"""`chiasm serve` in a process of its own, and how to speak with it."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import httpx

from tests.answers import sample
from tests.serving import PATIENCE_S

CHIASM = Path(sys.executable).with_name("chiasm")
# `chiasm serve` with networks that take as long as a file exists.
BRAKED = """
import sys, time
from pathlib import Path
from service.cli import main
from service.engine.session import OrtSession

brake, run = Path(sys.argv[1]), OrtSession.run

def braked(session, feeds, outputs=None):
    while brake.exists():
        time.sleep(0.002)
    return run(session, feeds, outputs)

OrtSession.run = braked
sys.exit(main(["serve", "--port", "0", *sys.argv[2:]]))
"""


def environment(models_dir: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a server: the shell's, with no other settings than these."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("CHIASM_")}
    chosen = {
        "models_dir": str(models_dir),
        "data_dir": str(models_dir.with_name("data")),
        "cpus": "1",
        "max_wait_ms": "60000",
        **settings,
    }
    return inherited | {f"CHIASM_{key.upper()}": value for key, value in chosen.items()}


def eventually(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.005)


class Server:
    """A running server, what it logs, and a brake on its networks."""

    def __init__(self, directory: Path, models_dir: Path, **settings: str) -> None:
        self.lines: list[dict[str, Any]] = []
        self._brake = directory / "brake"
        self.process = subprocess.Popen(
            [sys.executable, "-c", BRAKED, str(self._brake)],
            env=environment(models_dir, **settings),
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.client = httpx.Client(timeout=PATIENCE_S, trust_env=False)

    def listen(self) -> "Server":
        """Wait until it says where it listens."""
        eventually(lambda: self.said(" on http://") or self.process.poll() is not None)
        assert self.said(" on http://"), self.lines
        match = re.search(r"http://([\d.]+):(\d+)", self.said(" on http://")[0]["message"])
        assert match
        self.host, self.port = match[1], int(match[2])
        self.client.base_url = self.url = match[0]
        return self

    def said(self, message: str) -> list[dict[str, Any]]:
        """Return the lines with `message` in them."""
        return [line for line in self.lines if message in line["message"]]

    def press_brake(self) -> None:
        self._brake.touch()

    def release_brake(self) -> None:
        self._brake.unlink(missing_ok=True)

    def metric(self, name: str, **labels: str) -> float:
        return sample(self.client.get("/metrics").text, name, **labels)

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=PATIENCE_S)

    def ends(self) -> int:
        """Wait for the process, and return its exit status."""
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status

    def close(self) -> None:
        """End the process, politely if it still listens to that."""
        self.client.close()
        self.release_brake()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.ends()
        finally:
            self.process.kill()
            self._reader.join(PATIENCE_S)
            self.process.__exit__(None, None, None)

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"level": "none", "message": line})


class StartServer(Protocol):
    """Starts a server with the settings that a test cares about."""

    def __call__(self, **settings: str) -> Server: ...


def run(*arguments: str, models_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the installed `chiasm` to its end."""
    return subprocess.run(
        [CHIASM, *arguments],
        env=environment(models_dir, **settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def post(server: Server, picture: bytes) -> httpx.Response:
    """Send a picture over a connection of its own."""
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S, trust_env=False) as client:
        return client.post("/classify", content=picture)


def head(length: int | None = None, *headers: str) -> bytes:
    """Return the head of a POST whose body has a length, or comes in chunks."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = ["POST /classify HTTP/1.1", "Host: chiasm", framing, *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def read_answer(connection: socket.socket) -> httpx.Response:
    """Read one answer off a connection that may stay open."""
    with connection.makefile("rb") as file:
        status = int(file.readline().split()[1])
        headers = {}
        while line := file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        content = file.read(int(headers["content-length"]))
    return httpx.Response(status, headers=headers, content=content)
