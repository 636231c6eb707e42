"""Heeding: a token and its user against what admins have decided."""

from __future__ import annotations

import pytest

from scoreboard_server.flow.heeding import heed
from scoreboard_server.rules.bans import Ban, Banned
from scoreboard_server.rules.claims import WRITE, Identity
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.revocations import Revocation, TokenRevoked

from .moderation import FakeModeration

ANN = Identity("ann", "t1", 2_000.0, frozenset({WRITE}), Profile(), issued_at=1_000.0)
NOW_US = 1_500_000_000


@pytest.mark.parametrize(
    ("token_id", "user", "at"), [("t1", None, 1.0), (None, "ann", 1_000.0), (None, "ann", 1_200.0)]
)
async def test_a_revoked_token_is_refused(token_id: str | None, user: str | None, at: float) -> None:
    """By its id, or with all that its user had until then."""
    moderation = FakeModeration()
    moderation.revoked = [Revocation(at, 9_000.0, token_id, user)]
    with pytest.raises(TokenRevoked):
        await heed(moderation, ANN, NOW_US)


async def test_a_banned_user_is_refused() -> None:
    """While the ban is in force."""
    moderation = FakeModeration()
    moderation.newest["ann"] = Ban("ann", "b1", "cheats", "root", since=1, until=NOW_US + 1)
    with pytest.raises(Banned):
        await heed(moderation, ANN, NOW_US)
    await heed(moderation, ANN, NOW_US + 1)


async def test_what_is_about_others_or_over_is_no_matter() -> None:
    """Another token, another user, tokens of before this one, and a ban that was lifted."""
    moderation = FakeModeration()
    moderation.revoked = [
        Revocation(1.0, 9_000.0, "t2"),
        Revocation(1_200.0, 9_000.0, None, "ben"),
        Revocation(999.0, 9_000.0, None, "ann"),
    ]
    moderation.newest["ann"] = Ban("ann", "b1", "cheats", "root", since=1, lifted_at=2)
    moderation.newest["ben"] = Ban("ben", "b2", "cheats", "root", since=1)
    await heed(moderation, ANN, NOW_US)
