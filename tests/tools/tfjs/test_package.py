"""Files lent from an npm tarball."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from tools.tfjs.errors import ConversionError
from tools.tfjs.package import unpacked


def tarball(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            content = json.dumps(name).encode()
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_a_package_lends_the_files_asked_for(tmp_path: Path) -> None:
    path = tarball(
        tmp_path / "p.tgz", "package/models/a.json", "package/models/ab.json", "package/x.json"
    )

    with unpacked(path, "package/models/a.") as folder:
        assert [file.name for file in folder.iterdir()] == ["a.json"]
        assert json.loads((folder / "a.json").read_text()) == "package/models/a.json"
    assert not folder.exists()


def test_a_package_without_the_files_is_refused(tmp_path: Path) -> None:
    path = tarball(tmp_path / "p.tgz", "package/x.json")

    with (
        pytest.raises(ConversionError, match=r"^p\.tgz: there is no package/models/a\.\*$"),
        unpacked(path, "package/models/a."),
    ):
        pass
