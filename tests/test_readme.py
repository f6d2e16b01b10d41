"""The README says what is so: its settings are the settings, its links lead somewhere."""

import re
from pathlib import Path

import pytest

from tools.readme import README, with_settings

DOCUMENTS = sorted([*README.parent.glob("*.md"), *README.parent.glob("docs/*.md")])


def test_the_table_of_settings_is_generated() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_settings(text) == text, "run `python -m tools.readme`"


def test_a_readme_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="has lost"):
        with_settings("# Chiasm\n")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"
