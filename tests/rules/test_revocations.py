"""Revocations: single tokens, and all of a user's so far."""

from __future__ import annotations

import pytest

from scoreboard_server.rules.claims import WRITE, Identity
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.revocations import Revocation, RevocationList, TokenRevoked


def identity(token_id: str = "t1", user: str = "ann", issued_at: float = 100) -> Identity:
    """Who a token of that id speaks for."""
    return Identity(user, token_id, 1e12, frozenset({WRITE}), Profile(), issued_at)


def test_one_token_is_revoked_by_its_id() -> None:
    """And no other one of the same user."""
    revoked = RevocationList([Revocation(at=150, until=900, token_id="t1")])
    with pytest.raises(TokenRevoked):
        revoked.check(identity())
    revoked.check(identity("t2"))


def test_all_of_a_user_are_revoked_until_now() -> None:
    """Those issued until that second; newer ones and other users' are good."""
    revoked = RevocationList([Revocation(at=150.7, until=900, user="ann")])
    assert revoked.covers(identity(issued_at=100)) and revoked.covers(identity(issued_at=150))
    assert not revoked.covers(identity(issued_at=151))
    assert not revoked.covers(identity(user="ben"))


def test_an_older_word_does_not_undo_a_newer_one() -> None:
    """Whatever the order they arrive in."""
    revoked = RevocationList([Revocation(at=200, until=900, user="ann")])
    revoked.add(Revocation(at=150, until=800, user="ann"))
    assert revoked.covers(identity(issued_at=180))


def test_what_can_not_matter_any_more_is_forgotten() -> None:
    """When every token it is about has expired."""
    both = [Revocation(at=1, until=900, token_id="t1"), Revocation(at=1, until=950, user="ann")]
    revoked = RevocationList(both)
    revoked.forget(900)
    assert len(revoked) == 1 and not revoked.covers(identity(user="ben"))
    revoked.forget(950)
    assert len(revoked) == 0
