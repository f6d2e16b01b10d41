"""A real server in a process of its own, for whoever measures or tests over HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
STDERR = 2
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """Starts a server, waits until it is ready, and tells what it costs.

    Works for any command that serves HTTP on the port it is given, so that others can be
    measured with the same ruler.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        command: tuple[str, ...] = (sys.executable, "-m", "service", "serve"),
        probe: str = "/readyz",
        patience_s: float = 60.0,
    ) -> None:
        """Start the server; `{port}` in the command or CHIASM_PORT carries the port."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._data = TemporaryDirectory(prefix="chiasm-")  # jobs of its own, and of nobody after it
        self.data = Path(self._data.name)
        settings = {
            "CHIASM_PORT": str(self.port),
            "CHIASM_LOG_LEVEL": "warning",
            "CHIASM_DATA_DIR": str(self.data),
        }
        started = time.monotonic()
        self.process = subprocess.Popen(
            [part.format(port=self.port) for part in command],
            cwd=ROOT,
            env={**os.environ, **settings, **(environment or {})},
            stdout=STDERR,  # what a server says of itself is no part of a table
        )
        self._await_ready(probe, started + patience_s)
        self.seconds_to_ready = time.monotonic() - started

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

    def stop(self) -> int:
        """End the server politely and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self._data.cleanup()
        return status

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process so far, user and system, its children's included."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICKS_PER_SECOND

    def resident_bytes(self) -> int:
        """Return the memory that the process really occupies."""
        return int(self._proc("statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def proportional_bytes(self) -> int:
        """Return the same with each page that others map too divided by how many do."""
        line = next(row for row in self._proc("smaps_rollup").splitlines() if row[:4] == "Pss:")
        return int(line.split()[1]) * 1024

    def peak_resident_bytes(self) -> int:
        """Return the most that `resident_bytes` has been."""
        line = next(row for row in self._proc("status").splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) * 1024

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text(encoding="ascii")

    def _await_ready(self, probe: str, until: float) -> None:
        while self.process.poll() is None and time.monotonic() < until:
            try:
                with urlopen(self.url + probe, timeout=1):
                    return
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.02)
        self.process.kill()
        raise RuntimeError("the server did not become ready")
