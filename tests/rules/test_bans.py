"""Bans: in force from their being known until they end or are lifted."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from scoreboard_server.rules.bans import Ban, BanList, Banned

BAN = Ban("ann", "b1", "cheats", "admin", since=10)


def test_a_ban_without_an_end_holds() -> None:
    """For ever."""
    bans = BanList([BAN])
    assert bans.of("ann", 10**18) == BAN
    with pytest.raises(Banned):
        bans.check("ann", 11)


def test_a_ban_ends_by_itself() -> None:
    """At its end it holds no longer."""
    bans = BanList([replace(BAN, until=20)])
    assert bans.of("ann", 19) is not None
    bans.check("ann", 20)


def test_a_lifted_ban_does_not_hold() -> None:
    """The newest word about a user counts, and nothing of it is kept."""
    bans = BanList([BAN])
    bans.put(replace(BAN, lifted_at=15))
    bans.check("ann", 11)
    assert bans.in_force(11) == [] and len(bans) == 0


def test_others_are_in_good_standing() -> None:
    """A ban is of one user; the list is in the order of users."""
    bans = BanList([replace(BAN, user="cem"), BAN])
    bans.check("ben", 11)
    assert [ban.user for ban in bans.in_force(11)] == ["ann", "cem"]


def test_a_list_is_replaced_as_a_whole() -> None:
    """Who isn't in the new one isn't banned."""
    bans = BanList([BAN])
    bans.replace([replace(BAN, user="ben")])
    bans.check("ann", 11)
    assert len(bans) == 1
