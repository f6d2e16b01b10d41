"""A whole pipeline in front of a fake session, and the pictures and sources to put through it."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from service.arrays import Array
from service.engine.admission import Admission
from service.engine.deadline import Deadline
from service.engine.pipeline import Answer, Decoded, Pipeline
from service.engine.pool import CpuPool
from service.imaging.decode import Scale
from service.imaging.picture import Picture, Size
from service.tasks.base import Network
from service.tasks.classify import Classify, ClassifyConfig, ClassifyOptions
from service.tasks.inputs import InputSpec
from tests.engine.fakes import PATIENCE_S, FakeSession, Recorder

NEVER = Deadline.never()


def grey(level: int, size: Size = (20, 30)) -> Picture:
    return Picture.from_pixels(np.full((*size, 3), level, np.uint8))


def brightness(answer: Answer) -> int:
    """Return the grey level that an answer is about, so that none is taken for another's."""
    return round(float(answer.result.scores[1]) * 255)


@dataclass
class Opened:
    """A source that tells when it is opened, and may be held there."""

    level: int = 0
    opened: list[int] = field(default_factory=list)
    gate: Callable[[], object] = lambda: None

    def open(self, scale: Scale) -> Picture:
        self.opened.append(self.level)
        self.gate()
        return grey(self.level)


def stumble_over_13(rows: Array) -> None:
    if (rows == 13).any():
        raise KeyError("inside")


class Bench:
    """A pipeline on one CPU thread, in front of a fake session that has a thread of its own.

    With `shared` the session runs on the CPU threads, as a network on the CPU does.
    """

    def __init__(self, before: Callable[[Array], object] = lambda _: None, **choices: Any) -> None:
        self.session = FakeSession(before)
        self.recorder = Recorder()
        self.pool = CpuPool(choices.pop("cpus", 1))
        choices = {"instances": 1, "max_rows": 8, **choices}
        shared = choices.pop("shared", False)
        self.runners = self.pool if shared else CpuPool(choices["instances"], name="runner")
        self.admission = Admission(max_in_flight=choices.pop("max_in_flight", 1000), max_wait_s=1e9)
        network = Network(
            name="brightness",
            input=InputSpec(size=(4, 4), layout="NHWC"),
            inputs=self.session.inputs,
            outputs=self.session.outputs,
        )
        config = ClassifyConfig.model_validate({"labels": ["dark", "bright"], "activation": "none"})
        self.task = choices.pop("task", Classify)(network, config)
        self.pipeline = Pipeline(
            task=self.task,
            session=self.session,
            pool=self.pool,
            runners=self.runners,
            admission=self.admission,
            observer=self.recorder,
            **choices,
        )

    def submit(self, source: object, deadline: Deadline = NEVER, crops: int = 1) -> Future[Answer]:
        return self.pipeline.submit(source, ClassifyOptions(crops=crops), deadline)

    def level(self, level: int) -> Future[Answer]:
        return self.submit(Decoded(grey(level)))

    def settle(self) -> None:
        """Wait until the CPU thread has done all that was submitted so far."""
        self.pool.run(lambda: None).result(PATIENCE_S)

    def close(self) -> None:
        self.pipeline.close()
        self.runners.close()
        self.pool.close()
