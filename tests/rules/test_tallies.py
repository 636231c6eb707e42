"""Tallies: caps by the minute, by the day and between two actions."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.action_types import ActionType
from scoreboard_server.rules.tallies import DAY_US, CapReached, DayCount, Tallies

SECOND = 1_000_000
MIDNIGHT = 20_000 * DAY_US
NOON = MIDNIGHT + DAY_US // 2


def refusal(tallies: Tallies, kind: ActionType, now: int, user: str = "ann") -> tuple[str, int] | None:
    """Take one: the code and the wait with which it is refused, None when it isn't."""
    try:
        tallies.take(user, kind, now)
    except CapReached as refused:
        return refused.code, refused.retry_after
    return None


def test_so_many_in_any_minute() -> None:
    """Not in a calendar's minute: the wait is until the first of them is a minute old."""
    kind, tallies = ActionType("t", 1, per_minute=3), Tallies()
    assert [refusal(tallies, kind, NOON + i * 10 * SECOND) for i in range(3)] == [None] * 3
    assert refusal(tallies, kind, NOON + 30 * SECOND) == ("cap_reached", 30)
    assert refusal(tallies, kind, NOON + 60 * SECOND) is None
    assert refusal(tallies, kind, NOON + 61 * SECOND) == ("cap_reached", 9)


def test_so_many_a_day() -> None:
    """Until midnight UTC; then it begins anew."""
    kind, tallies = ActionType("t", 1, per_day=2), Tallies()
    assert [refusal(tallies, kind, NOON + i) for i in range(2)] == [None, None]
    assert refusal(tallies, kind, NOON + 2 * SECOND) == ("cap_reached", 43_198)
    assert refusal(tallies, kind, MIDNIGHT + DAY_US) is None


def test_so_long_between_two() -> None:
    """Of one user and one type; others don't wait for it, and it crosses midnight."""
    kind, tallies = ActionType("t", 1, min_seconds=5), Tallies()
    late = MIDNIGHT - SECOND
    assert refusal(tallies, kind, late) is None
    assert refusal(tallies, kind, late + 2 * SECOND) == ("too_soon", 3)
    assert refusal(tallies, kind, late + 2 * SECOND, user="ben") is None
    assert refusal(tallies, ActionType("u", 1, min_seconds=5), late + 2 * SECOND) is None
    assert refusal(tallies, kind, late + 5 * SECOND) is None


def test_what_is_given_back_was_never_taken() -> None:
    """For each of the caps; settling twice does nothing."""
    kind, tallies = ActionType("t", 1, per_minute=1, per_day=1, min_seconds=5), Tallies()
    taken = tallies.take("ann", kind, NOON)
    assert taken is not None
    tallies.settle(taken, counted=False)
    again = tallies.take("ann", kind, NOON + 1)
    assert again is not None
    tallies.settle(again, counted=True)
    assert refusal(tallies, kind, NOON + 2) is not None


def test_types_without_caps_cost_nothing() -> None:
    """Nothing is kept of them."""
    tallies = Tallies()
    assert tallies.take("ann", ActionType("t", 1), NOON) is None
    tallies.counted("ann", ActionType("t", 1), NOON, NOON)
    assert len(tallies) == 0


def test_what_the_store_tells_replaces_what_was_known() -> None:
    """But not what is under way, nor the last minute, which the store doesn't tell."""
    kind, tallies = ActionType("t", 1, per_day=3, per_minute=2), Tallies()
    tallies.take("ann", kind, NOON)
    tallies.replace({("ann", "t"): DayCount(1, NOON - 90 * SECOND)}, NOON)
    assert refusal(tallies, kind, NOON + 1) is None
    assert refusal(tallies, kind, NOON + 2) is not None
    assert refusal(tallies, kind, NOON + 90 * SECOND) == ("cap_reached", 43_110)


def test_a_day_that_others_are_already_in_begins_here_too() -> None:
    """Entries of yesterday that arrive late do not count for today."""
    kind, tallies = ActionType("t", 1, per_day=1), Tallies()
    tallies.counted("ann", kind, MIDNIGHT, MIDNIGHT)
    tallies.counted("ann", kind, MIDNIGHT - 1, MIDNIGHT)
    assert refusal(tallies, kind, MIDNIGHT + 1) is not None


def test_users_of_yesterday_are_forgotten() -> None:
    """Day after day others come: what is kept is bounded by who was there lately."""
    kind, tallies = ActionType("t", 1, per_day=1), Tallies()
    for day in range(10):
        for i in range(20_000):
            taken = tallies.take(f"u{day}.{i}", kind, MIDNIGHT + day * DAY_US + i)
            assert taken is not None
            tallies.settle(taken, counted=True)
    assert len(tallies) < 70_000


def test_giving_back_forgets_nothing_of_others() -> None:
    """What another process has counted meanwhile still starts the least time, though it is a little older."""
    kind, tallies = ActionType("t", 1, min_seconds=5), Tallies()
    repeat = tallies.take("ann", kind, NOON + 10)
    assert repeat is not None
    tallies.counted("ann", kind, NOON, NOON + 20)
    tallies.settle(repeat, counted=False)
    assert refusal(tallies, kind, NOON + SECOND) == ("too_soon", 4)


