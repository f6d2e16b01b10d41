"""Load from Debian's `hey`: a native generator, so that the measuring costs little itself."""

import csv
import io
import os
import resource
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np


class NoGenerator(RuntimeError):
    """`hey` is not installed."""


@dataclass(frozen=True)
class Load:
    """What came back.

    Attributes:
        statuses: (N,) HTTP status of each answer.
        seconds: (N,) how long each took.
        errors: requests that got no answer at all.
        duration_s: how long requests were sent.
        generator_cpu_s: what the measuring itself cost.
    """

    statuses: np.ndarray
    seconds: np.ndarray
    errors: int
    duration_s: float
    generator_cpu_s: float

    @cached_property
    def by_status(self) -> Counter[int]:
        """Answers by status."""
        return Counter(self.statuses.tolist())

    @property
    def goodput(self) -> float:
        """Answers with 200, a second."""
        return self.by_status[200] / self.duration_s

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of the time that a 200 took; NaN if there was none."""
        good = self.seconds[self.statuses == 200]
        return float(np.percentile(good, percent)) * 1000 if len(good) else float("nan")


def closed_loop(url: str, body: bytes, *, concurrency: int, seconds: float) -> Load:
    """Keep `concurrency` requests in flight."""
    return _hey(url, body, concurrency, seconds, None)


def open_loop(
    url: str, body: bytes, *, rate: float, seconds: float, patience_s: float = 2.0
) -> Load:
    """Send `rate` requests a second whether or not answers come.

    There are as many connections as would be waiting if every answer took `patience_s`.
    """
    connections = max(8, min(1000, round(rate * patience_s)))
    return _hey(url, body, connections, seconds, rate / connections)


def _hey(url: str, body: bytes, connections: int, seconds: float, each: float | None) -> Load:
    if shutil.which("hey") is None:
        raise NoGenerator("the load comes from `hey`: apt-get install hey")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body"
        path.write_bytes(body)
        command = ["hey", "-z", f"{seconds}s", "-c", str(connections), "-t", "60", "-o", "csv"]
        command += ["-m", "POST", "-T", "application/octet-stream", "-D", str(path)]
        command += [] if each is None else ["-q", f"{each:.4f}"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        output = subprocess.run(
            [*command, url], capture_output=True, text=True, check=True, env=os.environ
        ).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = list(csv.DictReader(io.StringIO(output)))
    return Load(
        statuses=np.array([int(row["status-code"]) for row in rows]),
        seconds=np.array([float(row["response-time"]) for row in rows]),
        errors=output.count("Error distribution"),
        duration_s=max((float(row["offset"]) for row in rows), default=seconds) or seconds,
        generator_cpu_s=after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
    )
