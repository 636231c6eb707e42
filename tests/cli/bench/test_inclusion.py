"""When a submission was seen by all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scoreboard_cli.bench.inclusion import Mark, State, seen_after


def test_the_first_state_that_includes_it_counts() -> None:
    """Seen when the last watcher got the first state that reaches the score, or passes it."""
    states = [State({"m": 10}, 100), State({"m": 20}, 200), State({"m": 40}, 300)]
    marks = [Mark("m", 20, 150), Mark("m", 30, 160), Mark("m", 40, 170)]
    assert seen_after(marks, states) == [50, 140, 130]


def test_what_cannot_be_told_is_left_out() -> None:
    """Whose user wasn't shown just before, whose state not all saw, or that no state includes is left out."""
    assert seen_after([Mark("m", 20, 1)], [State({}, 100), State({"m": 20}, 200)]) == []
    assert seen_after([Mark("m", 20, 1)], [State({"m": 10}, 9), State({}, 100), State({"m": 20}, 200)]) == []
    assert seen_after([Mark("m", 20, 1)], [State({"m": 10}, 100), State({"m": 20}, None)]) == []
    assert seen_after([Mark("m", 30, 1)], [State({"m": 10}, 100), State({"m": 20}, 200)]) == []
    assert seen_after([Mark("m", 10, 1), Mark("x", 10, 1)], [State({"m": 10}, 100)]) == []


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_it_finds_what_a_plain_search_finds(gains: list[int]) -> None:
    """Against the definition, for any way in which one user's submissions fall into states."""
    score, states, marks = 0, [State({"m": 0}, 0)], []
    for place, gain in enumerate(gains, 1):
        for _ in range(gain):
            score += 10
            marks.append(Mark("m", score, place * 100 - 50))
        states.append(State({"m": score}, place * 100))
    plain = [
        next(state.seen for state in states if state.scores["m"] >= mark.score) - mark.sent  # type: ignore[operator]
        for mark in marks
    ]
    assert seen_after(marks, states) == plain
