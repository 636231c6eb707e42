"""Folding: pending entries become part of their users' standings, beside the road and in nobody's latency."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from ..rules.entry import is_correction
from ..rules.tallies import DAY_US, DayCount
from .counts import Folds
from .ports import Day, PendingEntry, Standings, StoreUnavailable, Sum

log = logging.getLogger("scoreboard.folding")

# Fewer and larger folds touch each standing less often; a restart reads what is pending anyway.
INTERVAL_S = 5.0
FOLD_SIZE = 10_000
# Another writer's entries are left to it for so long.
FOREIGN_AGE_US = 5_000_000
_AWAY_PAUSE_S = 1.0


def summed(entries: Iterable[PendingEntry]) -> dict[str, Sum]:
    """What these entries add to each user's standing."""
    sums: dict[str, Sum] = {}
    for entry in entries:
        total = sums.setdefault(entry.user, Sum(0, 0, 0))
        total.points += entry.points
        if not is_correction(entry.type):
            total.actions += 1
            total.reached_at = max(total.reached_at, entry.at)
    return sums


def counted(entries: Iterable[PendingEntry]) -> dict[Day, DayCount]:
    """What these entries add to the counts of users' days."""
    days: dict[Day, DayCount] = {}
    for entry in entries:
        days.setdefault((entry.at // DAY_US, entry.user, entry.type), DayCount()).add(entry.at)
    return days


class Folding:
    """Folds this writer's pending entries, and those that another writer has left behind.

    now_us: µs since the Unix epoch. is_capped: of which action types it matters how often they were counted.
    appended: how many entries this writer has put into the ledger so far.
    """

    def __init__(
        self,
        standings: Standings,
        *,
        writer: str,
        now_us: Callable[[], int],
        is_capped: Callable[[str], bool] = lambda action_type: False,
        appended: Callable[[], int] = lambda: 0,
    ) -> None:
        self._standings = standings
        self._writer = writer
        self._now_us = now_us
        self._is_capped = is_capped
        self._appended = appended
        self._known_folded = 0
        self.counts = Folds()
        self._at_it = asyncio.Lock()
        self.is_cut_off = False

    @property
    def pending(self) -> int:
        """How many of this writer's entries are not known to be folded; the store isn't asked."""
        return self._appended() - self._known_folded

    async def run(self) -> None:
        """Fold for ever. To be supervised.

        As it asks the store every few seconds whether there is work or not, `is_cut_off` is also how a
        server that nobody submits to learns that its store is away.
        """
        while True:
            try:
                await self.fold_all()
            except StoreUnavailable as error:
                if not self.is_cut_off:
                    log.warning("folding waits for the store: %s", error)
                self.is_cut_off = True
            await asyncio.sleep(_AWAY_PAUSE_S if self.is_cut_off else INTERVAL_S)

    async def fold_all(self) -> int:
        """Fold all that is pending now; how many entries were folded. Raises StoreUnavailable.

        What arrives meanwhile is left to the next time: chasing it would make many small folds of a few large
        ones.
        """
        async with self._at_it:  # two at once would abort each other
            appended = self._appended()
            own, is_all = await self._fold_from(self._own)
            if is_all:  # also of those that somebody else has folded
                self._known_folded = appended
            foreign, _ = await self._fold_from(self._left_behind)
            self.counts.foreign += foreign
            return own + foreign

    async def _fold_from(self, take: Callable[[], Awaitable[list[PendingEntry]]]) -> tuple[int, bool]:
        """How many were folded, and whether that was all there was."""
        folded = 0
        while True:
            entries = await take()
            done = bool(entries) and await self._fold(entries)
            self.is_cut_off = False
            if not done:  # nothing there, or somebody else is at it
                return folded, not entries
            folded += len(entries)
            if len(entries) < FOLD_SIZE:
                return folded, True

    async def _fold(self, entries: Sequence[PendingEntry]) -> bool:
        days = counted(entry for entry in entries if self._is_capped(entry.type))
        begun = time.perf_counter()
        done = await self._standings.fold([entry.id for entry in entries], summed(entries), days)
        if done:
            self.counts.seconds.add(time.perf_counter() - begun)
            self.counts.sizes.add(len(entries))
        else:
            self.counts.yielded += 1
        return done

    async def _own(self) -> list[PendingEntry]:
        return await self._standings.pending(self._writer, FOLD_SIZE)

    async def _left_behind(self) -> list[PendingEntry]:
        before = self._now_us() - FOREIGN_AGE_US
        return await self._standings.left_behind(self._writer, before, FOLD_SIZE)
