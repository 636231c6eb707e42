"""Loading: the board from one consistent snapshot of standings and pending entries."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from ..rules.board import Board
from ..rules.seasons import Season
from .ports import Snapshots


class Loaded(Struct, frozen=True):
    """A board as of one instant; `position` is where the change feed goes on from it."""

    board: Board
    season: Season
    position: object


async def load_board(snapshots: Snapshots) -> Loaded:
    """Read the current season's board. Raises StoreUnavailable."""
    async with snapshots.snapshot() as snapshot:
        totals = {user: (score, at) async for user, score, at in snapshot.standings()}
        async for user, points, at in snapshot.pending():
            score, reached_at = totals.get(user, (0, 0))
            totals[user] = (score + points, max(reached_at, at))
        # In a thread: sorting a million users takes seconds, and nobody else knows this board yet.
        triples = [(user, score, at) for user, (score, at) in totals.items()]
        return Loaded(await asyncio.to_thread(Board, triples), snapshot.season, snapshot.position)
