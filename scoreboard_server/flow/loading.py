"""Loading: the board from one consistent snapshot of standings and pending entries.

A million users take seconds. In them the event loop gets its turns, so whoever asks for a sign of life is
answered, and the log tells how far it is.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Sequence

from msgspec import Struct

from ..rules.bans import Ban
from ..rules.board import Board, Draft
from ..rules.entry import Entry, is_correction, reached
from ..rules.revocations import Revocation
from ..rules.seasons import Season
from ..rules.tallies import DAY_US, Account, DayCount
from .ports import Snapshot, Snapshots

log = logging.getLogger("scoreboard.loading")

_TELL_EVERY_S = 2.0
_REST_EVERY = 1_000  # users
# Looking through fewer for garbage holds nobody up.
_MANY = 10_000


class Loaded(Struct, frozen=True):
    """A board as of one instant, and what goes with it; `position` is where the change feed goes on from it.

    counts: what of each user and type was counted today.
    """

    board: Board
    season: Season
    position: object
    counts: dict[Account, DayCount]
    bans: Sequence[Ban]
    seasons: Sequence[Season]
    revocations: Sequence[Revocation]

    def add(self, entry: Entry, today: int) -> None:
        """Put in an action that was counted after the instant. today: a day since the Unix epoch."""
        self.board.apply(entry.user, entry.points, entry.at)
        _count(self.counts, (entry.user, entry.type), entry.at, today)


async def load_board(snapshots: Snapshots, now_us: int) -> Loaded:
    """Read the current season's board as of now. Raises StoreUnavailable."""
    async with snapshots.snapshot() as snapshot:
        return await read_board(snapshot, now_us)


async def read_board(snapshot: Snapshot, now_us: int) -> Loaded:
    """Read the current season's board, without those who are banned now. Raises StoreUnavailable."""
    today = now_us // DAY_US
    bans = [ban async for ban in snapshot.bans()]
    revocations = [each async for each in snapshot.revocations()]
    seasons = [season async for season in snapshot.seasons()]
    # Of yesterday it matters when the last one was: the least time to the next may not be over yet.
    counts: dict[Account, DayCount] = {}
    async for who, told in snapshot.days(today - 1):
        counts[who] = DayCount(0, told.last)
    counts |= {who: told async for who, told in snapshot.days(today)}
    pending: dict[str, tuple[int, int]] = {}
    async for user, points, at, action_type in snapshot.pending():
        score, reached_at = pending.get(user, (0, 0))
        pending[user] = (score + points, max(reached_at, reached(action_type, at)))
        if at // DAY_US >= today - 1 and not is_correction(action_type):
            _count(counts, (user, action_type), at, today)
    draft = await _draft(snapshot, pending, about=await snapshot.size() - _archived(seasons))
    # In a thread: ordering a million users takes seconds, and nobody else knows this board yet.
    hidden = [ban.user for ban in bans if ban.is_in_force(now_us)]
    board = await asyncio.to_thread(draft.board, hidden)
    if len(board) >= _MANY:
        gc.freeze()  # a board is no garbage, and looking through a million users for some takes 0.1 s
    return Loaded(board, snapshot.season, snapshot.position, counts, bans, seasons, revocations)


async def _draft(snapshot: Snapshot, pending: dict[str, tuple[int, int]], *, about: int) -> Draft:
    """The totals of standings and pending entries together; the latter are used up.

    about: how many users are to be expected.
    """
    draft, clock = Draft(), asyncio.get_running_loop().time
    told_at = clock()
    async for user, score, reached_at in snapshot.standings():
        more, later = pending.pop(user, (0, 0))
        draft.put(user, score + more, max(reached_at, later))
        if len(draft) % _REST_EVERY == 0:
            if clock() >= told_at + _TELL_EVERY_S:
                told_at = clock()
                counts = {"users": len(draft), "about": about}
                log.info(
                    "reading the board: %s of about %s users",
                    *map("{:,}".format, counts.values()),
                    extra=counts,
                )
            await asyncio.sleep(0)  # the store hands out many at once
    for user, (score, reached_at) in pending.items():
        draft.put(user, score, reached_at)
    if len(draft) >= _MANY:
        log.info("putting %s users in order", f"{len(draft):,}", extra={"users": len(draft)})
    return draft


def _archived(seasons: Sequence[Season]) -> int:
    """How many standings are of sealed seasons, those of users banned then left out."""
    archives = [season.seal.archive for season in seasons if season.seal is not None]
    return sum(archive.users for archive in archives if archive is not None)


def _count(counts: dict[Account, DayCount], account: Account, at: int, today: int) -> None:
    told = counts.setdefault(account, DayCount())
    told.add(at)
    if at // DAY_US < today:
        told.count -= 1
