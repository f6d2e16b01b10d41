"""What a run costs: milliseconds of two graphs in turns, and the memory that one of them takes."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_RSS = """
import sys
from pathlib import Path
import numpy as np
from service.engine.session import Device, OrtSession
def rss():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1000
before = rss()
session = OrtSession(Path(sys.argv[1]), device=Device.CPU, threads=1)
info = session.inputs[0]
picture = np.zeros([size or 1 for size in info.shape], info.dtype)
for _ in range(3):
    session.run({info.name: picture})
print(rss() - before)
"""


@dataclass(frozen=True, slots=True)
class Turns:
    """Milliseconds of a run of two graphs, a median a round, the rounds interleaved."""

    first_ms: tuple[float, ...]
    second_ms: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """How many times faster the second is, a ratio a round, in ascending order."""
        return sorted(a / b for a, b in zip(self.first_ms, self.second_ms, strict=True))

    @property
    def ratio(self) -> float:
        """The median of `ratios`."""
        return median(self.ratios)


def take_turns(
    first: Callable[[], object], second: Callable[[], object], *, rounds: int, runs: int
) -> Turns:
    """Time two calls in turns, so that whatever slows the machine down slows both.

    Args:
        first: called `runs` times a round, after three calls that do not count.
        second: so is this.
        rounds: of both.
        runs: of which the median counts.
    """
    for _ in range(3):
        first()
        second()
    pairs = [(_median_ms(first, runs), _median_ms(second, runs)) for _ in range(rounds)]
    return Turns(*zip(*pairs, strict=True))


def resident_mb(graph: Path) -> float:
    """Return by how many MB a process of its own grows by loading a graph and running it."""
    command = [sys.executable, "-c", _RSS, str(graph)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> Mapping[str, bool]:
    """Return whether the CPU has what decides about eight-bit speed; empty where it is not told."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return {}
    flags = {
        word for line in text.splitlines() if line.startswith("flags") for word in line.split()
    }
    wanted = {"AVX2": {"avx2"}, "VNNI": {"avx512_vnni", "avx_vnni"}}
    return {name: bool(flags & any_of) for name, any_of in wanted.items()} if flags else {}


def _median_ms(call: Callable[[], object], runs: int) -> float:
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return median(taken)
