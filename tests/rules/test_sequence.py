"""The order of acceptance within one process."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.sequence import Sequence


@given(st.lists(st.integers(0, 50), min_size=1))
def test_instants_rise_whatever_the_clock_does(clock: list[int]) -> None:
    """A clock that stands still or goes back still gives each entry its own, later instant."""
    sequence = Sequence()
    instants = [sequence.next(now) for now in clock]
    assert all(a < b for a, b in itertools.pairwise(instants))
    assert all(instant >= now for instant, now in zip(instants, clock, strict=True))


def test_a_running_clock_is_followed() -> None:
    """An instant is the clock's own whenever it can be."""
    sequence = Sequence()
    assert [sequence.next(5), sequence.next(5), sequence.next(9)] == [5, 6, 9]
