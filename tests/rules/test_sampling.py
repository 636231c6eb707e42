"""How much is told one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.sampling import Budget


@given(most=st.integers(0, 20), rounds=st.lists(st.integers(0, 50), max_size=10))
def test_of_each_round_so_many_are_told_and_the_rest_counted(most: int, rounds: list[int]) -> None:
    """The first ones, and no more after a round that left some: none is told twice or lost."""
    budget = Budget(most)
    for happened in rounds:
        told = [budget.take() for _ in range(happened)]
        assert told == [number < most for number in range(happened)]
        assert budget.renew() == max(0, happened - most)
        assert budget.left_out == 0
