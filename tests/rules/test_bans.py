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


@pytest.mark.parametrize(
    ("told", "was_hidden", "is_hidden"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"lifted_at": 60}, True, False),
        ({"taken_back_from": 5}, False, True),
        ({"taken_back_from": 50}, False, False),
        ({"taken_back_from": 50, "reached_from": 5}, False, True),
        ({"taken_back_from": 5, "lifted_at": 60}, False, False),
        ({"pardoned_at": 60}, True, False),
        ({"pardoned_at": 40}, True, True),
    ],
)
def test_whom_it_hides_on_an_old_board(told: dict[str, int], was_hidden: bool, is_hidden: bool) -> None:
    """Of a season sealed at 50: whom it reaches, and who was hidden then and was not pardoned since."""
    assert replace(BAN, **told).hides(50, was_hidden=was_hidden) == is_hidden


def test_what_earlier_bans_have_hidden_stays_until_one_is_lifted() -> None:
    """However many follow each other."""
    first = replace(BAN, taken_back_from=5, until=20)
    second = replace(BAN, id="b2", since=30, taken_back_from=25, until=40).behind(first)
    third = replace(BAN, id="b3", since=60).behind(second)
    assert (third.reached_from, third.pardoned_at, third.taken_back_from) == (5, None, None)
    fourth = replace(BAN, id="b4", since=80).behind(replace(third, lifted_at=70))
    assert (fourth.reached_from, fourth.pardoned_at) == (None, 70)
    fifth = replace(BAN, id="b5", since=90).behind(fourth)
    assert (fifth.reached_from, fifth.pardoned_at) == (None, 70)
