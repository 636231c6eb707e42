"""A user's entries, newest first, each with the score that it led to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.entry import Entry
from scoreboard_server.rules.history import Place, place_behind, read_place, told
from scoreboard_server.rules.refusals import Unacceptable


def entry(points: int, at: int) -> Entry:
    """An entry of one user."""
    return Entry("ann", f"a{at}", "open", points, at)


@given(st.lists(st.integers(-50, 50), max_size=20), st.integers(1, 7))
def test_totals_count_up_to_the_score_however_it_is_paged(points: list[int], limit: int) -> None:
    """Read from old to new, each total is the one before plus its points; the newest is the score."""
    newest_first = [entry(p, at) for at, p in enumerate(points)][::-1]
    total, lines = sum(points), []
    for start in range(0, len(newest_first), limit):
        page = told(newest_first[start : start + limit], total)
        lines += page
        total = read_place(str(place_behind(page[-1]))).total
    assert total == 0
    running = 0
    for line in reversed(lines):
        running += line.entry.points
        assert line.total == running


@pytest.mark.parametrize("place", [Place(0, "a", 0), Place(1_790_000_000_000_000, "A-z_0.9:~", -17)])
def test_a_place_comes_back(place: Place) -> None:
    """Whatever the id looks like and the score is."""
    assert read_place(str(place)) == place


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.2", "1.2.", ".2.a", "1..a", "-1.2.a", "1.+2.a", "1.--2.a", "1.2.a b", "1_0.2.a", "٣.2.a",
     "9" * 19 + ".2.a", "1.2." + "a" * 65, "1.2.$a", "1.2.a\x00"],
)  # fmt: skip
def test_what_no_page_ended_with_is_refused(text: str) -> None:
    """A cursor made by hand reaches no query."""
    with pytest.raises(Unacceptable):
        read_place(text)
