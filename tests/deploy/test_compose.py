"""docker-compose.yml: it fits the format, and says what docs/deploy.md promises of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from service.cli.ending import CLOSING_S
from service.settings import Settings
from tests.deploy.composed import COMPOSE, ROOT, composed

OURS = {"default": ["chiasm"], "gpu": ["chiasm-gpu"], "scale": ["api", "worker"]}


def test_it_fits_the_schema_of_the_compose_specification() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [checker, "--builtin-schema", "vendor.compose-spec", COMPOSE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_without_a_profile_there_is_one_service() -> None:
    assert "COMPOSE_PROFILES=default" in (ROOT / ".env").read_text(encoding="utf-8").splitlines()
    assert list(composed("default")) == ["chiasm"]
    assert composed("default")["chiasm"].mounts == {"/data": "jobs"}


def test_the_scale_profile_has_replicas_workers_and_what_they_share() -> None:
    services = composed("scale")
    api, worker = services["api"], services["worker"]
    assert api.replicas >= 2
    assert api.environment["CHIASM_JOBS_URL"] == worker.environment["CHIASM_JOBS_URL"]
    assert api.environment["CHIASM_JOBS_CONCURRENCY"] == "0"
    assert worker.command == ["worker"]
    assert api.mounts["/data"] == worker.mounts["/data"]
    assert {"proxy", "database", "prometheus", "grafana"} <= services.keys()


@pytest.mark.parametrize(("profile", "names"), OURS.items())
def test_our_containers_are_confined(profile: str, names: list[str]) -> None:
    for name in names:
        service = composed(profile)[name]
        assert service.spec["read_only"] is True
        assert service.spec["cap_drop"] == ["ALL"]
        assert service.spec["security_opt"] == ["no-new-privileges:true"]
        known = {f"CHIASM_{field.upper()}" for field in Settings.model_fields}
        assert service.environment.keys() <= known
        grace_s = float(service.spec["stop_grace_period"].removesuffix("s"))
        assert grace_s > Settings().shutdown_grace_s + CLOSING_S


@pytest.mark.parametrize("profile", OURS)
def test_what_is_mounted_from_here_exists(profile: str) -> None:
    for service in composed(profile).values():
        for source in service.mounts.values():
            assert not source.startswith("./") or (ROOT / source).exists()
