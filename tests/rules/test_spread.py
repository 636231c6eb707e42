"""Spreads: each value counted once, under the smallest bound that it doesn't exceed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.spread import SECONDS, SIZES, Spread


def test_a_bound_counts_what_equals_it() -> None:
    """As `le` says: less or equal; what is over all bounds comes last."""
    spread = Spread((1, 2, 5))
    for value in (0, 1, 1.5, 2, 5, 5.001, 1e9):
        spread.add(value)
    assert spread.counts == [2, 2, 1, 2]


def test_bounds_are_ascending() -> None:
    """Else nothing could be found among them."""
    for bounds in (SECONDS, SIZES):
        assert list(bounds) == sorted(set(bounds))


@given(st.lists(st.integers(0, 30_000)), st.lists(st.integers(0, 30_000)))
def test_merged_is_as_if_counted_together(some: list[int], others: list[int]) -> None:
    """No value is lost or counted twice."""
    one, other, both = Spread(SIZES), Spread(SIZES), Spread(SIZES)
    for value in some:
        one.add(value)
    for value in others:
        other.add(value)
    for value in some + others:
        both.add(value)
    one.merge(other)
    assert (one.counts, one.total, len(one)) == (both.counts, both.total, len(some) + len(others))
