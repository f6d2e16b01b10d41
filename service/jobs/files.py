"""Where the pictures of jobs are kept: a directory, or whatever fsspec can open."""

import contextlib
import errno
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from service.errors import StartupError, StorageFull

CONTENT, STYLE = "content", "style"  # the names of the pictures that a job came with
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Files(Protocol):
    """Small files by the id of a job and a name; this program makes both, never a caller."""

    def write(self, job_id: str, files: Mapping[str, bytes]) -> None:
        """Store files by name, each whole or not at all even if the process dies meanwhile.

        Raises:
            StorageFull: there is no room for them; none of them is there.
        """
        ...

    def read(self, job_id: str, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            FileNotFoundError: there is no such file.
        """
        ...

    def names(self, job_id: str) -> list[str]:
        """Return the names of everything that is stored for a job, half-written files too."""
        ...

    def remove(self, job_id: str, names: Collection[str]) -> None:
        """Remove files, and be content if they are not there."""
        ...


def prune(files: Files, job_id: str, keep: Collection[str | None] = ()) -> None:
    """Remove every file of a job but some."""
    files.remove(job_id, [name for name in files.names(job_id) if name not in keep])


def open_files(location: str) -> Files:
    """Return the files at a directory or at a URL with a scheme, such as `s3://bucket/prefix`.

    Raises:
        StartupError: the place cannot be used, or the package that can open it is missing.
    """
    if "://" in location:
        return RemoteFiles(location)
    return LocalFiles(Path(location) / "files")


class LocalFiles:
    """A directory for every job."""

    def __init__(self, root: Path) -> None:
        """Make the directory if it is not there.

        Raises:
            StartupError: it cannot be made.
        """
        self._root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(f"{root} cannot be used for jobs: {error}") from error

    def write(self, job_id: str, files: Mapping[str, bytes]) -> None:
        """Store files: under other names first, on the disk, then renamed."""
        directory = self._root / job_id
        with _all_or_none(self, job_id, files):
            with contextlib.suppress(FileExistsError):
                directory.mkdir()
                _sync(self._root)
            for name, data in files.items():
                part = directory / f"{name}.part"
                try:
                    with part.open("wb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                    part.replace(directory / name)
                except BaseException:
                    part.unlink(missing_ok=True)
                    raise
            _sync(directory)

    def read(self, job_id: str, name: str) -> bytes:
        """Return a file's bytes."""
        return (self._root / job_id / name).read_bytes()

    def names(self, job_id: str) -> list[str]:
        """Return the names of a job's files."""
        try:
            return sorted(os.listdir(self._root / job_id))  # noqa: PTH208  (names are wanted)
        except FileNotFoundError:
            return []

    def remove(self, job_id: str, names: Collection[str]) -> None:
        """Remove files, and the job's directory if nothing is left in it."""
        directory = self._root / job_id
        for name in names:
            (directory / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty, or not there
            directory.rmdir()


class RemoteFiles:
    """A prefix for every job, in a store whose writes are whole or not at all, as S3's are."""

    def __init__(self, url: str) -> None:
        """Open the store; credentials come from wherever its own tools look for them.

        Raises:
            StartupError: nothing installed can open such a URL, or it cannot be reached.
        """
        try:
            from fsspec.core import url_to_fs  # an extra; directories do without it

            self._system: Any
            self._system, self._root = url_to_fs(url, use_listings_cache=False)
            self._system.ls(self._root)
        except FileNotFoundError:
            pass  # nothing is stored there yet
        except ImportError as error:
            raise StartupError(
                f"{url} needs a package that is not installed (pip install chiasm[s3]): {error}"
            ) from error
        except OSError as error:
            raise StartupError(f"{url} cannot be used for jobs: {error}") from error

    def write(self, job_id: str, files: Mapping[str, bytes]) -> None:
        """Store objects."""
        with _all_or_none(self, job_id, files):
            for name, data in files.items():
                self._system.pipe_file(f"{self._root}/{job_id}/{name}", data)

    def read(self, job_id: str, name: str) -> bytes:
        """Return an object's bytes."""
        data: bytes = self._system.cat_file(f"{self._root}/{job_id}/{name}")
        return data

    def names(self, job_id: str) -> list[str]:
        """Return the names of a job's objects."""
        try:
            found = self._system.ls(f"{self._root}/{job_id}", detail=False)
        except FileNotFoundError:
            return []
        return sorted(path.rsplit("/", 1)[-1] for path in found)

    def remove(self, job_id: str, names: Collection[str]) -> None:
        """Remove objects, one by one, since some of them may be gone."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                self._system.rm_file(f"{self._root}/{job_id}/{name}")


@contextmanager
def _all_or_none(store: Files, job_id: str, files: Mapping[str, bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        store.remove(job_id, list(files))
        if isinstance(error, OSError) and error.errno in FULL:
            raise StorageFull("there is no room for the job's files") from error
        raise


def _sync(directory: Path) -> None:
    """Make a rename last; a file's own fsync says nothing of its name. Source: fsync(2)."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
