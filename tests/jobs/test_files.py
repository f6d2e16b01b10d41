"""Files are whole or not there, in a directory and in a bucket alike."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.errors import StartupError, StorageFull
from service.jobs.files import Files, LocalFiles, open_files, prune


@pytest.fixture(params=["directory", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    if request.param == "bucket":
        return open_files(f"{request.getfixturevalue('bucket')}/jobs")
    return open_files(str(tmp_path))


def test_what_is_written_can_be_read_and_removed(files: Files) -> None:
    files.write("one", {"content": b"cat", "style": b""})
    files.write("one", {"content": b"dog"})
    files.write("two", {"content": b"mouse"})

    assert files.read("one", "content") == b"dog"
    assert files.read("one", "style") == b""
    assert files.names("one") == ["content", "style"]

    files.remove("one", ["content", "never"])
    assert files.names("one") == ["style"]
    with pytest.raises(FileNotFoundError):
        files.read("one", "content")
    prune(files, "one")
    prune(files, "one")
    assert files.names("one") == []
    assert files.read("two", "content") == b"mouse"


def test_what_is_not_stored_is_not_there(files: Files) -> None:
    assert files.names("one") == []
    files.remove("one", ["content"])
    with pytest.raises(FileNotFoundError):
        files.read("one", "content")


def test_pruning_keeps_what_it_is_told_to(files: Files) -> None:
    files.write("one", {"content": b"cat", "preview": b"c", "result": b"CAT"})
    prune(files, "one", keep=["result", None])
    assert files.names("one") == ["result"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_where_one_file_has_no_room_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    files, synced, fsync = LocalFiles(tmp_path), [], os.fsync

    def full(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 3:  # the root, the first file, the second file
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        files.write("one", {"content": b"cat", "style": b"dog"})
    assert list(tmp_path.iterdir()) == []


def test_other_troubles_are_not_taken_for_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="broken"):
        LocalFiles(tmp_path).write("one", {"content": b"cat"})


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="only root may mount")
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        files = LocalFiles(tmp_path / "files")
        files.write("one", {"content": bytes(10_000)})
        with pytest.raises(StorageFull):
            files.write("one", {"checkpoint": bytes(20_000), "preview": bytes(60_000)})
        assert files.names("one") == ["content"]
        files.write("one", {"checkpoint": bytes(20_000)})
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_place_that_cannot_be_used_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StartupError, match="cannot be used"):
        open_files(str(tmp_path / "file"))


def test_a_url_that_nothing_can_open_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(StartupError, match=r"chiasm\[s3\]"):
        open_files("s3://pictures")
