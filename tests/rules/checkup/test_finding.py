"""Findings, and several remarks as one."""

from __future__ import annotations

from scoreboard_server.rules.checkup.finding import State, hint, ok, skipped, together, wrong


def test_nothing_to_do_has_no_remedy() -> None:
    """What is well, and what is not known, asks for nothing."""
    assert ok("x", "fine").remedy is None
    assert skipped("x", "not here").remedy is None


def test_several_remarks_are_as_grave_as_the_gravest() -> None:
    """Each is told, and each remedy once."""
    one = together("x", [hint("x", "a", "Do it."), wrong("x", "b", "Mend it."), hint("x", "c", "Do it.")], "")
    assert (one.state, one.found, one.remedy) == (State.WRONG, "a; b; c", "Do it. Mend it.")
    assert together("x", [hint("x", "a", "Do it.")], "").state is State.HINT


def test_without_remarks_all_is_well() -> None:
    """Then it says what is well."""
    assert together("x", [], "all well") == ok("x", "all well")