def test_what_is_under_way_binds_like_what_is_counted() -> None:
    """And once it is known to add nothing, what was before it binds again."""
    kind, tallies = ActionType("t", 1, min_seconds=5), Tallies()
    tallies.counted("ann", kind, NOON, NOON)
    taken = tallies.take("ann", kind, NOON + 5 * SECOND)
    assert taken is not None
    assert refusal(tallies, kind, NOON + 6 * SECOND) == ("too_soon", 4)
    tallies.settle(taken, counted=False)
    assert refusal(tallies, kind, NOON + 6 * SECOND) is None


def test_an_entry_from_the_future_counts_as_of_now() -> None:
    """A server whose clock is ahead neither ends this one's day nor locks a user out until then."""
    kind, tallies = ActionType("t", 1, per_day=2, min_seconds=5), Tallies()
    tallies.counted("ann", kind, NOON + 400 * DAY_US, NOON)
    assert refusal(tallies, kind, NOON + SECOND) == ("too_soon", 4)
    assert refusal(tallies, kind, NOON + 5 * SECOND) is None
    assert refusal(tallies, kind, NOON + 10 * SECOND) == ("cap_reached", 43_190)
    tallies.replace({("ben", "t"): DayCount(1, NOON + 400 * DAY_US)}, NOON)
    assert refusal(tallies, kind, NOON + 5 * SECOND, user="ben") is None


def test_a_clock_set_back_over_midnight_opens_no_cap() -> None:
    """The day that has begun goes on until it is over."""
    kind, tallies = ActionType("t", 1, per_day=3), Tallies()
    assert refusal(tallies, kind, MIDNIGHT + DAY_US) is None
    late = [refusal(tallies, kind, MIDNIGHT + DAY_US - 10 * SECOND + i) for i in range(4)]
    assert late == [None, None, ("cap_reached", 10), ("cap_reached", 10)]
    assert refusal(tallies, kind, MIDNIGHT + DAY_US + SECOND) is not None


def test_a_clock_set_back_locks_nobody_out() -> None:
    """By an hour: the least time begins anew, and that is all."""
    kind, tallies = ActionType("t", 1, min_seconds=5), Tallies()
    tallies.counted("ann", kind, NOON, NOON)
    back = NOON - 3_600 * SECOND
    assert refusal(tallies, kind, back) == ("too_soon", 5)
    assert refusal(tallies, kind, back + 5 * SECOND) is None


def test_what_is_given_back_after_midnight_was_yesterdays() -> None:
    """Today's count is not lowered by it."""
    kind, tallies = ActionType("t", 1, per_day=1), Tallies()
    taken = tallies.take("ann", kind, MIDNIGHT - 1)
    assert taken is not None
    assert refusal(tallies, kind, MIDNIGHT) is None
    tallies.settle(taken, counted=False)
    assert refusal(tallies, kind, MIDNIGHT + 1) is not None


def test_reading_again_keeps_what_is_under_way() -> None:
    """It may be settled afterwards, either way."""
    kind, tallies = ActionType("t", 1, per_day=2), Tallies()
    one, other = (tallies.take("ann", kind, NOON + i) for i in range(2))
    assert one is not None and other is not None
    tallies.replace({}, NOON + 2)
    assert refusal(tallies, kind, NOON + 3) is not None
    tallies.settle(one, counted=True)
    assert refusal(tallies, kind, NOON + 4) is not None
    tallies.settle(other, counted=False)
    assert refusal(tallies, kind, NOON + 5) is None


@pytest.mark.parametrize("per_minute", [1, 1_000_000_000])
def test_of_one_user_a_minute_is_kept(per_minute: int) -> None:
    """However much a trusted server claims or other processes count, and however high the cap."""
    kind, tallies = ActionType("t", 1, per_minute=per_minute), Tallies()
    for i in range(6_000):
        now = NOON + i * SECOND // 2
        taken = tallies.take("ann", kind, now, checked=False)
        assert taken is not None
        tallies.settle(taken, counted=True)
        tallies.counted("ann", kind, now - 1_000, now)
    (tally,) = tallies._tallies.values()
    assert len(tally.recent or ()) <= 241 and not tally.under_way


def test_of_a_million_users_little_is_kept() -> None:
    """With all caps: under half a kilobyte of each, so half a gigabyte on a day with a million of them."""
    kind, tallies = ActionType("t", 1, per_minute=30, per_day=1_000, min_seconds=1), Tallies()
    count = 50_000
    tracemalloc.start()
    for i in range(count):
        taken = tallies.take(f"u{i}", kind, NOON + i)
        assert taken is not None
        tallies.settle(taken, counted=True)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(tallies) == count and size < 500 * count


@given(st.integers(0, 4), st.integers(0, 5), st.integers(0, 30), st.lists(st.integers(0, 50), max_size=60))
def test_no_sequence_gets_past_a_cap(minute: int, day: int, least: int, gaps: list[int]) -> None:
    """Whatever is tried when: what was accepted keeps each cap."""
    kind, tallies = ActionType("t", 1, per_minute=minute, per_day=day, min_seconds=least), Tallies()
    now, accepted = MIDNIGHT + DAY_US - 600 * SECOND, []
    for gap in gaps:
        now += gap * SECOND
        if refusal(tallies, kind, now) is None:
            accepted.append(now)
    for i, start in enumerate(accepted):
        if minute:
            assert sum(start <= at < start + 60 * SECOND for at in accepted) <= minute
        if day:
            assert sum(at // DAY_US == start // DAY_US for at in accepted) <= day
        if i:
            assert start - accepted[i - 1] >= least * SECOND
