"""Repairing: which standings are set right, and what is told of each."""

from __future__ import annotations

from collections.abc import Callable

from scoreboard_server.flow.deciding import Admin
from scoreboard_server.flow.repairing import repair
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.books import Difference, Total

from .test_verifying import FakeBooks

ADMIN = Admin("aylin", "w", lambda: 77)
RIGHT, WRONG = Total(10, 1, 5), Total(99, 1, 5)


class MovingBooks(FakeBooks):
    """Remembers what is told; a standing has become another by the time that it is repaired."""

    def __init__(self, now: Total | None) -> None:
        super().__init__()
        self.acts: list[Act] = []
        self._now = now

    async def repair(self, season: int, user: str, told: Callable[[Difference], Act]) -> bool:
        if self._now == RIGHT:
            return False
        self.acts.append(told(Difference(season, user, RIGHT, self._now)))
        return True


async def test_it_tells_what_was_there_when_it_was_repaired() -> None:
    """Not what was there when it was found: the board moves on."""
    books = MovingBooks(Total(109, 2, 6))
    assert await repair(books, ADMIN, [Difference(3, "ann", RIGHT, WRONG)]) == 1
    (act,) = books.acts
    assert (act.at, act.by, act.what, act.user) == (77, "aylin", "repair", "ann")
    assert act.details == {
        "seasonNumber": 3,
        "before": {"score": 109, "actions": 2, "reached_at": 6},
        "after": {"score": 10, "actions": 1, "reached_at": 5},
    }


async def test_a_standing_that_was_not_there_is_nothing_before() -> None:
    """None, not zeros."""
    books = MovingBooks(None)
    await repair(books, ADMIN, [Difference(1, "ann", RIGHT, None)])
    assert books.acts[0].details["before"] is None


async def test_what_is_right_by_now_counts_as_right_and_is_not_told() -> None:
    """Somebody else has repaired it."""
    books = MovingBooks(RIGHT)
    assert await repair(books, ADMIN, [Difference(1, "ann", RIGHT, WRONG)]) == 1
    assert books.acts == []


async def test_entries_of_no_season_are_left_alone() -> None:
    """Nothing can be said of whose they are."""
    books = MovingBooks(WRONG)
    assert await repair(books, ADMIN, [Difference(0, "ann", RIGHT, None)]) == 0
    assert books.acts == []
