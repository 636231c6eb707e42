"""Archiving: the final board of a sealed season is written down by rank, and anew when it is corrected.

Each edition follows from what is stored alone, so it does not matter who writes it, how often it is begun
again, or whether two do so at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection

from msgspec import structs

from ..rules.board import Standing
from ..rules.canonical import Digest, entry_fields, hidden_fields, season_fields, standing_fields
from ..rules.seasons import ANNOUNCED, Amended, Archive, Placing, Season
from .ports import Archives, Seasons

_ROWS = 1_000
_TRIES = 3

Progress = Callable[[str, int], None]
"""Told what is being done, and how much of it is done by now."""


def untold(_words: str, _done: int) -> None:
    """Nobody watches."""


async def archive(archives: Archives, season: Season, progress: Progress = untold) -> None:
    """Write down what is missing of the season's boards. Safe to repeat. Raises StoreUnavailable."""
    assert season.seal is not None  # noqa: S101 -- a current season has no archive
    kept = season.seal.archive
    if kept is None:
        kept = await _announce(archives, season, progress)
        await archives.put(season.number, kept)
    if kept.edition < season.seal.corrections:
        await _correct(archives, season, kept, progress)


async def catch_up(seasons: Seasons, archives: Archives, progress: Progress = untold) -> None:
    """Write down what is missing of all seasons' boards, as after a correction. Raises StoreUnavailable.

    What is corrected again and again meanwhile is left to whoever does that.
    """
    for _ in range(_TRIES):
        behind = [season for season in await seasons.all() if season.is_behind]
        if not behind:
            return
        for season in behind:
            await archive(archives, season, progress)


async def _announce(archives: Archives, season: Season, progress: Progress) -> Archive:
    writing = _Writing(archives, season.number, ANNOUNCED, progress)
    async for standing in archives.ranked(season.number):
        await writing.add(standing)
    await writing.flush()
    entries, digest = await _digest(archives, season, progress)
    return Archive(writing.users, entries, digest, writing.last_at, corrected_users=writing.users)


async def _digest(archives: Archives, season: Season, progress: Progress) -> tuple[int, str]:
    """How many entries the season has, and the digest of its canonical export."""
    digest, entries = Digest(), 0
    async for fields in canonical(archives, season):
        digest.add(fields)
        if fields["kind"] == "entry":
            entries += 1
            if entries % _ROWS == 0:
                progress("entries", entries)
    return entries, digest.hex


async def canonical(archives: Archives, season: Season) -> AsyncIterator[dict[str, object]]:
    """The lines of the season's canonical export; see `rules.canonical`. Raises StoreUnavailable."""
    yield season_fields(season)
    async for entry in archives.entries(season.number):
        yield entry_fields(entry)
    async for user in archives.hidden(season.number):
        yield hidden_fields(user)
    async for standing in rows_of_edition(archives, season.number, ANNOUNCED):
        yield standing_fields(standing)


async def rows_of_edition(archives: Archives, number: int, edition: int) -> AsyncIterator[Standing]:
    """All rows of a board that was written down. Raises StoreUnavailable."""
    rank = 1
    while rows := await archives.rows_from(number, edition, rank, _ROWS):
        for row in rows:
            yield row
        rank += len(rows)


async def _correct(archives: Archives, season: Season, kept: Archive, progress: Progress) -> None:
    assert season.seal is not None  # noqa: S101 -- see above
    edition = season.seal.corrections
    amended = await archives.amended(season.number)
    users = await write_corrected(archives, season.number, edition, amended, progress)
    newer = structs.replace(kept, edition=edition, corrected_users=users)
    if await archives.put(season.number, newer):
        await archives.forget_editions(season.number, edition)


async def write_corrected(
    archives: Archives, number: int, edition: int, amended: Collection[Amended], progress: Progress = untold
) -> int:
    """Write down the announced board with these placed anew; how many users are on it. Safe to repeat.

    Raises StoreUnavailable.
    """
    placing = Placing(amended)
    writing = _Writing(archives, number, edition, progress)
    async for standing in rows_of_edition(archives, number, ANNOUNCED):
        for row in placing.before(standing):
            await writing.add(row)
    for row in placing.rest():
        await writing.add(row)
    await writing.flush()
    return writing.users


class _Writing:
    """One edition, row by row."""

    def __init__(self, archives: Archives, number: int, edition: int, progress: Progress) -> None:
        self._archives = archives
        self._number = number
        self._edition = edition
        self._progress = progress
        self._rows: list[Standing] = []
        self.users = 0
        self.last_at = 0

    async def add(self, row: Standing) -> None:
        self.users, self.last_at = row.rank, max(self.last_at, row.reached_at)
        self._rows.append(row)
        if len(self._rows) == _ROWS:
            await self.flush()

    async def flush(self) -> None:
        if self._rows:
            await self._archives.write(self._number, self._edition, self._rows)
            self._progress("standings", self.users)
            self._rows = []
