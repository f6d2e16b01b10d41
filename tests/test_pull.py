"""Pulling, against a real server on the loopback interface that can break off and resume."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from service.engine.manifest import ModelFolder, UrlSpec, read_folder
from service.pull import PullFailed, pull

CONTENT = bytes(range(256)) * 1024
MANIFEST = """
name = "far-away"
task = "classify"
file = "model.onnx"
sha256 = "{digest}"
license = "Apache-2.0"
source = "a server of the test's own"
{pull}
[input]
size = [8, 8]
[config]
labels = ["a", "b"]
"""
PULL = '[pull]\nurl = "https://example.invalid/files/far_away.onnx"\nsize_bytes = {size}\n'


class Upstream(ThreadingHTTPServer):
    """Serves one file under any name; may stop in the middle, or know nothing of ranges."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.stop_after: int | None = None
        self.ranges = True
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/files"


class Handler(BaseHTTPRequestHandler):
    server: Upstream

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        start = 0
        if wanted and self.server.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        body = self.server.content[start:]
        if start and not body:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.stop_after])

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def folder_of(
    tmp_path: Path, *, content: bytes = CONTENT, section: str | None = None
) -> ModelFolder:
    path = tmp_path / "far-away"
    path.mkdir()
    section = PULL.format(size=len(content)) if section is None else section
    digest = hashlib.sha256(content).hexdigest()
    (path / "model.toml").write_text(MANIFEST.format(digest=digest, pull=section))
    return read_folder(path)


def from_server(folder: ModelFolder, server: Upstream) -> ModelFolder:
    """The same folder, whose pinned source is the test's server."""
    spec = UrlSpec.model_construct(url=f"{server.url}/far_away.onnx", size_bytes=len(CONTENT))
    return replace(folder, manifest=folder.manifest.model_copy(update={"pull": spec}))


def test_a_pulled_file_is_installed_whole(tmp_path: Path, upstream: Upstream) -> None:
    folder = from_server(folder_of(tmp_path), upstream)
    seen: list[tuple[int, int]] = []
    source = pull(folder, mirror=None, progress=lambda *both: seen.append(both))
    assert source == f"{upstream.url}/far_away.onnx"
    assert folder.graph_path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in folder.path.glob("*.part")] == []


def test_what_is_there_is_not_pulled_again(tmp_path: Path, upstream: Upstream) -> None:
    folder = from_server(folder_of(tmp_path), upstream)
    folder.graph_path.write_bytes(CONTENT)
    assert pull(folder, mirror=None, progress=lambda *_: None) == ""
    assert upstream.asked == []


def test_a_broken_transfer_goes_on_where_it_stopped(tmp_path: Path, upstream: Upstream) -> None:
    folder = from_server(folder_of(tmp_path), upstream)
    upstream.stop_after = 100_000
    with pytest.raises(PullFailed):
        pull(folder, mirror=None, progress=lambda *_: None)
    assert not folder.installed
    part = folder.graph_path.with_name("model.onnx.part").stat().st_size
    assert 0 < part <= 100_000
    upstream.stop_after = None
    pull(folder, mirror=None, progress=lambda *_: None)
    assert upstream.asked[-1] == ("/files/far_away.onnx", f"bytes={part}-")
    assert folder.graph_path.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(tmp_path: Path, upstream: Upstream) -> None:
    folder = from_server(folder_of(tmp_path), upstream)
    upstream.ranges = False
    folder.graph_path.with_name("model.onnx.part").write_bytes(CONTENT[:5_000])
    pull(folder, mirror=None, progress=lambda *_: None)
    assert folder.graph_path.read_bytes() == CONTENT


def test_a_wrong_beginning_is_thrown_away_and_pulled_again(
    tmp_path: Path, upstream: Upstream
) -> None:
    folder = from_server(folder_of(tmp_path), upstream)
    folder.graph_path.with_name("model.onnx.part").write_bytes(b"x" * 5_000)
    pull(folder, mirror=None, progress=lambda *_: None)
    assert [wanted for _, wanted in upstream.asked] == ["bytes=5000-", None]
    assert folder.graph_path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(b"y" * len(CONTENT), id="another file of the same size"),
        pytest.param(CONTENT + b"more", id="a longer file"),
        pytest.param(CONTENT[:-1], id="a shorter file"),
    ],
)
def test_a_wrong_file_is_never_installed(tmp_path: Path, upstream: Upstream, wrong: bytes) -> None:
    folder = from_server(folder_of(tmp_path), upstream)
    upstream.content = wrong
    with pytest.raises(PullFailed):
        pull(folder, mirror=None, progress=lambda *_: None)
    assert not folder.installed


def test_a_mirror_directory_is_tried_first(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "far_away.onnx").write_bytes(CONTENT)
    folder = folder_of(tmp_path)
    assert pull(folder, mirror=str(mirror), progress=lambda *_: None).startswith(str(mirror))
    assert folder.graph_path.read_bytes() == CONTENT


def test_a_mirror_address_is_tried_first(tmp_path: Path, upstream: Upstream) -> None:
    folder = folder_of(tmp_path)
    pull(folder, mirror=upstream.url + "/", progress=lambda *_: None)
    assert upstream.asked == [("/files/far_away.onnx", None)]


def test_behind_a_wrong_mirror_the_source_is_asked(tmp_path: Path, upstream: Upstream) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "far_away.onnx").write_bytes(b"something else")
    folder = from_server(folder_of(tmp_path), upstream)
    assert pull(folder, mirror=str(mirror), progress=lambda *_: None).startswith(upstream.url)
    assert folder.graph_path.read_bytes() == CONTENT


def test_offline_says_every_source_and_how_to_do_without(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    with pytest.raises(PullFailed) as caught:
        pull(folder, mirror=str(tmp_path / "nothing"), progress=lambda *_: None)
    for word in ("far-away", "CHIASM_MODEL_MIRROR", "far_away.onnx", "example.invalid"):
        assert word in caught.value.detail


def test_a_committed_model_cannot_be_pulled(tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match="committed"):
        pull(folder_of(tmp_path, section=""), mirror=None, progress=lambda *_: None)


def test_a_part_that_the_server_cannot_continue_is_thrown_away(
    tmp_path: Path, upstream: Upstream
) -> None:
    folder = from_server(folder_of(tmp_path), upstream)
    part = folder.graph_path.with_name("model.onnx.part")
    part.write_bytes(CONTENT[:7_000])
    upstream.content = CONTENT[:7_000]  # as after a transfer of a file that was too short
    with pytest.raises(PullFailed, match="416"):
        pull(folder, mirror=None, progress=lambda *_: None)
    assert not part.exists()
