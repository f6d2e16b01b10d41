"""Load in a closed loop (`h2load`, a native generator) and in an open one (`bench.arrivals`)."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np

RAMP_S = 1.0
"""How long a closed loop goes on before its answers make a rate."""
MAX_GENERATORS, APART_S = 8, 0.02


class NoGenerator(RuntimeError):
    """`h2load` is not installed."""


@dataclass(frozen=True)
class Load:
    """What came back.

    Attributes:
        statuses: (N,) HTTP status of each answer.
        seconds: (N,) how long each took.
        errors: requests that got no answer at all.
        duration_s: from the first request to the last answer.
        generator_cpu_s: what the measuring itself cost.
        goodput: answers with 200, a second.
    """

    statuses: np.ndarray
    seconds: np.ndarray
    errors: int
    duration_s: float
    generator_cpu_s: float
    goodput: float

    @cached_property
    def by_status(self) -> Counter[int]:
        """Answers by status."""
        return Counter(self.statuses.tolist())

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

    `h2load` knows one body only. Whoever is free sends the next of the kinds, so that every server
    gets the same mixture, however fast it is.
    """
    return _arrivals(posts, "closed", concurrency, seconds)


def closed_loop(post: Post, *, concurrency: int, seconds: float) -> Load:
    """Keep `concurrency` requests in flight, with Debian's `h2load`.

    Connections come one after the other, as they would from several callers: of eight at once, the
    first process of a server to wake up takes most, and the others have nothing to do.

    It ends on time, and leaves what is in flight then without an answer. A server goes on with it
    for a while: whoever measures next should wait for that. So that work which was begun and not
    answered does not make a slow server slower, the rate is that of `seconds` out of the middle:
    those after `RAMP_S`, when as much was begun as will be at the end. All the rest is counted
    from the first request on.
    """
    _require_h2load()
    generators = min(concurrency, MAX_GENERATORS)
    with tempfile.TemporaryDirectory() as directory:
        body = Path(directory, "body")
        body.write_bytes(post.body)
        logs = [Path(directory, f"log{number}") for number in range(generators)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        running = []
        for number, log in enumerate(logs):
            shares = (concurrency + number) // generators
            command = ["h2load", "--h1", "-t1", f"-c{shares}", f"--log-file={log}"]
            command += [f"--data={body}", f"--header=content-type: {post.content_type}"]
            milliseconds = round((RAMP_S + seconds - number * APART_S) * 1000)
            command += [f"-D{milliseconds}ms", post.url]
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            time.sleep(APART_S)
        for generator in running:
            if status := generator.wait():
                raise subprocess.CalledProcessError(status, generator.args)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        lines = "".join(log.read_text() for log in logs)
        return read_h2load(lines, seconds=seconds, generator_cpu_s=cpu_s)


def read_h2load(log: str, *, seconds: float, generator_cpu_s: float) -> Load:
    """Return what `h2load --log-file` wrote: a line for each request that ended.

    A line has when the request left, its status or -1 for none, and how long it took, both times
    in microseconds.

    Args:
        log: of a run of `RAMP_S` and `seconds`, or several that end together.
        seconds: after the ramp, whose answers make the rate.
        generator_cpu_s: what it used.

    Raises:
        ValueError: not one request was answered.
    """
    rows = np.array([line.split() for line in log.splitlines()], np.int64).reshape(-1, 3)
    answered = rows[rows[:, 1] > 0]
    if not len(answered):
        raise ValueError("h2load got no answer at all")
    starts, statuses, microseconds = answered.T
    ends_s = (starts - starts.min() + microseconds) / 1e6
    counted = (statuses == 200) & (ends_s > RAMP_S) & (ends_s <= RAMP_S + seconds)
    return Load(
        statuses=statuses,
        seconds=microseconds / 1e6,
        errors=len(rows) - len(answered),
        duration_s=RAMP_S + seconds,
        generator_cpu_s=generator_cpu_s,
        goodput=float(np.count_nonzero(counted) / seconds),
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
        goodput=report["statuses"].count(200) / report["elapsed_s"],
        statuses=np.array(report["statuses"], int),
        seconds=np.array(report["seconds"]),
        errors=report["errors"],
        duration_s=report["elapsed_s"],
        generator_cpu_s=report["cpu_s"],
    )


def _require_h2load() -> None:
    """Install `h2load` from Debian where that is possible.

    Raises:
        NoGenerator: it is not.
    """
    if shutil.which("h2load") is not None:
        return
    if os.geteuid() == 0 and shutil.which("apt-get") is not None:
        subprocess.run(["apt-get", "install", "--yes", "--quiet", "nghttp2-client"], check=False)
    if shutil.which("h2load") is None:
        raise NoGenerator("the load comes from `h2load`: apt-get install nghttp2-client")
