"""A built image, unpacked for an OCI runtime: what it says of itself, and how it is run here."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# buildah's own default; overlays need more than every machine gives.
STORAGE = {"STORAGE_DRIVER": os.environ.get("STORAGE_DRIVER", "vfs")}
PERIOD_US = 100_000
NAMESPACES = ("pid", "network", "ipc", "uts", "mount")
HIDDEN = ["nosuid", "noexec", "nodev"]
PROC = {"destination": "/proc", "type": "proc", "source": "proc"}
# Owned by root and not writable for others: there is no /dev/shm in it.
DEV = {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}
# Where the quota is read.
CGROUP = {
    "destination": "/sys/fs/cgroup",
    "type": "cgroup",
    "source": "cgroup",
    "options": ["ro", *HIDDEN],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What an image says of itself.

    Attributes:
        root: its file system, mounted.
        bytes: of all files in it, the base's included.
        uid: of the user it runs as.
        gid: of the user's group.
        command: entry point and arguments.
        environment: `NAME=value`.
        volumes: the directories that it writes to.
        healthcheck: the command that tells whether it is well.
        labels: by name.
    """

    root: Path
    bytes: int
    uid: int
    gid: int
    command: list[str]
    environment: list[str]
    volumes: list[str]
    healthcheck: list[str]
    labels: dict[str, str]


@contextmanager
def unpacked(name: str) -> Iterator[Image]:
    """Mount an image of buildah's for as long as it is needed.

    Raises:
        ValueError: its user is not numeric.
    """
    container = _buildah("from", "--pull-never", name)
    try:
        root = Path(_buildah("mount", container))
        config = json.loads(_buildah("inspect", "--type", "image", name))["Docker"]["config"]
        uid, _, gid = config["User"].partition(":")
        yield Image(
            root=root,
            bytes=_size(root),
            uid=int(uid),
            gid=int(gid),
            command=[*config["Entrypoint"], *config["Cmd"]],
            environment=config["Env"],
            volumes=list(config["Volumes"]),
            healthcheck=config["Healthcheck"]["Test"][1:],
            labels=config["Labels"],
        )
    finally:
        _buildah("rm", container)


def write_bundle(
    image: Image, directory: Path, *, name: str, cpus: float | None, settings: dict[str, str]
) -> None:
    """Write a bundle: no capability, no network but a loopback, one writable directory a volume.

    Args:
        image: to run.
        directory: where to; gets a directory `data` for the volumes.
        name: of the control group.
        cpus: its quota; None: all there are.
        settings: environment variables besides the image's.
    """
    data = directory / "data"
    data.mkdir()
    os.chown(data, image.uid, image.gid)
    volumes = [
        {
            "destination": path,
            "type": "bind",
            "source": str(data),
            "options": ["rbind", "rw", *HIDDEN],
        }
        for path in image.volumes
    ]
    quota = {} if cpus is None else {"cpu": {"quota": int(cpus * PERIOD_US), "period": PERIOD_US}}
    spec: dict[str, Any] = {
        "ociVersion": "1.0.2",
        "hostname": "chiasm",
        "root": {"path": str(image.root), "readonly": True},
        "mounts": [PROC, DEV, CGROUP, *volumes],
        "process": {
            "user": {"uid": image.uid, "gid": image.gid},
            "args": image.command,
            "env": [*image.environment, *(f"{key}={value}" for key, value in settings.items())],
            "cwd": "/",
            "noNewPrivileges": True,
            "capabilities": {},
        },
        "linux": {
            "cgroupsPath": f"/{name}",
            "resources": quota,
            "namespaces": [{"type": kind} for kind in NAMESPACES],
        },
    }
    (directory / "config.json").write_text(json.dumps(spec), encoding="utf-8")


def _buildah(*arguments: str) -> str:
    done = subprocess.run(
        ["buildah", *arguments],
        env={**STORAGE, **os.environ},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def _size(root: Path) -> int:
    """Return what the files weigh, each counted once whatever its number of names."""
    files = {}
    for folder, _, names in os.walk(root):
        for name in names:
            status = os.lstat(os.path.join(folder, name))  # noqa: PTH118  (thousands of them)
            files[status.st_ino] = status.st_size
    return sum(files.values())
