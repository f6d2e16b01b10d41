"""docker-compose.yml as values: what a profile starts, with its variables' defaults filled in."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """One service of the file.

    Attributes:
        image: its image.
        command: the arguments after the image's entry point; empty: the image's own.
        environment: its variables, as text.
        mounts: what is mounted, by where.
        replicas: how many there are.
        spec: all that the file says of it.
    """

    image: str
    command: list[str]
    environment: dict[str, str]
    mounts: dict[str, str]
    replicas: int
    spec: dict[str, Any]


def composed(profile: str) -> dict[str, Composed]:
    """Return the services that a profile starts."""
    text = DEFAULT.sub(r"\1", COMPOSE.read_text(encoding="utf-8"))
    services = yaml.safe_load(text)["services"]
    return {name: _composed(spec) for name, spec in services.items() if profile in spec["profiles"]}


def _composed(spec: dict[str, Any]) -> Composed:
    mounts = dict(reversed(mount.split(":")[:2]) for mount in spec.get("volumes", []))
    environment = spec.get("environment") or {}
    return Composed(
        image=spec["image"],
        command=spec.get("command", []),
        environment={
            name: "" if value is None else str(value) for name, value in environment.items()
        },
        mounts=mounts,
        replicas=spec.get("deploy", {}).get("replicas", 1),
        spec=spec,
    )
