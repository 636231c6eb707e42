"""Seasons: names, ends, and the corrected board against the most naive one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from scoreboard_server.rules.board import Standing
from scoreboard_server.rules.schedules import Schedule
from scoreboard_server.rules.seasons import (
    Amended,
    Archive,
    Placing,
    Seal,
    Season,
    first_season,
    is_season_name,
    next_end,
    next_name,
    season_after,
)

HOUR_US = 3_600_000_000
HOURLY = Schedule("0 * * * *", "UTC")
FIRST = first_season(1)


@pytest.mark.parametrize("name", ["season-1", "A", "spring.2026", "a:b_c", "x" * 64])
def test_names_that_can_stand_in_an_address(name: str) -> None:
    """Letters, digits and a few signs."""
    assert is_season_name(name)


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a/b", "ä", "a\n", "a&b"])
def test_names_that_can_not(name: str) -> None:
    """Anything else."""
    assert not is_season_name(name)


@pytest.mark.parametrize(
    ("taken", "name"), [(["season-1"], "season-2"), (["season-1", "season-2", "season-3"], "season-4")]
)
def test_a_season_nobody_names_has_the_next_free_number(taken: list[str], name: str) -> None:
    """Also where an admin has used that name before."""
    assert next_name(1, taken) == name


def test_the_next_season_ends_as_wished_or_by_schedule() -> None:
    """It begins now, and keeps the schedule for those after it."""
    scheduled = structs.replace(FIRST, schedule=HOURLY)
    now = 5 * HOUR_US + 7
    assert season_after(scheduled, "two", None, now) == Season(2, "two", now, 6 * HOUR_US, HOURLY)
    assert season_after(scheduled, "two", now + 1, now) == Season(2, "two", now, now + 1, HOURLY)
    assert season_after(FIRST, "two", None, now) == Season(2, "two", now, None, None)
    assert season_after(scheduled, "two", now, now) == Season(2, "two", now, 6 * HOUR_US, HOURLY)
    assert season_after(FIRST, "two", now - 1, now) == Season(2, "two", now, None, None)
    assert next_end(None, now) is None


def test_a_season_is_behind_until_its_newest_board_is_written() -> None:
    """The current one never is."""
    kept = Archive(users=1, entries=1, digest="", last_at=1, edition=2)
    states = [None, Seal(1, "x"), Seal(1, "x", 3, kept), Seal(1, "x", 2, kept)]
    seasons = [structs.replace(FIRST, seal=seal) for seal in states]
    assert [season.is_behind for season in seasons] == [False, True, True, False]
    assert [season.is_current for season in seasons] == [True, False, False, False]


USERS = st.sampled_from("abcdefghij")
SCORES = st.integers(-3, 3)
INSTANTS = st.integers(1, 4)


def naive(totals: dict[str, tuple[int, int]]) -> list[Standing]:
    """Sort everything."""
    order = sorted((-score, at, user) for user, (score, at) in totals.items())
    return [Standing(user, -minus, at, rank) for rank, (minus, at, user) in enumerate(order, 1)]


@given(
    announced=st.dictionaries(USERS, st.tuples(SCORES, INSTANTS)),
    amended=st.dictionaries(USERS, st.tuples(st.none() | SCORES, INSTANTS)),
)
def test_a_corrected_board_is_all_of_it_sorted_again(
    announced: dict[str, tuple[int, int]], amended: dict[str, tuple[int | None, int]]
) -> None:
    """Whoever is amended, moved, hidden or brought back."""
    placing = Placing([Amended(user, score, at) for user, (score, at) in amended.items()])
    rows = [row for standing in naive(announced) for row in placing.before(standing)]
    rows += placing.rest()
    left = {user: total for user, total in announced.items() if user not in amended}
    shown = {user: (score, at) for user, (score, at) in amended.items() if score is not None}
    assert rows == naive(left | shown)
