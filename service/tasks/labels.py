"""Class names, read once from a model folder when its manifest is validated."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo


@dataclass(frozen=True, slots=True)
class Label:
    """One class: its readable name, and its id in the data set's own catalogue if it has one."""

    name: str
    external_id: str | None = None

    @classmethod
    def parse(cls, line: str) -> "Label":
        r"""Read `name` or `external-id<TAB>name`.

        >>> Label.parse("n02123159\ttiger cat")
        Label(name='tiger cat', external_id='n02123159')
        """
        external_id, tab, name = line.partition("\t")
        return cls(name, external_id) if tab else cls(line)


def _read(value: object, info: ValidationInfo) -> object:
    """Accept a list of lines, or the name of a text file in the model's folder."""
    if isinstance(value, str):
        folder: Path = (info.context or {}).get("folder", Path())
        path = folder / plain_file_name(value)
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        value = path.read_text(encoding="utf-8").splitlines()
    if isinstance(value, Sequence) and all(isinstance(line, str) for line in value):
        return tuple(Label.parse(line.strip()) for line in value)
    return value


def plain_file_name(name: str) -> str:
    """Return `name` if it names a file in the same folder, and nothing else.

    Raises:
        ValueError: it has a directory part; manifests cannot reach out of their folder.
    """
    if Path(name).name != name or name in {"", ".", ".."}:
        raise ValueError("must be the plain name of a file in the model's folder")
    return name


Labels = Annotated[tuple[Label, ...], BeforeValidator(_read)]
"""Class names in class-id order; in TOML a list, or the name of a file with one a line."""
