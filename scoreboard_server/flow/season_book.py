"""The season book: what this process knows of all seasons, kept up to date by the feed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from ..rules.seasons import Season
from .loading import Loaded
from .ports import Decided, EntryAppended, Seasons, SeasonsEdited, StoreUnavailable

log = logging.getLogger("scoreboard.season_book")

_AWAY_PAUSE_S = 0.5


class SeasonBook:
    """Fits `flow.following.Watched`."""

    def __init__(self, store: Seasons, seasons: Sequence[Season]) -> None:
        self._store = store
        self._seasons = list(seasons)
        self._readings = 0
        self._newest = 0
        self._edited = asyncio.Event()
        self.turned = asyncio.Event()
        """Set whenever something in it is new, by whoever waits for that to be cleared."""

    def all(self) -> list[Season]:
        """Newest first, so the current one is the first."""
        return self._seasons

    async def look_again(self) -> list[Season]:
        """As they are stored now. Raises StoreUnavailable."""
        self._readings += 1
        reading = self._readings
        seasons = await self._store.all()
        if reading > self._newest:  # else one that began later has come before
            self._newest = reading
            self._turn_to(seasons)
        return self._seasons

    # --- what the feed brings ---------------------------------------------------------------------

    def appended(self, entry: EntryAppended) -> None:
        """Nothing: an entry changes no season."""

    def changed(self, change: Decided) -> None:
        """A season is told of differently: look again."""
        if isinstance(change, SeasonsEdited):
            self._edited.set()

    def reloaded(self, loaded: Loaded) -> None:
        """All of them were read again."""
        self._turn_to(loaded.seasons)
        self._edited.set()  # what is being read right now may be older, and nothing tells of it again

    async def run(self) -> None:
        """Look again whenever there is reason to, for ever. To be supervised."""
        while True:
            await self._edited.wait()
            self._edited.clear()
            try:
                await self.look_again()
            except StoreUnavailable as error:
                log.debug("reading the seasons has to wait: %s", error)
                self._edited.set()
                await asyncio.sleep(_AWAY_PAUSE_S)

    def _turn_to(self, seasons: Sequence[Season]) -> None:
        # What was read earlier may arrive later; a season never becomes current again.
        if seasons[0].number >= self._seasons[0].number:
            self._seasons = list(seasons)
            self.turned.set()
