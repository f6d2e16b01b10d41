"""Writes the generated parts of README.md: `python -m tools.readme` after a setting changed."""

import re
import sys
from pathlib import Path

from pydantic_core import PydanticUndefined

from service.settings import Settings

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- settings: python -m tools.readme -->", "<!-- end of settings -->"


def settings_table() -> str:
    """Return a Markdown table with every setting's variable, default and meaning."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if default is PydanticUndefined:
            default = "the bundled ones"
        elif isinstance(default, tuple):
            default = ", ".join(default)
        elif isinstance(default, float) and default.is_integer():
            default = int(default)
        shown = "" if default in {None, ""} else f"`{default}`"
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `CHIASM_{name.upper()}` | {shown} | {meaning} |")
    return "\n".join(lines)


def with_settings(text: str) -> str:
    """Return the README with its table of settings brought up to date.

    Raises:
        ValueError: the README has lost the marks around the table.
    """
    if BEGIN not in text or END not in text:
        raise ValueError(f"README.md has lost {BEGIN!r} or {END!r}")
    block = f"{BEGIN}\n{settings_table()}\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: block, text, flags=re.DOTALL)


def main() -> int:
    """Rewrite README.md in place."""
    README.write_text(with_settings(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
