"""How many CPUs this process may really use: affinity and cgroup quota, not the host's count."""

import os
from pathlib import Path


def usable_cpus(root: Path = Path("/")) -> float:
    """Return the CPUs this process may use at once; a fraction where a quota says so.

    The smaller of the scheduling affinity and the quotas of every cgroup (v1 or v2) that the
    process is in. A container limited to half a CPU on a 96-core host gets 0.5.

    Args:
        root: where /proc and /sys are found; for tests.
    """
    return min([float(len(os.sched_getaffinity(0))), *_quotas(root)])


def thread_budget(cpus: float) -> int:
    """Return how many threads may compute at once: whole CPUs, at least one.

    Rounded down, since a thread beyond the quota only gets the others throttled.
    """
    return max(1, int(cpus))


def _quotas(root: Path) -> list[float]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    quotas = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            quotas += _quotas_v2(root / "sys/fs/cgroup", group)
        elif "cpu" in controllers.split(","):
            for mount in {controllers, "cpu", "cpu,cpuacct"}:
                quotas += _quotas_v1(root / "sys/fs/cgroup" / mount, group)
    return quotas


def _ancestry(mount: Path, group: str) -> list[Path]:
    """The mount point and every folder down to the group; a container may see only the former."""
    folders = [mount]
    for part in Path(group.lstrip("/")).parts:
        folders.append(folders[-1] / part)
    return folders


def _quotas_v2(mount: Path, group: str) -> list[float]:
    quotas = []
    for folder in _ancestry(mount, group):
        fields = _read(folder / "cpu.max").split()
        if len(fields) == 2 and fields[0] != "max":
            quotas.append(int(fields[0]) / int(fields[1]))
    return quotas


def _quotas_v1(mount: Path, group: str) -> list[float]:
    quotas = []
    for folder in _ancestry(mount, group):
        quota = _read(folder / "cpu.cfs_quota_us")
        period = _read(folder / "cpu.cfs_period_us")
        if quota and period and int(quota) > 0:
            quotas.append(int(quota) / int(period))
    return quotas


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
