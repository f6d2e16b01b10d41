"""The pinned sources, through the real pip and npm but a folder and a loopback registry."""

import hashlib
import io
import json
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tools import sources
from tools.sources import SourceError, npm_tarball, wheel

NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens, so every client is offline
WRONG = "0" * 64


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def iris_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel `iris` 1.0 in the only folder that pip may look into."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    path = shelf / "iris-1.0-py3-none-any.whl"
    info = "iris-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: iris\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return path


@pytest.fixture
def iris_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """The bytes of `@eye/iris` 1.0.0, served by the only registry that npm may ask."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    tarball = io.BytesIO()
    with tarfile.open(fileobj=tarball, mode="w:gz") as archive:
        manifest = json.dumps({"name": "@eye/iris", "version": "1.0.0"}).encode()
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(manifest)
        archive.addfile(entry, io.BytesIO(manifest))
    server = HTTPServer(("127.0.0.1", 0), registry_of(tarball.getvalue()))
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield tarball.getvalue()
    server.shutdown()
    thread.join()
    server.server_close()


def registry_of(tarball: bytes) -> type[BaseHTTPRequestHandler]:
    """A registry that knows one package."""

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = f"http://{self.headers['Host']}"
            version = {
                "name": "@eye/iris",
                "version": "1.0.0",
                "dist": {
                    "tarball": f"{host}/iris-1.0.0.tgz",
                    "shasum": hashlib.sha1(tarball).hexdigest(),
                },
            }
            about = {
                "name": "@eye/iris",
                "dist-tags": {"latest": "1.0.0"},
                "versions": {"1.0.0": version},
            }
            body = tarball if self.path.endswith(".tgz") else json.dumps(about).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Keep the test's output quiet."""

    return Registry


def test_a_wheel_is_fetched_verified_and_kept(iris_wheel: Path, tmp_path: Path) -> None:
    pinned = sha256_of(iris_wheel)

    path = wheel("iris", "1.0", pinned, cache=tmp_path / "cache")

    assert path == tmp_path / "cache" / pinned / iris_wheel.name
    assert path.read_bytes() == iris_wheel.read_bytes()


def test_a_kept_wheel_needs_no_source(iris_wheel: Path, tmp_path: Path) -> None:
    pinned = sha256_of(iris_wheel)
    first = wheel("iris", "1.0", pinned, cache=tmp_path / "cache")
    iris_wheel.unlink()

    assert wheel("iris", "1.0", pinned, cache=tmp_path / "cache") == first


def test_a_damaged_kept_wheel_is_fetched_again(iris_wheel: Path, tmp_path: Path) -> None:
    pinned = sha256_of(iris_wheel)
    wheel("iris", "1.0", pinned, cache=tmp_path / "cache").write_bytes(b"half a whe")

    path = wheel("iris", "1.0", pinned, cache=tmp_path / "cache")

    assert sha256_of(path) == pinned


def test_a_wrong_hash_is_one_line_and_nothing_is_kept(iris_wheel: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    with pytest.raises(SourceError) as error:
        wheel("iris", "1.0", WRONG, cache=cache)

    found = sha256_of(iris_wheel)
    assert str(error.value) == f"iris==1.0: the SHA-256 is {found}, pinned is {WRONG}"
    assert list(cache.iterdir()) == []


def test_a_version_that_does_not_exist_is_one_line(iris_wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as error:
        wheel("iris", "2.0", WRONG, cache=tmp_path / "cache")

    assert str(error.value).startswith("iris==2.0: cannot be downloaded: ERROR: ")
    assert "\n" not in str(error.value)


def test_an_npm_tarball_is_fetched_verified_and_kept(iris_package: bytes, tmp_path: Path) -> None:
    pinned = hashlib.sha256(iris_package).hexdigest()

    path = npm_tarball("@eye/iris", "1.0.0", pinned, cache=tmp_path / "cache")

    assert path == tmp_path / "cache" / pinned / "eye-iris-1.0.0.tgz"
    assert path.read_bytes() == iris_package


def test_npm_offline_is_one_line(
    iris_package: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", NOWHERE)

    with pytest.raises(SourceError) as error:
        npm_tarball("@eye/iris", "1.0.0", WRONG, cache=tmp_path / "cache")

    assert str(error.value).startswith("@eye/iris@1.0.0: cannot be downloaded: npm error ")
    assert "\n" not in str(error.value)


def test_a_missing_client_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SourceError, match=r"^iris@1\.0\.0: npm is not installed$"):
        npm_tarball("iris", "1.0.0", WRONG, cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("stderr", "complaint"),
    [
        ("", "the client gave no reason"),
        ("note one\nnote two\n", "note two"),  # nothing says error: the last word
        ("WARNING: old\nERROR: first\nERROR: second\n", "ERROR: first"),  # the cause comes first
    ],
)
def test_the_complaint_is_one_line(stderr: str, complaint: str) -> None:
    assert sources._complaint(stderr) == complaint
