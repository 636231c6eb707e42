"""What docs/processes.md says of several processes is said by tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .test_security import functions

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "processes.md"
KINDS = {"exact", "eventual", "each its own", "as they are", "told", "by itself"}


def rows() -> dict[str, tuple[str, list[str]]]:
    """What kind each line is of and the tests that it names, by its words in bold."""
    found = {}
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("| **"):
            what, kind, _, tests = (cell.strip() for cell in line.strip("|").split("|"))
            found[re.findall(r"\*\*(.+?)\*\*", what)[0]] = (kind, re.findall(r"`([^`]+)`", tests))
    return found


def test_there_is_a_line_for_everything_that_processes_share() -> None:
    """None stands there twice, and each is of a kind that the text explains."""
    assert len(rows()) == DOCUMENT.read_text().count("\n| **") > 20
    assert {kind for kind, _ in rows().values()} == KINDS


@pytest.mark.parametrize("what", rows())
def test_each_line_names_tests_that_exist(what: str) -> None:
    """At least one, as `file::function`."""
    _, tests = rows()[what]
    assert tests
    for name in tests:
        file, _, function = name.partition("::")
        assert function in functions(ROOT / file), name


def test_the_readme_leads_there() -> None:
    """From its section on several processes."""
    readme = (ROOT / "README.md").read_text()
    section = readme.partition("## Several processes")[2].partition("\n## ")[0]
    assert "(docs/processes.md)" in section
