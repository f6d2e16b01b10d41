"""A picture with a known answer: proof that a loaded model still says what it said."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeGuard

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from service.engine.manifest import first_mistake
from service.errors import ManifestError
from service.tasks.labels import plain_file_name

GOLDEN = "golden.json"


class Golden(BaseModel):
    """`golden.json`.

    Numbers may differ by the tolerance of the nearest enclosing member that has one; all else
    must be equal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: Annotated[str, AfterValidator(plain_file_name)]
    options: dict[str, object] = Field(default_factory=dict)
    expected: dict[str, object]
    tolerance: dict[str, float] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """A golden answer and the picture that it is about."""

    golden: Golden
    picture: bytes


def read_golden(folder: Path) -> Check | None:
    """Return the folder's golden check, or None if it has none.

    Raises:
        ManifestError: `golden.json` is malformed or its picture is missing; names file and key.
    """
    path = folder / GOLDEN
    if not path.exists():
        return None
    try:
        golden = Golden.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise first_mistake(path, error) from error
    try:
        picture = (folder / golden.image).read_bytes()
    except OSError as error:
        raise ManifestError(path, "image", str(error)) from error
    return Check(golden, picture)


def write_golden(folder: Path, golden: Golden) -> None:
    """Write `golden.json`, readable and stable for version control."""
    text = json.dumps(golden.model_dump(), indent=2, ensure_ascii=False)
    (folder / GOLDEN).write_text(text + "\n", encoding="utf-8")


def difference(
    expected: object,
    actual: object,
    tolerances: Mapping[str, float],
    *,
    at: str = "",
    tolerance: float = 0.0,
) -> str | None:
    """Return the first place where two answers differ by more than allowed, or None.

    >>> difference({"score": 0.91}, {"score": 0.90}, {"score": 0.02})
    >>> difference({"label": "cat"}, {"label": "dog"}, {})
    "label: expected 'cat', got 'dog'"
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        if expected.keys() != actual.keys():
            return f"{at or 'answer'}: members {sorted(expected)} became {sorted(actual)}"
        pairs = [(str(key), value, actual[key]) for key, value in expected.items()]
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return f"{at}: expected {len(expected)} entries, got {len(actual)}"
        pairs = [
            (str(row), *entries) for row, entries in enumerate(zip(expected, actual, strict=True))
        ]
    elif _alike(expected, actual, tolerance):
        return None
    else:
        return f"{at}: expected {expected!r}, got {actual!r}"
    for key, one, other in pairs:
        place = f"{at}.{key}" if at else key
        allowed = tolerances.get(key, tolerance)
        if found := difference(one, other, tolerances, at=place, tolerance=allowed):
            return found
    return None


def _alike(expected: object, actual: object, tolerance: float) -> bool:
    if _is_number(expected) and _is_number(actual):
        return math.isclose(expected, actual, rel_tol=0.0, abs_tol=tolerance)
    return expected == actual


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
