"""The documents' scripts run as they stand, against a server of the bundled models."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.test_readme import run
from tools.readme import README
from tools.served import Served

WRITTEN = {
    "segment.md": {"person.png": "RGBA", "nuclei.png": "I;16", "edges.png": "L"},
    "style.md": {"painted.jpg": "RGB"},
}


def scripts(document: str) -> list[str]:
    """Return the blocks of a document that are marked as `sh`."""
    text = (README.parent / "docs" / document).read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Served() as server:
        yield server.port


@pytest.mark.parametrize("document", WRITTEN)
def test_scripts_run_and_write_what_they_say(document: str, port: int, tmp_path: Path) -> None:
    for name in ("docs", "service"):
        (tmp_path / name).symlink_to(README.parent / name)
    found = scripts(document)
    assert found
    for script in found:
        local = script.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("curl -s", "curl -sf")
        run(f"set -euo pipefail\n{local}", tmp_path)
    for name, mode in WRITTEN[document].items():
        with Image.open(tmp_path / name) as picture:
            assert picture.mode == mode
