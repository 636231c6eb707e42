"""Fakes of the `Seasons` and `Archives` ports: everything in lists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from msgspec import structs

from scoreboard_server.flow.ports import (
    NO_DAYS,
    Day,
    PendingEntry,
    SeasonEnded,
    SeasonReset,
    StillPending,
    StoreUnavailable,
    Sum,
)
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.board import Standing
from scoreboard_server.rules.entry import Entry
from scoreboard_server.rules.schedules import Schedule
from scoreboard_server.rules.seasons import Amended, Archive, Closing, Season
from scoreboard_server.rules.tallies import DayCount


class FakeSeasons:
    """Remembers everything. away: every call fails. still_pending: so many seals are told that."""

    def __init__(self, *seasons: Season) -> None:
        self.kept = list(seasons)
        self.wish: Closing | None = None
        self.acts: list[Act] = []
        self.away = False
        self.still_pending = 0

    async def all(self) -> list[Season]:
        if self.away:
            raise StoreUnavailable("away")
        return list(self.kept)

    async def closing(self) -> Closing | None:
        return self.wish

    async def begin_closing(self, closing: Closing) -> Closing:
        if not self._of(closing.number).is_current:
            raise SeasonEnded
        self.wish = self.wish or closing
        return self.wish

    async def seal(self, sealed: Season, following: Season, act: Act) -> bool:
        if self.still_pending:
            self.still_pending -= 1
            raise StillPending
        current = self._of(sealed.number)
        if not current.is_current:
            return False
        if (current.ends_at, current.schedule) != (sealed.ends_at, sealed.schedule):
            raise SeasonReset
        self._replace(sealed)
        self.kept.insert(0, following)
        self.acts.append(act)
        return True

    async def reported(self, number: int) -> None:
        self.wish = None

    async def set_end(self, number: int, ends_at: int | None, act: Act) -> None:
        self._set(structs.replace(self._of(number), ends_at=ends_at), act)

    async def set_schedule(
        self, number: int, schedule: Schedule | None, ends_at: int | None, act: Act
    ) -> None:
        self._set(structs.replace(self._of(number), schedule=schedule, ends_at=ends_at), act)

    def archived(self, number: int, archive: Archive) -> None:
        """As if that had been written."""
        season = self._of(number)
        assert season.seal is not None
        self._replace(structs.replace(season, seal=structs.replace(season.seal, archive=archive)))

    def _set(self, season: Season, act: Act) -> None:
        if not season.is_current:
            raise SeasonEnded
        self._replace(season)
        self.acts.append(act)

    def _of(self, number: int) -> Season:
        return next(season for season in self.kept if season.number == number)

    def _replace(self, season: Season) -> None:
        self.kept = [season if each.number == season.number else each for each in self.kept]


class LeftBehind:
    """Fits `Standings`: so many entries of somebody else are pending whenever it is asked."""

    def __init__(self, count: int = 0) -> None:
        self._count = count

    async def pending(self, writer: str, limit: int) -> list[PendingEntry]:
        return []

    async def left_behind(self, writer: str, before: int, limit: int) -> list[PendingEntry]:
        return [PendingEntry(n, "ann", 1, n, "open") for n in range(self._count)]

    async def fold(
        self, ids: Sequence[object], sums: Mapping[str, Sum], days: Mapping[Day, DayCount] = NO_DAYS
    ) -> bool:
        return True


class FakeArchives:
    """Boards by (season, edition); `board` is what every season's standings come to.

    away: reads fail. While `answers` is clear they hang. reads: how many there were; most: at once.
    """

    def __init__(self, seasons: FakeSeasons, board: Sequence[Standing] = ()) -> None:
        self._seasons = seasons
        self.board = board
        self.ledger: list[Entry] = []
        self.amendments: list[Amended] = []
        self.boards: dict[tuple[int, int], dict[int, Standing]] = {}
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.reading = self.most = self.reads = 0

    async def entries(self, number: int) -> AsyncIterator[Entry]:
        for entry in self.ledger:
            yield entry

    async def hidden(self, number: int) -> AsyncIterator[str]:
        for user in ("eve",):
            yield user

    async def ranked(self, number: int) -> AsyncIterator[Standing]:
        for standing in self.board:
            yield standing

    async def amended(self, number: int) -> list[Amended]:
        return self.amendments

    async def write(self, number: int, edition: int, rows: Sequence[Standing]) -> None:
        self.boards.setdefault((number, edition), {}).update({row.rank: row for row in rows})

    async def rows_from(self, number: int, edition: int, rank: int, limit: int) -> list[Standing]:
        await self._reach()
        rows = self.boards.get((number, edition), {})
        return [rows[each] for each in sorted(rows) if each >= rank][:limit]

    async def rows_of(self, number: int, edition: int, users: Collection[str]) -> list[Standing]:
        await self._reach()
        rows = self.boards.get((number, edition), {}).values()
        return sorted((row for row in rows if row.user in users), key=lambda row: row.rank)

    async def _reach(self) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.reads += 1
        self.reading += 1
        self.most = max(self.most, self.reading)
        try:
            await self.answers.wait()
        finally:
            self.reading -= 1

    async def put(self, number: int, archive: Archive) -> bool:
        self._seasons.archived(number, archive)
        return True

    async def forget_editions(self, number: int, before: int) -> None:
        for season, edition in list(self.boards):
            if season == number and 0 < edition < before:
                del self.boards[season, edition]
