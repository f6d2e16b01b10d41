"""Load in a closed loop (`hey`, a native generator) and in an open one (`bench.arrivals`)."""

import csv
import io
import json
import resource
import shutil
import subprocess
import sys
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
        duration_s: from the first request to the last answer.
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


def open_loop(url: str, body: bytes, *, rate: float, seconds: float) -> Load:
    """Send `rate` requests a second whether or not answers come."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        arguments = [url, file.name, str(rate), str(seconds)]
        output = subprocess.run(
            [sys.executable, "-m", "bench.arrivals", *arguments],
            capture_output=True,
            check=True,
            cwd=Path(__file__).parents[1],
        ).stdout
    report = json.loads(output)
    return Load(
        statuses=np.array(report["statuses"], int),
        seconds=np.array(report["seconds"]),
        errors=report["errors"],
        duration_s=report["elapsed_s"],
        generator_cpu_s=report["cpu_s"],
    )


def closed_loop(url: str, body: bytes, *, concurrency: int, seconds: float) -> Load:
    """Keep `concurrency` requests in flight, with Debian's `hey`."""
    if shutil.which("hey") is None:
        raise NoGenerator("the load comes from `hey`: apt-get install hey")
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        command = ["hey", "-z", f"{seconds}s", "-c", str(concurrency), "-t", "60", "-o", "csv"]
        command += ["-m", "POST", "-T", "application/octet-stream", "-D", file.name, url]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = list(csv.DictReader(io.StringIO(output)))
    return Load(
        statuses=np.array([int(row["status-code"]) for row in rows], int),
        seconds=np.array([float(row["response-time"]) for row in rows]),
        errors=0,
        duration_s=max((float(row["offset"]) for row in rows), default=seconds) or seconds,
        generator_cpu_s=after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
    )
