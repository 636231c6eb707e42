"""Who has moved lately, and how long ago: what arrows and highlights are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .watched_board import Board

# An arrow is bright for a second, plain for two more, then dim, then gone.
_BRIGHT_S, _PLAIN_S, _DIM_S = 1.0, 3.0, 5.0

Glow = Literal["bright", "plain", "dim"]


@dataclass(frozen=True, slots=True)
class Move:
    """up: whether the rank is a better one than before. at: seconds of the viewer's clock."""

    up: bool
    at: float


class RankMoves:
    """Compares each board with the one before. Users who enter the board move up."""

    def __init__(self) -> None:
        self._ranks: dict[str, int] | None = None
        self._moves: dict[str, Move] = {}

    def see(self, board: Board, now: float) -> None:
        """The next board."""
        ranks = {row.user_id: row.rank for row in board.rows}
        before, self._ranks = self._ranks, ranks
        if before is None:
            return
        lowest = len(before) + len(ranks) + 1
        for user, rank in ranks.items():
            if rank != (was := before.get(user, lowest)):
                self._moves[user] = Move(rank < was, now)
        self._moves = {user: move for user, move in self._moves.items() if user in ranks}

    def arrow(self, user: str, now: float) -> tuple[str, Glow] | None:
        """The user's arrow and how much of it is left, None for who hasn't moved lately."""
        move = self._moves.get(user)
        if move is None or (glow := _glow(now - move.at)) is None:
            return None
        return ("▲" if move.up else "▼"), glow


def _glow(age: float) -> Glow | None:
    if age < _BRIGHT_S:
        return "bright"
    if age < _PLAIN_S:
        return "plain"
    return "dim" if age < _DIM_S else None
