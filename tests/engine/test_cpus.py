"""How many CPUs a container really has, read from trees of files like those of the kernel."""

import os
from pathlib import Path

import pytest

from service.engine.cpus import thread_budget, usable_cpus


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


V2 = "0::/\n"
V2_NESTED = "0::/kubepods/pod7\n"
V1 = "12:cpu,cpuacct:/docker/abc\n11:memory:/docker/abc\n"
CPU_MAX = "sys/fs/cgroup/cpu.max"


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({}, 8),  # no /proc at all: the affinity alone
        ({"proc/self/cgroup": ""}, 8),
        ({"proc/self/cgroup": V2}, 8),  # no quota file
        ({"proc/self/cgroup": V2, CPU_MAX: "max 100000\n"}, 8),
        ({"proc/self/cgroup": V2, CPU_MAX: "50000 100000\n"}, 0.5),
        ({"proc/self/cgroup": V2, CPU_MAX: "1600000 100000\n"}, 8),  # more than there are
        # the group itself is unlimited, the one around it is not
        (
            {
                "proc/self/cgroup": V2_NESTED,
                "sys/fs/cgroup/kubepods/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/kubepods/pod7/cpu.max": "max 100000\n",
            },
            3,
        ),
        # the path is the host's, and the container sees its own group at the mount
        ({"proc/self/cgroup": V2_NESTED, CPU_MAX: "250000 100000\n"}, 2.5),
        (
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "150000\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            },
            1.5,
        ),
        (  # mounted as plain `cpu`
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (  # -1 is no quota
            {
                "proc/self/cgroup": V1,
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        # a hybrid host: both versions, and the smaller quota counts
        (
            {
                "proc/self/cgroup": "3:cpu:/\n" + V2,
                CPU_MAX: "600000 100000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            2,
        ),
    ],
)
def test_the_smaller_of_affinity_and_quotas_counts(
    files: dict[str, str], cpus: float, tmp_path: Path
) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    assert usable_cpus(tmp_path) == cpus


def test_this_machine_has_some() -> None:
    assert 0 < usable_cpus() <= 8


@pytest.mark.parametrize(("cpus", "threads"), [(0.1, 1), (1, 1), (1.9, 1), (2, 2), (96.0, 96)])
def test_a_thread_is_a_whole_cpu_and_there_is_always_one(cpus: float, threads: int) -> None:
    assert thread_budget(cpus) == threads
