"""Versions against their floors."""

from __future__ import annotations

import pytest

from scoreboard_server.rules.checkup.finding import State
from scoreboard_server.rules.checkup.versions import numbers, packages, python


@pytest.mark.parametrize(
    ("version", "expected"),
    [("6.6.1", (6, 6, 1)), ("4.18.2rc1", (4, 18, 2)), ("15", (15,)), ("3.11.7+", (3, 11, 7)), ("dev", ())],
)
def test_numbers_are_what_a_version_begins_with(version: str, expected: tuple[int, ...]) -> None:
    """What follows them decides nothing."""
    assert numbers(version) == expected


def test_an_old_python_is_wrong() -> None:
    """Compared by numbers: 3.9 is older than 3.11."""
    assert python("3.11.0", "3.11").state is State.OK
    old = python("3.9.18", "3.11")
    assert (old.state, old.remedy) == (State.WRONG, "Install Python 3.11 or newer.")


def test_packages_below_their_floors_are_named_with_the_command() -> None:
    """Too old and not there at all; those at their floor are left out."""
    found = packages(
        {"motor": "3.7.1", "tornado": "6.5", "pyjwt": None},
        {"motor": "3.7.1", "tornado": "6.6.1", "pyjwt": "2.15"},
    )
    assert found.state is State.WRONG
    assert found.found == "tornado 6.5 is older than 6.6.1, pyjwt is missing"
    assert found.remedy == "pip install 'tornado>=6.6.1' 'pyjwt>=2.15'"
    assert packages({"motor": "3.10"}, {"motor": "3.7.1"}).state is State.OK


def test_without_floors_nothing_is_known() -> None:
    """Run from a folder that was never installed."""
    assert packages({}, {}).state is State.SKIPPED
