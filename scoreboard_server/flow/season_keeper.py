"""The season keeper: closes the current season at its end, and writes archives that somebody left unwritten.

Every server has one. The end of a season is one transaction, which only one of them can make; one that was
missed while all were down is made by the first that starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from ..rules.seasons import Closing, Season, next_name
from .archiving import archive
from .deciding import Admin
from .ports import StoreUnavailable
from .season_book import SeasonBook
from .season_keeping import SeasonStore, close, seal

log = logging.getLogger("scoreboard.season_keeper")

SCHEDULE = "schedule"
_LONGEST_WAIT_S = 30.0
_SHORTEST_WAIT_S = 0.1  # until the book has learnt that a season is closed
_AWAY_PAUSE_S = 1.0
# Whoever has closed a season, or corrected one, is about to write its archive; after that it was left.
_LEFT_AFTER_S = 20.0


class SeasonKeeper:
    """admin: in whose name seasons are closed, and by which clock. `closed`: how many this one has closed."""

    def __init__(self, store: SeasonStore, book: SeasonBook, admin: Admin) -> None:
        self._store = store
        self._book = book
        self._admin = admin
        self.closed = 0
        self._behind_since: dict[tuple[int, int], float] = {}

    async def run(self) -> None:
        """Keep them, for ever. To be supervised."""
        is_cut_off = False
        while True:
            self._book.turned.clear()
            try:
                await self._close_if_due()
                await self._write_what_was_left()
            except StoreUnavailable as error:
                if not is_cut_off:
                    log.warning("keeping the seasons has to wait: %s", error)
                is_cut_off = True
                await asyncio.sleep(_AWAY_PAUSE_S)
            else:
                is_cut_off = False
                await self._until_due()

    async def _until_due(self) -> None:
        """Wait for the end of the current season, or until anything about seasons is new."""
        current = self._book.all()[0]
        left = _LONGEST_WAIT_S if current.ends_at is None else (current.ends_at - self._admin.now_us()) / 1e6
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_LONGEST_WAIT_S, max(_SHORTEST_WAIT_S, left))):
                await self._book.turned.wait()

    async def _close_if_due(self) -> None:
        current = self._book.all()[0]
        if not self._is_due(current):
            return
        seasons = await self._store.seasons.all()  # the book may be behind, as after a change of the end
        current = seasons[0]
        if not self._is_due(current):
            return
        closing = await self._store.seasons.closing()
        if closing is None or closing.number != current.number:
            name = next_name(current.number, {season.name for season in seasons})
            closing = Closing(current.number, name, None, SCHEDULE, self._admin.now_us())
        if await seal(self._store, self._admin, closing, is_due=self._is_due):
            self.closed += 1
            names = {"season": current.name, "next": closing.name}
            log.info("%(season)s is closed, as its end has come; %(next)s has begun", names, extra=names)
            await close(self._store, self._admin, closing)

    def _is_due(self, season: Season) -> bool:
        return season.is_current and season.ends_at is not None and season.ends_at <= self._admin.now_us()

    async def _write_what_was_left(self) -> None:
        now = asyncio.get_running_loop().time()
        behind = [season for season in self._book.all() if season.is_behind]
        since = {_edition(season): self._behind_since.get(_edition(season), now) for season in behind}
        self._behind_since = since
        for season in behind:
            if since[_edition(season)] <= now - _LEFT_AFTER_S:
                log.info("writing the archive of %s", season.name, extra={"season": season.name})
                await archive(self._store.archives, season)


def _edition(season: Season) -> tuple[int, int]:
    return season.number, season.seal.corrections if season.seal is not None else 0
