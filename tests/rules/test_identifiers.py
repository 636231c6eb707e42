"""The alphabets of identifiers."""

from __future__ import annotations

import pytest

from scoreboard_server.rules.identifiers import is_action_id, is_request_id, is_user_id


@pytest.mark.parametrize("text", ["a", "A9_.:-", "x" * 64])
def test_what_both_alphabets_hold(text: str) -> None:
    """1 and 64 characters are fine, also for a request's id."""
    assert is_action_id(text)
    assert is_user_id(text)
    assert is_request_id(text)


def test_what_one_alphabet_holds() -> None:
    """`~` is for actions (tickets use it), `@` for users (addresses use it)."""
    assert is_action_id("a~b") and not is_user_id("a~b")
    assert is_user_id("a@b") and not is_action_id("a@b")


@pytest.mark.parametrize("text", ["", "x" * 65, "a\n", "a\x00", 'a"', "$a", "🙂", "é", "a b", "٣"])
def test_what_neither_holds(text: str) -> None:
    """Nothing empty, long, quoted, dollared, controlled or beyond ASCII."""
    assert not is_action_id(text)
    assert not is_user_id(text)
    assert not is_request_id(text)
