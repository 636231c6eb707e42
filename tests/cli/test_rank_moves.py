"""Arrows for who has moved."""

from __future__ import annotations

from scoreboard_cli.rank_moves import RankMoves
from scoreboard_cli.watched_board import Board
from scoreboard_server.live.frames import Row


def _board(*users: str) -> Board:
    return Board(
        "e", 1, len(users), tuple(Row(user, user, None, 10, rank) for rank, user in enumerate(users, 1))
    )


def test_the_first_board_has_no_arrows() -> None:
    """Nobody has moved before anything was seen."""
    moves = RankMoves()
    moves.see(_board("a", "b"), 0)
    assert moves.arrow("a", 0) is None


def test_arrows_point_and_fade() -> None:
    """Up and down, bright, then plain, then dim, then gone."""
    moves = RankMoves()
    moves.see(_board("a", "b", "c"), 0)
    moves.see(_board("b", "a", "c"), 10)
    assert moves.arrow("b", 10.5) == ("▲", "bright")
    assert moves.arrow("a", 11.5) == ("▼", "plain")
    assert moves.arrow("a", 14) == ("▼", "dim")
    assert moves.arrow("a", 16) is None
    assert moves.arrow("c", 10) is None


def test_who_enters_moves_up_and_who_left_is_forgotten() -> None:
    """A newcomer on any rank has an arrow up; who is gone has none."""
    moves = RankMoves()
    moves.see(_board("a", "b"), 0)
    moves.see(_board("a", "c"), 1)
    assert moves.arrow("c", 1) == ("▲", "bright")
    assert moves.arrow("b", 1) is None
