"""Pictures as callers have them, and as bodies of requests."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

Picture = bytes | bytearray | memoryview | str | PathLike[str] | BinaryIO
"""A picture file: its bytes, its path, or an open file, which is read from where it stands."""

BINARY = "application/octet-stream"  # the server goes by the bytes, not by the label


def read_all(pictures: Mapping[str, Picture]) -> dict[str, bytes]:
    """Return the bytes of every picture.

    Raises:
        OSError: a file cannot be read.
        TypeError: an open file gives text.
    """
    return {name: _read(picture) for name, picture in pictures.items()}


def body(pictures: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what httpx is to send: nothing, one picture as it is, or each as a part."""
    if not pictures:
        return {}
    if len(pictures) > 1:
        return {"files": {name: (name, data, BINARY) for name, data in pictures.items()}}
    [picture] = pictures.values()
    return {"content": picture}


def _read(picture: Picture) -> bytes:
    if isinstance(picture, bytes | bytearray | memoryview):
        return bytes(picture)
    if isinstance(picture, str | PathLike):
        return Path(picture).read_bytes()
    data = picture.read()
    if not isinstance(data, bytes):
        raise TypeError("open the picture in binary mode: open(path, 'rb')")
    return data
