"""The live board: changes are announced, and its life has a name."""

from __future__ import annotations

import pytest

from scoreboard_server.live.live_board import LiveBoard
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.seasons import Season

FIRST = Season(1, "season-1", 0)
SECOND = Season(2, "season-2", 5)


@pytest.fixture
def told() -> list[str | None]:
    """Whom the listener was called for."""
    return []


@pytest.fixture
def live(told: list[str | None]) -> LiveBoard:
    made = LiveBoard(Board(), FIRST)
    made.on_change(told.append)
    return made


def test_an_entry_changes_score_and_revision(live: LiveBoard, told: list[str | None]) -> None:
    """Applying returns score and rank, and its user is announced after the change."""
    seen: list[int] = []
    live.on_change(lambda user: seen.append(live.board.standing(user or "").score))  # type: ignore[union-attr]
    assert live.apply("ann", 10, 5) == (10, 1)
    assert live.apply("ben", 20, 6) == (20, 1)
    assert (live.revision, told, seen) == (2, ["ann", "ben"], [10, 20])


def test_a_new_name_is_a_revision(live: LiveBoard, told: list[str | None]) -> None:
    """A repaint moves no score but is announced, as validators depend on it."""
    live.repaint("ann")
    assert (live.revision, told, len(live.board)) == (1, ["ann"], 0)


def test_another_board_has_another_epoch(live: LiveBoard, told: list[str | None]) -> None:
    """A replacement announces everybody and never goes back in revision."""
    live.apply("ann", 10, 5)
    epoch = live.epoch
    live.replace(Board([("ben", 3, 1)]), SECOND)
    assert live.epoch != epoch
    assert (live.revision, told, live.season) == (2, ["ann", None], SECOND)
    assert live.board.standing("ann") is None


def test_every_life_has_its_own_epoch() -> None:
    """Two processes that show the same board can be told apart."""
    assert LiveBoard(Board(), FIRST).epoch != LiveBoard(Board(), FIRST).epoch
