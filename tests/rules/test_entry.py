"""Entries: what an action moves, and what a correction doesn't."""

from __future__ import annotations

import pytest

from scoreboard_server.rules.entry import ADJUSTED, GIVEN_BACK, TAKEN_BACK, is_correction, reached
from scoreboard_server.rules.identifiers import is_action_id, is_entry_id


@pytest.mark.parametrize("kind", [ADJUSTED, TAKEN_BACK, GIVEN_BACK])
def test_a_correction_reaches_nothing(kind: str) -> None:
    """And its ids are none that a client can send, but ones that a page of entries can end with."""
    assert is_correction(kind) and reached(kind, 99) == 0
    assert not is_action_id(f"{kind}/b1/a1") and is_entry_id(f"{kind}/b1/{'a' * 64}")


def test_an_action_reaches_its_instant() -> None:
    """Whatever it is called."""
    assert not is_correction("task.completed") and reached("task.completed", 99) == 99
