import tomllib

import pytest

from service.engine.templates.view import Value
from service.engine.templates.writing import to_toml


@pytest.mark.parametrize(
    "value",
    [
        *(0, -3, 1.5, 1 / 255, 1e-7, True, False, "", "a b"),
        *('"quoted"', "back\\slash", "two\nlines", "\x00\x1f\x7f", "größe", "🚦"),
        *([], [1, 2], [[1.5, 2], [3, 4]], ["a", "b"]),
    ],
)
def test_what_is_written_is_read_back(value: Value) -> None:
    assert tomllib.loads(to_toml({"key": value}, {})) == {"key": value}


def test_tables_and_rows_are_read_back() -> None:
    document: dict[str, Value] = {
        "name": "a",
        "input": {"size": [2, 3]},
        "config": {"labels": "b", "head": {"c": 1, "levels": [{"d": 2}, {"d": 3}]}},
    }

    assert tomllib.loads(to_toml(document, {})) == document


def test_remarks_stand_above_keys_and_below_headers() -> None:
    document: dict[str, Value] = {"a": 1, "b": {"c": 2}, "d": {"e": [{"f": 3}, {"f": 4}]}}
    remarks = {"a": "one", "b": "two\nlines", "b.c": "three", "d.e": "four", "elsewhere": "none"}

    assert to_toml(document, remarks).splitlines() == [
        *("# one", "a = 1", ""),
        *("[b]", "# two", "# lines", "# three", "c = 2", ""),
        *("[d]", "", "[[d.e]]", "# four", "f = 3", "", "[[d.e]]", "f = 4"),
    ]
