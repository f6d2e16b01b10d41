"""A style job in the hands of who ordered it."""

from collections.abc import AsyncIterator, Iterator
from time import sleep
from typing import Self

import anyio
import httpx

from service.api.style_schemas import JobAnswer, JobEvent
from service.client import calls
from service.client.attempts import Patience
from service.client.connection import AsyncConnection, Connection
from service.client.events import Listening
from service.client.params import PictureType
from service.client.problems import ChiasmProblem
from service.jobs.job import Status


class _LastHeard:
    """What was last heard of a job.

    Attributes:
        answer: all that the server told.
    """

    def __init__(self, answer: JobAnswer) -> None:
        self.answer = answer

    @property
    def id(self) -> str:
        """Its name, under which `Chiasm.job` finds it again."""
        return self.answer.id

    @property
    def status(self) -> Status:
        """Where it was."""
        return self.answer.status

    @property
    def progress(self) -> float:
        """How far it was, 0..1."""
        return self.answer.progress

    @property
    def finished(self) -> bool:
        """Whether it succeeded, failed or was canceled."""
        return self.answer.status.final

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.status} {self.progress:.0%}>"

    def _differs(self, answer: JobAnswer) -> bool:
        return (answer.status, answer.step) != (self.answer.status, self.answer.step)


class StyleJob(_LastHeard):
    """A style job: what was last heard of it, and how to hear more."""

    def __init__(self, connection: Connection, answer: JobAnswer) -> None:
        super().__init__(answer)
        self._connection = connection

    def refresh(self) -> Self:
        """Ask how it is now."""
        self.answer = self._connection.ask(calls.job(self.id))
        return self

    def wait(self, timeout_s: float | None = None) -> Self:
        """Wait until it is finished, however it ends.

        Raises:
            ChiasmProblem: `timeout` if it goes on for longer; it is not canceled then.
        """
        patience = Patience(timeout_s=timeout_s, request_s=self._connection.timeout_s)
        while not self.finished:
            answer = self._connection.ask(calls.job(self.id, patience.poll_s()))
            changed, self.answer = self._differs(answer), answer
            sleep(patience.pause_s(changed=changed))
        return self

    def events(self) -> Iterator[JobEvent]:
        """Yield what happened and what happens, to the end; goes on where a connection breaks.

        Raises:
            ChiasmProblem: the job is gone, or the server is.
        """
        listening = Listening()
        while True:
            listening.connected()
            error: httpx.RequestError | ChiasmProblem | None = None
            try:
                call = calls.events(self.id, listening.last_event_id)
                with self._connection.stream(call) as chunks:
                    for chunk in chunks:
                        yield from listening.feed(chunk)
                        if listening.over:
                            return
            except (httpx.RequestError, ChiasmProblem) as broken:
                error = broken
            sleep(listening.broken(error))

    def preview(self, format: PictureType = "image/png") -> bytes:
        """Return the picture so far."""
        return self._connection.ask(calls.preview(self.id, format))

    def result(self, format: PictureType = "image/png") -> bytes:
        """Return the finished picture.

        Raises:
            ChiasmProblem: `job_not_finished`, `job_failed` or `job_canceled`.
        """
        return self._connection.ask(calls.result(self.id, format))

    def cancel(self) -> Self:
        """Cancel it, or remove a finished one; its pictures are deleted."""
        self.answer = self._connection.ask(calls.cancel(self.id))
        return self


class AsyncStyleJob(_LastHeard):
    """A style job: what was last heard of it, and how to hear more."""

    def __init__(self, connection: AsyncConnection, answer: JobAnswer) -> None:
        super().__init__(answer)
        self._connection = connection

    async def refresh(self) -> Self:
        """Ask how it is now."""
        self.answer = await self._connection.ask(calls.job(self.id))
        return self

    async def wait(self, timeout_s: float | None = None) -> Self:
        """Wait until it is finished, however it ends.

        Raises:
            ChiasmProblem: `timeout` if it goes on for longer; it is not canceled then.
        """
        patience = Patience(timeout_s=timeout_s, request_s=self._connection.timeout_s)
        while not self.finished:
            answer = await self._connection.ask(calls.job(self.id, patience.poll_s()))
            changed, self.answer = self._differs(answer), answer
            await anyio.sleep(patience.pause_s(changed=changed))
        return self

    async def events(self) -> AsyncIterator[JobEvent]:
        """Yield what happened and what happens, to the end; goes on where a connection breaks.

        Raises:
            ChiasmProblem: the job is gone, or the server is.
        """
        listening = Listening()
        while True:
            listening.connected()
            error: httpx.RequestError | ChiasmProblem | None = None
            try:
                call = calls.events(self.id, listening.last_event_id)
                async with self._connection.stream(call) as chunks:
                    async for chunk in chunks:
                        for event in listening.feed(chunk):
                            yield event
                        if listening.over:
                            return
            except (httpx.RequestError, ChiasmProblem) as broken:
                error = broken
            await anyio.sleep(listening.broken(error))

    async def preview(self, format: PictureType = "image/png") -> bytes:
        """Return the picture so far."""
        return await self._connection.ask(calls.preview(self.id, format))

    async def result(self, format: PictureType = "image/png") -> bytes:
        """Return the finished picture.

        Raises:
            ChiasmProblem: `job_not_finished`, `job_failed` or `job_canceled`.
        """
        return await self._connection.ask(calls.result(self.id, format))

    async def cancel(self) -> Self:
        """Cancel it, or remove a finished one; its pictures are deleted."""
        self.answer = await self._connection.ask(calls.cancel(self.id))
        return self
