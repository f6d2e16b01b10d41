"""What a server costs, from /proc: the process that was started and all that it started itself.

CPU time is `utime + stime` of every living process of the tree, and `cutime + cstime`, which is
where the kernel puts the time of children that have ended and were waited for. RSS counts a page
that two processes share twice; PSS shares it between them, and so may be added up.

Source: proc(5), `/proc/pid/stat` and `/proc/pid/smaps_rollup`.
"""

import os
import signal
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PARENT, UTIME, CSTIME = 1, 11, 14  # fields of `stat` after the name, counted from 0
MEMORY_MB = 1e6


class ProcessTree:
    """A process and its descendants, as they are at the moment of each question."""

    def __init__(self, root: int, proc: Path = PROC) -> None:
        """Look at the process `root`.

        Args:
            root: its id.
            proc: where /proc is; for tests.
        """
        self.root = root
        self._proc = proc

    def pids(self) -> list[int]:
        """Return the living processes, parents before their children."""
        children: dict[int, list[int]] = defaultdict(list)
        for entry in self._proc.iterdir():
            if entry.name.isdecimal() and (fields := self._stat(int(entry.name))):
                children[fields[PARENT]].append(int(entry.name))
        if not self._stat(self.root):
            return []
        found = [self.root]
        for pid in found:  # grows while it is walked
            found += sorted(children[pid])
        return found

    def cpu_seconds(self) -> float:
        """Return the CPU time so far, user and system, to a hundredth of a second a process."""
        stats = filter(None, map(self._stat, self.pids()))
        return sum(sum(fields[UTIME : CSTIME + 1]) for fields in stats) / TICKS_PER_SECOND

    def resident_mb(self) -> float:
        """Return the sum of RSS, in which shared pages count once for each process."""
        return self._memory("Rss")

    def proportional_mb(self) -> float:
        """Return the sum of PSS, in which shared pages count once."""
        return self._memory("Pss")

    def pause(self) -> None:
        """Stop every process where it is: a server that polls while idle then costs nothing."""
        self._signal(self.pids(), signal.SIGSTOP)

    def resume(self) -> None:
        """Let every process go on."""
        self._signal(self.pids()[::-1], signal.SIGCONT)

    @staticmethod
    def kill(pids: list[int]) -> None:
        """End processes that outlived their parent."""
        ProcessTree._signal(pids, signal.SIGKILL)

    @staticmethod
    def _signal(pids: list[int], number: int) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _stat(self, pid: int) -> list[int]:
        """Return the numbers after the name in `stat`; none if the process is gone."""
        try:
            text = (self._proc / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return []
        state, *numbers = text.rpartition(")")[2].split()
        return [] if state in "XZ" and pid != self.root else [0, *map(int, numbers)]

    def _memory(self, key: str) -> float:
        total = 0
        for pid in self.pids():
            with suppress(OSError):
                text = (self._proc / str(pid) / "smaps_rollup").read_text(encoding="ascii")
                lines = (line.split() for line in text.splitlines())
                total += next(int(words[1]) for words in lines if words[0] == f"{key}:")
        return total * 1024 / MEMORY_MB
