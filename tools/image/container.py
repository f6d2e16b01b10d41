"""A running container, and how to reach one that has no network."""

import ctypes
import json
import os
import secrets
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from tools.image.bundle import Image, write_bundle

URL = "http://127.0.0.1:8000"
CLONE_NEWNET = 0x40000000  # sched.h
PATIENCE_S = 60.0
TRIED_EVERY_S = 0.01


class Container:
    """An image, run by runc from here to the end of a `with`.

    The caller's thread, and those that it starts, change over into the container's network.
    """

    def __init__(self, image: Image, *, cpus: float | None = None, **settings: str) -> None:
        """Start it and wait until it is ready.

        Args:
            image: to run.
            cpus: its quota; None: all there are.
            settings: of the service, without the prefix.
        """
        self._name = f"chiasm-{secrets.token_hex(4)}"
        self._directory = TemporaryDirectory(prefix="chiasm-")
        bundle = Path(self._directory.name)
        bundle.chmod(0o711)
        environment = {f"CHIASM_{key.upper()}": value for key, value in settings.items()}
        write_bundle(image, bundle, name=self._name, cpus=cpus, settings=environment)
        self._log = (bundle / "log").open("w+b")
        started = time.monotonic()
        self.process = subprocess.Popen(
            ["runc", "run", "--bundle", str(bundle), self._name], stderr=self._log
        )
        try:
            self._enter_network()
            self._await_ready()
        except BaseException:
            self.close()
            raise
        self.seconds_to_ready = time.monotonic() - started

    def __enter__(self) -> Self:
        """Return the running container."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as its own user."""
        return subprocess.run(
            ["runc", "exec", self._name, *command], capture_output=True, text=True, check=False
        )

    def signal(self, name: str) -> None:
        """Send a signal to its first process."""
        subprocess.run(["runc", "kill", self._name, name], check=True)

    def log(self) -> str:
        """Return what it wrote so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def close(self) -> None:
        """End it, politely if it listens to that."""
        try:
            if self.process.poll() is None:
                self.process.terminate()  # which runc hands on
                self.process.wait(PATIENCE_S)
        finally:
            subprocess.run(["runc", "delete", "--force", self._name], check=False)
            self._log.close()
            self._directory.cleanup()

    def _enter_network(self) -> None:
        while not (pid := self._first_process()):
            self._keep_waiting()
        descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(descriptor)

    def _first_process(self) -> int:
        state = subprocess.run(
            ["runc", "state", self._name], capture_output=True, text=True, check=False
        )
        if state.returncode:
            return 0
        known = json.loads(state.stdout)
        return int(known["pid"]) if known["status"] == "running" else 0

    def _await_ready(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                with urlopen(f"{URL}/readyz", timeout=1):
                    return
            except (URLError, ConnectionError, TimeoutError):
                self._keep_waiting()
        raise RuntimeError(f"it did not become ready: {self.log()}")

    def _keep_waiting(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"it ended before it was ready: {self.log()}")
        time.sleep(TRIED_EVERY_S)
