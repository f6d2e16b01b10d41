"""Fetches the networks that are too large to be committed, when told to, and never otherwise."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from service.engine.checks import file_sha256
from service.engine.manifest import ModelFolder, PullSpec
from service.errors import StartupError

log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 16
PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416
TIMEOUT_S = 15.0  # for a connection, and for any silence in a transfer

Progress = Callable[[int, int], None]
"""Told of bytes so far and bytes in all."""


class PullFailed(StartupError):
    """A network could not be fetched as pinned; nothing was installed."""

    code = "pull_failed"


def pull(folder: ModelFolder, *, mirror: str | None, progress: Progress) -> str:
    """Install a model's file, verified, from a mirror or from its pinned source.

    The transfer goes to a file beside the target and continues where an earlier one stopped;
    only a file with the manifest's SHA-256 is moved into place, in one step.

    Args:
        folder: its manifest has a `[pull]` section.
        mirror: a directory or base URL that has the file under its upstream name; tried first.
        progress: told how far it is.

    Returns:
        Where the file came from; empty if it was there already.

    Raises:
        PullFailed: no source has the file, or none has it with the right digest.
    """
    spec, target = folder.manifest.pull, folder.graph_path
    if spec is None:
        raise PullFailed(f"{folder.manifest.name} has no [pull] section: its file is committed")
    if folder.installed and file_sha256(target) == folder.manifest.sha256:
        return ""
    failures = []
    for source in _sources(spec, mirror):
        try:
            _fetch(source, target, spec, folder.manifest.sha256, progress)
        except (OSError, HTTPException, _WrongDigest) as error:
            failures.append(f"{source}: {_reason(error)}")
        else:
            return source
    raise PullFailed(
        f"{folder.manifest.name} could not be pulled; it needs the network, or a mirror in "
        f"CHIASM_MODEL_MIRROR that has {spec.file_name}\n  " + "\n  ".join(failures)
    )


class _WrongDigest(Exception):
    pass


def _sources(spec: PullSpec, mirror: str | None) -> Iterator[str]:
    if mirror:
        yield f"{mirror.rstrip('/')}/{spec.file_name}"
    yield spec.url


def _fetch(source: str, target: Path, spec: PullSpec, sha256: str, progress: Progress) -> None:
    part = target.with_name(target.name + ".part")
    resumed = part.exists() and part.stat().st_size > 0
    _transfer(source, part, spec.size_bytes, progress)
    if file_sha256(part) != sha256 and resumed:
        part.unlink()  # perhaps it was the old beginning that was wrong
        _transfer(source, part, spec.size_bytes, progress)
    digest = file_sha256(part)
    if digest != sha256:
        part.unlink()
        raise _WrongDigest(f"its SHA-256 is {digest}, not the pinned one; not installed")
    part.replace(target)


def _transfer(source: str, part: Path, size_bytes: int, progress: Progress) -> None:
    if not source.startswith(("https://", "http://")):
        shutil.copyfile(Path(source), part)
        progress(size_bytes, size_bytes)
        return
    done = part.stat().st_size if part.exists() else 0
    if done >= size_bytes:
        return
    request = Request(source, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        answer = urlopen(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        if error.code == RANGE_NOT_SATISFIABLE:
            part.unlink()  # it ends where ours already is: the next attempt starts over
        raise
    with closing(answer):
        continues = answer.status == PARTIAL_CONTENT
        done = done if continues else 0
        with part.open("ab" if continues else "wb") as file:
            _copy(answer, file, done, size_bytes, progress)


def _copy(answer: BinaryIO, file: BinaryIO, done: int, size_bytes: int, progress: Progress) -> None:
    while chunk := answer.read(CHUNK_BYTES):
        done += len(chunk)
        if done > size_bytes:
            raise _WrongDigest(f"it is larger than the {size_bytes} bytes that are pinned")
        file.write(chunk)
        progress(done, size_bytes)
    if done < size_bytes:
        raise ConnectionError(f"it broke off after {done} bytes; try again to go on from there")


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"the server answers {error.code}"
    if isinstance(error, URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
