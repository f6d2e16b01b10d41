"""Painters that paint nothing, whose results depend on every step and nothing else."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from service.jobs.job import JobSpec, Progress


def picture(content: bytes, style: bytes | None, steps: int) -> bytes:
    """Return what a painter makes of this that is never disturbed."""
    state = hashlib.sha256(content + (style or b"")).digest()
    for step in range(1, steps + 1):
        state = _painted(state, step)
    return state


def _painted(state: bytes, step: int) -> bytes:
    return hashlib.sha256(state + step.to_bytes(4)).digest()


def painted(trace: Path) -> list[tuple[str, int, int]]:
    """Return what painters noted: the name of a job, a step, and a process."""
    lines = trace.read_text(encoding="utf-8").splitlines() if trace.exists() else []
    return [tuple(json.loads(line)) for line in lines]


@dataclass
class ChainPainter:
    """Every step is a hash of the one before; a checkpoint every `every` steps.

    Options of a job: `steps`; `every`; `pace_s`, how long a step takes.
    """

    trace: Path | None = None
    """Where each step is noted that was painted, for `painted`."""

    def paint(
        self,
        spec: JobSpec,
        content: bytes,
        style: bytes | None,
        resume: bytes | None,
        should_stop: Callable[[], bool],
    ) -> Iterator[Progress]:
        steps, every = spec.options.get("steps", 1), spec.options.get("every", 1)
        step, state = 0, hashlib.sha256(content + (style or b"")).digest()
        if resume is not None:
            step, state = int.from_bytes(resume[:4]), resume[4:]
        costs: list[tuple[float, ...]] = []
        while step < steps:
            if should_stop():
                return
            step, state = step + 1, _painted(state, step + 1)
            time.sleep(spec.options.get("pace_s", 0.0))  # as a network would take its time
            costs.append((step, 1.0 / step))
            self._note(spec, step)
            if step % every == 0 or step == steps:
                yield Progress(
                    step=step,
                    steps=steps,
                    costs=tuple(costs),
                    checkpoint=step.to_bytes(4) + state,
                    preview=b"preview %d" % step,
                    result=state if step == steps else None,
                )
                costs.clear()

    def _note(self, spec: JobSpec, step: int) -> None:
        if self.trace is not None:
            line = json.dumps([spec.options["name"], step, os.getpid()])
            with self.trace.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")


@dataclass
class HeldPainter(ChainPainter):
    """Waits before each step until it is let go on."""

    started: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def _note(self, spec: JobSpec, step: int) -> None:
        self.started.release()
        self.go.acquire()


class Doing:
    """Does what the test says."""

    def __init__(self, painting: Callable[[], Iterator[Progress]]) -> None:
        self._painting = painting

    def paint(self, *_: object) -> Iterator[Progress]:
        return self._painting()
