"""The error tree: as it is drawn, with codes that tell its leaves apart."""

import re
from pathlib import Path

import pytest

from service import errors
from service.errors import (
    ChiasmError,
    InvalidOption,
    ManifestError,
    ModelNotFound,
    Overloaded,
)


def tree(parent: type[ChiasmError], depth: int = 0) -> list[tuple[int, str]]:
    children = [c for c in parent.__subclasses__() if c.__module__ == errors.__name__]
    below = (line for child in children for line in tree(child, depth + 1))
    return [(depth, parent.__name__), *below]


def test_the_tree_is_as_drawn() -> None:
    drawn = [
        (len(match[1]) // 4, match[2])
        for line in (errors.__doc__ or "").splitlines()
        if (match := re.fullmatch(r" {4}((?:[│├└ ][─ ]{2} )*)([A-Z]\w+)(?: {2,}.*)?", line))
    ]

    assert drawn == tree(ChiasmError)


def test_every_error_has_a_code_of_its_own_that_says_its_name() -> None:
    classes = [getattr(errors, name) for _, name in tree(ChiasmError)[1:]]

    for one in classes:
        assert one.code == re.sub(r"(?<!^)(?=[A-Z])", "_", one.__name__).lower()
        assert one.__doc__


@pytest.mark.parametrize(
    ("error", "detail", "members"),
    [
        (ChiasmError("no", limit=3), "no", {"limit": 3}),
        (InvalidOption("top_k", "is not"), "top_k: is not", {"option": "top_k"}),
        (
            InvalidOption("top_k", "is not", given=0),
            "top_k: is not",
            {"option": "top_k", "given": 0},
        ),
        (
            ModelNotFound("dog", ("a", "b")),
            "there is no model named 'dog' for this task",
            {"available": ["a", "b"]},
        ),
        (ModelNotFound("", ()), "no model is there", {"available": []}),
        (Overloaded("busy", retry_after_s=1.5), "busy", {}),
    ],
)
def test_an_error_says_what_the_caller_may_know(
    error: ChiasmError, detail: str, members: dict[str, object]
) -> None:
    assert str(error) == error.detail == detail
    assert error.members == members


@pytest.mark.parametrize(
    ("key", "text"),
    [("input.size", "model.toml: input.size: is wrong"), ("", "model.toml: is wrong")],
)
def test_a_manifests_error_names_file_and_key(key: str, text: str) -> None:
    error = ManifestError(Path("model.toml"), key, "is wrong")

    assert str(error) == text
    assert (error.file, error.key, error.reason) == (Path("model.toml"), key, "is wrong")


def test_overloaded_says_when_to_come_back() -> None:
    assert Overloaded("busy", retry_after_s=1.5).retry_after_s == 1.5
