"""The ceiling: what the machine gives when nothing but the answer is computed.

Chiasm's own decoder, preprocessing, session and postprocessing, and the JSON of the answer,
called in a loop by as many plain threads as there are CPUs: no HTTP, no queue, no metrics, and no
load generator beside it. More callers than CPUs would only wait, so concurrency does not matter
to its throughput. It runs in a process of its own and measures its own CPU time.

    python -m bench.contestants.ceiling WORKLOAD SECONDS   # JSON on standard output
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from pydantic_core import to_json

from bench.models import folder_of
from bench.workloads import WORKLOADS, Question
from service.app import open_models
from service.engine.pipeline import Encoded
from service.engine.repository import Repository
from service.imaging.decode import DecodeLimits
from service.settings import Settings
from service.telemetry import Metrics

WARM_UP_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """What was reached.

    Attributes:
        rate: answers a second.
        cpu_ms: CPU time of one, user and system.
    """

    rate: float
    cpu_ms: float


def run(workload: str, seconds: float) -> Ceiling:
    """Measure in a process of its own."""
    output = subprocess.run(
        [sys.executable, "-m", __name__, workload, str(seconds)],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    return Ceiling(**json.loads(output))


def _answering(models: Repository, question: Question) -> Callable[[], bytes]:
    """Return what answers a question once."""
    model = models.find(
        folder_of(question.task).manifest.task, folder_of(question.task).manifest.name
    )
    task, session, options = (
        model.pipeline.task,
        model.session,
        model.folder.task_type.options_type(),
    )
    source = Encoded(question.picture(), DecodeLimits())

    def answer() -> bytes:
        prepared = task.preprocess(source.open(task.needed), options)
        outputs = session.run(prepared.tensors, task.reads)
        return to_json(task.postprocess(outputs, prepared, options).answer())

    return answer


def _loop(calls: list[Callable[[], bytes]], seconds: float, threads: int) -> tuple[int, float]:
    """Call in turns on every thread; return how many answers and how many seconds it took."""
    counts = [0] * threads
    start = time.perf_counter()

    def work(index: int) -> None:
        turns: Iterator[Callable[[], bytes]] = cycle(calls[index:] + calls[:index])
        while time.perf_counter() < start + seconds:
            next(turns)()
            counts[index] += 1

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts), time.perf_counter() - start


def main(workload: str, seconds: float) -> None:
    """Measure and print."""
    questions = WORKLOADS[workload].questions
    folders = {one.manifest.name: one for one in (folder_of(asked.task) for asked in questions)}
    models = open_models(Settings(), Metrics(), list(folders.values()))
    calls = [_answering(models, question) for question in questions]
    threads = len(os.sched_getaffinity(0))
    _loop(calls, WARM_UP_S, threads)
    cpu = time.process_time()
    answers, elapsed = _loop(calls, seconds, threads)
    cpu = time.process_time() - cpu
    models.close()
    print(json.dumps({"rate": answers / elapsed, "cpu_ms": cpu / answers * 1000}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
