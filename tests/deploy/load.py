"""Callers that ask all the time, and what became of every request of theirs."""

import threading
import time
from types import TracebackType
from typing import Self

import httpx

from tests.serving import PATIENCE_S

PAUSE_S = 0.05  # so that callers and servers on one machine leave each other some of it


class Load:
    """Some callers, each with a connection of its own, from here to the end of a `with`."""

    def __init__(self, url: str, picture: bytes, *, callers: int) -> None:
        self.answers: list[int] = []
        self.lost: list[str] = []
        self._url, self._picture = url, picture
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(callers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Let so many further requests be answered."""
        enough, until = len(self.answers) + more, time.monotonic() + PATIENCE_S
        while len(self.answers) < enough:
            assert time.monotonic() < until, f"{len(self.answers)} answers, lost: {self.lost}"
            time.sleep(0.01)

    def _ask(self) -> None:
        with httpx.Client(timeout=PATIENCE_S, trust_env=False) as client:
            while not self._over.wait(PAUSE_S):
                try:
                    answer = client.post(f"{self._url}/classify", content=self._picture)
                except httpx.TransportError as error:
                    self.lost.append(repr(error))
                else:
                    self.answers.append(answer.status_code)
