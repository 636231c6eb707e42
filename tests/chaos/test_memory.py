"""What users remember: an answer that no board of a possible season could have given is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .chronicle import POINTS
from .memory import Record
from .seasons import Seasons

HERE, THERE = 1, 2
FIRST, SECOND = 1, 2


class Ann:
    """A user who was told 10, 20, … 100 for a0 to a9, by one server, in the first season."""

    def __init__(self) -> None:
        self.seasons = Seasons()
        self.record = Record("ann", self.seasons)
        for number in range(10):
            assert self.is_told(f"a{number}", POINTS * (number + 1)) == FIRST

    def season_begins(self) -> None:
        """From now on the second one may be current."""
        self.seasons.begun = SECOND

    def season_changes(self, sealed: int) -> None:
        """The second one is current; so many of the first actions are in the sealed one."""
        self.season_begins()
        self.seasons.sealed[FIRST] = {"ann": frozenset(f"a{number}" for number in range(sealed))}
        self.seasons.done = SECOND

    def season_settles(self) -> None:
        """Every server shows the second one."""
        self.seasons.settled = SECOND

    def is_told(self, action: str, score: int, port: int = HERE) -> int | None:
        """Ask and be answered at once; the season that the answer fits."""
        return self.asking(action, port)(score)

    def asking(self, action: str, port: int = HERE) -> Callable[[int], int | None]:
        """Ask, to be answered later."""
        is_new = action not in self.record.asked
        self.record.asked.add(action)
        expected = self.record.expect(action, port, is_new=is_new)
        return lambda score: self.record.learn(action, score, port, expected)[0]


@pytest.fixture
def ann() -> Ann:
    """Ann at the end of the first season."""
    return Ann()


@pytest.mark.parametrize(("score", "season"), [(100, None), (110, FIRST), (120, None)])
def test_a_new_action_is_told_more_than_its_server_has_told(ann: Ann, score: int, season: int | None) -> None:
    """By its own points, and never more than was asked for."""
    assert ann.is_told("new", score) == season


def test_another_server_may_tell_less_of_a_new_action(ann: Ann) -> None:
    """What others count may still be on its way to it."""
    assert ann.is_told("new", 10, THERE) == FIRST


@pytest.mark.parametrize(("score", "season"), [(90, None), (100, FIRST)])
def test_a_repeat_is_told_what_anybody_was_told(ann: Ann, score: int, season: int | None) -> None:
    """Its server has followed all of that before it answers."""
    assert ann.is_told("a0", score, THERE) == season


@pytest.mark.parametrize(
    ("score", "season"), [(30, None), (40, SECOND), (50, SECOND), (60, None), (100, None), (110, FIRST)]
)
def test_while_a_season_changes_an_answer_fits_the_old_board_or_the_new_one(
    ann: Ann, score: int, season: int | None
) -> None:
    """Three of ten were pending: with the new one that is 40, 50 if the lost attempt counts, or still 110."""
    ann.record.asked.add("lost")
    ann.season_changes(sealed=7)
    assert ann.is_told("new", score) == season


def test_before_the_change_is_known_to_be_done_the_new_board_may_show_anything_less(ann: Ann) -> None:
    """Nobody knows yet what was sealed."""
    ann.season_begins()
    assert ann.is_told("new", 10) == SECOND


def test_a_season_may_change_while_an_answer_is_awaited(ann: Ann) -> None:
    """Asked for in one season, answered in the other: by its own points and what was pending."""
    first, second, third = (ann.asking(action) for action in ("new1", "new2", "new3"))
    ann.season_changes(sealed=8)
    assert [first(110), second(20), third(30)] == [FIRST, None, SECOND]


@pytest.mark.parametrize(("score", "season"), [(20, None), (30, SECOND), (110, None)])
def test_once_every_server_shows_the_new_season_nothing_of_the_old_one_is_told(
    ann: Ann, score: int, season: int | None
) -> None:
    """Two were pending."""
    ann.season_changes(sealed=8)
    ann.season_settles()
    assert ann.is_told("new", score, THERE) == season


@pytest.mark.parametrize(("score", "season"), [(10, None), (20, SECOND), (100, None)])
def test_a_repeat_after_the_change_is_of_the_new_season(ann: Ann, score: int, season: int | None) -> None:
    """Its server has followed the change before it answers, while others may still show the old one."""
    ann.season_changes(sealed=8)
    assert ann.is_told("a0", score, THERE) == season


def test_what_a_server_has_acknowledged_meanwhile_is_on_its_new_board(ann: Ann) -> None:
    """Whichever season the answer was of; on another server's board a moment later."""
    ann.season_changes(sealed=10)
    assert ann.is_told("new1", 110) == FIRST
    ann.season_settles()
    assert ann.is_told("new2", 10) is None
    assert ann.is_told("new3", 30) == SECOND
    assert ann.is_told("new4", 10, THERE) == SECOND
    assert ann.is_told("new1", 30, THERE) is None


def test_a_server_that_has_told_of_the_new_season_tells_no_less_of_it(ann: Ann) -> None:
    """What is told in the new season holds in it as in any other."""
    ann.season_changes(sealed=0)
    ann.season_settles()
    assert [ann.is_told("new1", 110), ann.is_told("new2", 110), ann.is_told("new3", 130)] == [2, None, 2]
