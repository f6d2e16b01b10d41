"""TOML with comments, which the standard library reads but does not write."""

import json
from collections.abc import Iterator, Mapping
from typing import cast

from service.engine.templates.view import Value

Table = Mapping[str, Value]


def to_toml(document: Table, remarks: Mapping[str, str]) -> str:
    """Return a document as TOML, each remark as comment lines above its key or below its header.

    Args:
        document: its tables in the order of their headers, a table's own keys before its tables.
        remarks: by dotted key.

    >>> print(to_toml({"name": "a", "input": {"size": [2, 3]}}, {"input.size": "check"}), end="")
    name = "a"
    <BLANKLINE>
    [input]
    # check
    size = [2, 3]
    """
    return "\n".join(_lines(document, remarks, "")) + "\n"


def _lines(table: Table, remarks: Mapping[str, str], prefix: str) -> Iterator[str]:
    for key, value in table.items():
        path = f"{prefix}{key}"
        comments = [f"# {line}" for line in remarks.get(path, "").splitlines()]
        if isinstance(value, Mapping):
            yield from ("", f"[{path}]", *comments)
            yield from _lines(value, remarks, f"{path}.")
        elif _is_rows(value):
            for number, row in enumerate(cast("tuple[Table, ...]", value)):
                yield from ("", f"[[{path}]]", *(comments if number == 0 else ()))
                yield from _lines(row, {}, f"{path}.")
        else:
            yield from (*comments, f"{key} = {_text(value)}")


def _is_rows(value: Value) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return repr(value)
