"""docs/deploy.md: what can run here is run, the rest says what it needs and names real things."""

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.deploy.composed import ROOT, composed
from tests.test_readme import run
from tools.served import Served

TEXT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(?:# needs ([^\n]+)\n)?(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
ELSEWHERE = {"docker", "docker and an NVIDIA GPU", "a cluster"}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Served() as server:
        yield server.port


def test_every_block_is_run_or_says_what_it_needs() -> None:
    assert TEXT.count("```sh") == len(BLOCKS)
    assert {needs for needs, _ in BLOCKS} == {"", "promtool", *ELSEWHERE}


@pytest.mark.parametrize("script", [script for needs, script in BLOCKS if not needs])
def test_scripts_run(script: str, port: int) -> None:
    local = script.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("curl -s", "curl -sf")
    run(f"set -euo pipefail\n{local}", ROOT)


@pytest.mark.parametrize("script", [script for needs, script in BLOCKS if needs == "promtool"])
def test_scripts_for_prometheus_run(script: str) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    run(f"set -euo pipefail\n{script}", ROOT)


def test_what_is_not_run_names_what_there_is() -> None:
    scripts = "".join(script for needs, script in BLOCKS if needs in ELSEWHERE)
    for profile in re.findall(r"--profile (\w+)", scripts):
        assert composed(profile)
    for name in re.findall(r"--scale (\w+)=", scripts):
        assert name in composed("scale")
    paths = re.findall(r"(?:tests/)?deploy/[\w./-]+\w", TEXT)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
