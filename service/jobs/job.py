"""What a job is to those who ask for one, and to those who paint it. Imports nothing heavy."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

Costs = tuple[tuple[float, ...], ...]
"""One row for every step: its number, then what the method counts."""


class Status(StrEnum):
    """Where a job may be; the last three are for good."""

    RECEIVING = "receiving"  # its pictures are being stored; nobody was told its id yet
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def final(self) -> bool:
        """Whether it never changes again."""
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What somebody wants painted, apart from the pictures.

    Attributes:
        method: the name of the way to paint it.
        options: of the method; JSON values only.
        owner: whose job it is; nobody else sees it. Empty where everybody is the same.
        webhook: where to tell that it ended.
        created_at: seconds since 1970.
    """

    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""
    webhook: str | None = None
    created_at: float = field(default_factory=time.time)

    def fingerprint(self, content: bytes, style: bytes | None) -> str:
        """Return what two requests share that ask for the same picture.

        >>> once = JobSpec(method="fast", options={"preset": 1}, created_at=1.0)
        >>> again = JobSpec(method="fast", options={"preset": 1}, created_at=2.0)
        >>> once.fingerprint(b"cat", None) == again.fingerprint(b"cat", None)
        True
        >>> once.fingerprint(b"cat", None) == again.fingerprint(b"cat", b"")
        False
        """
        wanted = [self.method, self.options, self.webhook]
        parts = [json.dumps(wanted, sort_keys=True).encode(), content, style]
        digests = ["-" if part is None else hashlib.sha256(part).hexdigest() for part in parts]
        return hashlib.sha256(" ".join(digests).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a job failed: the stable code of an error, and a sentence for people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it was when somebody looked.

    Attributes:
        id: 32 hexadecimal digits.
        spec: what was asked for.
        status: where it is.
        revision: grows with every change.
        step, steps: how far it is; `steps` is 0 until its painter said how many there are.
        costs: of the steps so far; left out of lists.
        has_preview: whether there is a picture to look at meanwhile.
        failure: why it failed, if it did.
        started_at, finished_at, expires_at: seconds since 1970, once that is known.
    """

    id: str
    spec: JobSpec
    status: Status
    revision: int
    step: int
    steps: int
    costs: Costs = ()
    has_preview: bool = False
    failure: Failure | None = None
    started_at: float | None = None
    finished_at: float | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of a job.

    Attributes:
        number: counts from 1 and grows; some may be missing.
        status, step, steps: where the job was then.
        costs: of the steps since the event before.
    """

    number: int
    status: Status
    step: int
    steps: int
    costs: Costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the jobs of an owner, the newest first; `cursor` asks for those that follow."""

    jobs: tuple[Job, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a painter has done since it last said something.

    Attributes:
        step, steps: how far it is, of how many.
        costs: of the steps since; they belong to a painter that gives checkpoints, since what
            was painted after the last checkpoint is painted again after a crash.
        checkpoint: all that it takes to go on from here.
        preview: the picture so far, PNG.
        result: the finished picture, PNG; ends the job.
    """

    step: int
    steps: int
    costs: Costs = ()
    checkpoint: bytes | None = None
    preview: bytes | None = None
    result: bytes | None = None


class Painter(Protocol):
    """Paints jobs, several at once if it is asked to, on threads of low priority.

    Threads inherit the priority of the thread that starts them (Linux): a painter that opens
    its networks while it paints has them run at that priority too.
    """

    def paint(
        self,
        spec: JobSpec,
        content: bytes,
        style: bytes | None,
        resume: bytes | None,
        should_stop: Callable[[], bool],
    ) -> Iterator[Progress]:
        """Yield how far it is, every few steps; the last time with the result.

        Each time that it yields, everything it gave is stored before it is asked to go on, and
        the job is given up here if it was canceled. The generator may be resumed on another
        thread, and closed at any `yield`.

        Args:
            spec: what is wanted.
            content: the bytes of the picture to paint.
            style: the bytes of the picture whose style to use, where the method wants one.
            resume: the last checkpoint of an earlier attempt.
            should_stop: ask now and then, the more often the better: when it says yes, the
                painter returns, perhaps after it gave one more checkpoint.

        Raises:
            ChiasmError: the job cannot be done; its code and detail are the job's.
        """
        ...
