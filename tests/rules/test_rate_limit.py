"""Rates: the burst, the steady rate, and how long to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.rate_limit import RateLimit


def test_a_burst_and_then_the_rate() -> None:
    """Three at once, then one every two seconds; the wait is exact."""
    limit = RateLimit(30, 3)
    assert [limit.take("ann", 0.0).wait for _ in range(3)] == [0, 0, 0]
    assert limit.take("ann", 0.0).wait == pytest.approx(2.0)
    assert limit.take("ann", 1.9).wait == pytest.approx(0.1)
    assert limit.take("ann", 2.0).wait == 0
    assert limit.take("ann", 2.0).wait == pytest.approx(2.0)


def test_what_is_refused_is_not_charged() -> None:
    """Whoever knocks all the time waits no longer than whoever doesn't."""
    limit = RateLimit(60, 1)
    limit.take("ann", 0.0)
    for _ in range(100):
        assert limit.take("ann", 0.5).wait == pytest.approx(0.5)
    assert limit.take("ann", 1.0).wait == 0


def test_it_says_what_is_left() -> None:
    """How many more at once, and when there is one more than that."""
    limit = RateLimit(60, 5)
    first = limit.take("ann", 0.0)
    assert (first.limit, first.remaining) == (60, 4)
    assert first.reset == pytest.approx(1.0)
    assert [limit.take("ann", 0.0).remaining for _ in range(4)] == [3, 2, 1, 0]
    assert limit.take("ann", 0.0).remaining == 0
    assert limit.take("ann", 100.0).remaining == 4


def test_keys_do_not_share() -> None:
    """One who has used up everything keeps nobody else from anything."""
    limit = RateLimit(1, 1)
    limit.take("ann", 0.0)
    assert limit.take("ann", 0.0).wait > 0
    assert limit.take("ben", 0.0).wait == 0


def test_what_is_given_back_can_be_taken_again() -> None:
    """As if it had never been taken; of a key that is unknown by now nothing comes back."""
    limit = RateLimit(1, 1)
    limit.take("ann", 0.0)
    limit.give_back("ann", 0.0)
    limit.give_back("ben", 0.0)
    assert limit.take("ann", 0.0).wait == 0


def test_a_million_keys_are_not_kept() -> None:
    """Beyond the bound the quietest is forgotten; who is busy stays known."""
    limit = RateLimit(1, 1, keys=1_000)
    for i in range(1_000_000):
        limit.take(f"k{i}", i * 1e-6)
        if i % 500 == 0:
            limit.take("busy", i * 1e-6)
    assert len(limit) <= 1_000
    assert limit.take("busy", 1.0).wait > 0


def test_who_has_caught_up_is_forgotten() -> None:
    """Long after a storm of keys, those who come keep few."""
    limit = RateLimit(60, 1)
    for i in range(10_000):
        limit.take(f"k{i}", 0.0)
    for i in range(10_000):
        limit.take("ann", 100.0 + i)
    assert len(limit) == 1


@given(
    st.integers(1, 120),
    st.integers(1, 10),
    st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=60),
)
def test_never_more_than_burst_and_rate(per_minute: int, burst: int, gaps: list[float]) -> None:
    """In any span of time no more are allowed than the burst and what the rate gives meanwhile."""
    limit = RateLimit(per_minute, burst)
    now, allowed = 0.0, []
    for gap in gaps:
        now += gap
        if limit.take("ann", now).wait == 0:
            allowed.append(now)
    for i, start in enumerate(allowed):
        for count, end in enumerate(allowed[i:], 1):
            assert count <= burst + (end - start) * per_minute / 60 + 1e-6
