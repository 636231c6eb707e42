"""Loading: the board from one consistent snapshot of standings and pending entries."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct

from ..rules.bans import Ban
from ..rules.board import Board
from ..rules.entry import is_correction, reached
from ..rules.revocations import Revocation
from ..rules.seasons import Season
from ..rules.tallies import DAY_US, Account, DayCount
from .ports import Snapshots


class Loaded(Struct, frozen=True):
    """A board as of one instant, and what goes with it; `position` is where the change feed goes on from it.

    counts: what of each user and type was counted today.
    """

    board: Board
    season: Season
    position: object
    counts: Mapping[Account, DayCount]
    bans: Sequence[Ban]
    seasons: Sequence[Season]
    revocations: Sequence[Revocation]


async def load_board(snapshots: Snapshots, now_us: int) -> Loaded:
    """Read the current season's board, without those who are banned now. Raises StoreUnavailable."""
    today = now_us // DAY_US
    async with snapshots.snapshot() as snapshot:
        bans = [ban async for ban in snapshot.bans()]
        revocations = [each async for each in snapshot.revocations()]
        seasons = [season async for season in snapshot.seasons()]
        # Of yesterday it matters when the last one was: the least time to the next may not be over yet.
        counts: dict[Account, DayCount] = {}
        async for who, told in snapshot.days(today - 1):
            counts[who] = DayCount(0, told.last)
        counts |= {who: told async for who, told in snapshot.days(today)}
        totals = {user: (score, at) async for user, score, at in snapshot.standings()}
        async for user, points, at, action_type in snapshot.pending():
            score, reached_at = totals.get(user, (0, 0))
            totals[user] = (score + points, max(reached_at, reached(action_type, at)))
            if at // DAY_US >= today - 1 and not is_correction(action_type):
                _count(counts, (user, action_type), at, today)
        # In a thread: sorting a million users takes seconds, and nobody else knows this board yet.
        triples = [(user, score, at) for user, (score, at) in totals.items()]
        hidden = [ban.user for ban in bans if ban.is_in_force(now_us)]
        board = await asyncio.to_thread(Board, triples, hidden)
        return Loaded(board, snapshot.season, snapshot.position, counts, bans, seasons, revocations)


def _count(counts: dict[Account, DayCount], account: Account, at: int, today: int) -> None:
    told = counts.setdefault(account, DayCount())
    told.add(at)
    if at // DAY_US < today:
        told.count -= 1
