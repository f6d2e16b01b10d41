"""CPU time and memory of a whole tree of processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.processes import TICKS_PER_SECOND, ProcessTree


def stat(proc: Path, pid: int, parent: int, ticks: tuple[int, int, int, int], state: str = "S"):
    """Write what proc(5) says is in `stat`, with a name that is hard to read past."""
    (proc / str(pid)).mkdir(parents=True)
    before = f"{pid} (a) b (c)) {state} {parent} " + "0 " * 9
    (proc / str(pid) / "stat").write_text(before + " ".join(map(str, ticks)) + " 20 0 1 0 5\n")


def smaps(proc: Path, pid: int, rss_kb: int, pss_kb: int):
    text = f"00400000-7fff [rollup]\nRss:  {rss_kb} kB\nPss:  {pss_kb} kB\nPss_Dirty: 7 kB\n"
    (proc / str(pid) / "smaps_rollup").write_text(text)


@pytest.fixture
def proc(tmp_path):
    stat(tmp_path, 10, 1, (100, 20, 3, 1))
    stat(tmp_path, 11, 10, (7, 0, 0, 0))
    stat(tmp_path, 12, 11, (0, 2, 0, 0))
    stat(tmp_path, 13, 10, (9, 9, 9, 9), state="Z")
    stat(tmp_path, 99, 1, (5000, 0, 0, 0))
    (tmp_path / "self").mkdir()
    for pid, rss, pss in ((10, 3000, 2000), (11, 1000, 500), (12, 1000, 500), (99, 9, 9)):
        smaps(tmp_path, pid, rss, pss)
    return tmp_path


def test_the_tree_is_the_root_and_its_descendants_parents_first(proc):
    assert ProcessTree(10, proc).pids() == [10, 11, 12]


def test_cpu_time_is_that_of_all_and_of_children_that_were_waited_for(proc):
    assert ProcessTree(10, proc).cpu_seconds() == (100 + 20 + 3 + 1 + 7 + 2) / TICKS_PER_SECOND


def test_memory_is_summed_over_the_tree(proc):
    tree = ProcessTree(10, proc)
    assert tree.resident_mb() == pytest.approx(5000 * 1024 / 1e6)
    assert tree.proportional_mb() == pytest.approx(3000 * 1024 / 1e6)


def test_a_process_that_is_gone_costs_nothing(proc):
    tree = ProcessTree(4711, proc)
    assert (tree.pids(), tree.cpu_seconds(), tree.resident_mb()) == ([], 0, 0)


def test_the_real_proc_pause_resume_and_kill():
    burn = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'sum(range(10**7))'])\n"
    with subprocess.Popen(
        [sys.executable, "-c", burn + "print('done', flush=True)\nsys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"done\n"
        tree = ProcessTree(process.pid)
        assert tree.cpu_seconds() > 0
        assert tree.resident_mb() >= tree.proportional_mb() > 0
        tree.pause()
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        tree.resume()
        ProcessTree.kill(tree.pids())
    assert process.returncode == -signal.SIGKILL
