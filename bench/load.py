"""Load in a closed loop (`hey`, a native generator) and in an open one (`bench.arrivals`)."""

import csv
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

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

    @property
    def failed(self) -> int:
        """Requests that were not answered with 200."""
        return len(self.statuses) - self.by_status[200] + self.errors

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile of the time that a 200 took; NaN if there was none."""
        good = self.seconds[self.statuses == 200]
        return float(np.percentile(good, percent)) * 1000 if len(good) else float("nan")


@dataclass(frozen=True, slots=True)
class Post:
    """A request; `key` says whose it is, in an open loop."""

    url: str
    body: bytes
    content_type: str
    key: str = ""


def open_loop(posts: Sequence[Post], *, rate: float, seconds: float) -> Load:
    """Send `rate` requests a second, in turns, whether or not answers come."""
    return _arrivals(posts, "open", rate, seconds)


def rotation(posts: Sequence[Post], *, concurrency: int, seconds: float) -> Load:
    """Keep `concurrency` requests in flight that are of several kinds, in turns.

    `hey` knows one body only. Whoever is free sends the next of the kinds, so that every server
    gets the same mixture, however fast it is.
    """
    return _arrivals(posts, "closed", concurrency, seconds)


def closed_loop(post: Post, *, concurrency: int, seconds: float) -> Load:
    """Keep `concurrency` requests in flight, with Debian's `hey`."""
    _require_hey()
    with tempfile.NamedTemporaryFile() as file:
        file.write(post.body)
        file.flush()
        command = ["hey", "-z", f"{seconds}s", "-c", str(concurrency), "-t", "60", "-o", "csv"]
        command += ["-m", "POST", "-T", post.content_type, "-D", file.name, post.url]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return read_hey(output, generator_cpu_s=cpu_s)


def read_hey(output: str, *, generator_cpu_s: float) -> Load:
    """Return what `hey -o csv` printed: a line for each answer, with when it was asked for.

    Requests that got no answer have no line.

    Raises:
        ValueError: not one request was answered.
    """
    rows = list(csv.DictReader(io.StringIO(output)))
    if not rows:
        raise ValueError("hey got no answer at all")
    seconds = np.array([float(row["response-time"]) for row in rows])
    offsets = np.array([float(row["offset"]) for row in rows])
    return Load(
        statuses=np.array([int(row["status-code"]) for row in rows], int),
        seconds=seconds,
        errors=0,
        duration_s=float((offsets + seconds).max()),
        generator_cpu_s=generator_cpu_s,
    )


def _arrivals(posts: Sequence[Post], mode: str, amount: float, seconds: float) -> Load:
    with ExitStack() as stack:
        files: list[IO[bytes]] = []
        for post in posts:
            files.append(stack.enter_context(tempfile.NamedTemporaryFile()))
            files[-1].write(post.body)
            files[-1].flush()
        requests = [
            {
                "url": post.url,
                "file": file.name,
                "content_type": post.content_type,
                "key": post.key,
            }
            for post, file in zip(posts, files, strict=True)
        ]
        output = subprocess.run(
            [sys.executable, "-m", "bench.arrivals", mode, str(amount), str(seconds)],
            input=json.dumps(requests).encode(),
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


def _require_hey() -> None:
    """Install `hey` from Debian where that is possible.

    Raises:
        NoGenerator: it is not.
    """
    if shutil.which("hey") is not None:
        return
    if os.geteuid() == 0 and shutil.which("apt-get") is not None:
        subprocess.run(["apt-get", "install", "--yes", "--quiet", "hey"], check=False)
    if shutil.which("hey") is None:
        raise NoGenerator("the load comes from `hey`: apt-get install hey")
