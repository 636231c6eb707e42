"""Checking archives: what is kept of sealed seasons, against what it was made from and the digest of it.

Everything is read in order and compared row by row; the memory needed is that of the users whom admins have
decided about since.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable

from msgspec import Struct

from ..rules.board import Standing
from ..rules.canonical import Digest
from ..rules.seasons import ANNOUNCED, Archive, Placing, Season
from .archiving import canonical, rows_of_edition
from .ports import Archives, Seasons

_TRIES = 5
_TOLD_EVERY = 1_000


class WrongArchive(Struct, frozen=True):
    """Something in a sealed season that is not as it was, or not as it should be. user: whose row it is."""

    season: str
    what: str
    user: str | None = None


class CheckedArchive(Struct, frozen=True):
    """A sealed season. entries: as counted now."""

    season: str
    entries: int
    wrong: list[WrongArchive]


def _nothing(_entries: int) -> None:
    """Nobody watches."""


async def check_archives(
    seasons: Seasons, archives: Archives, told: Callable[[int], None] = _nothing
) -> AsyncGenerator[CheckedArchive, None]:
    """Check each sealed season whose archive is written. told: of how many entries more.

    Raises StoreUnavailable.
    """
    for number in sorted(each.number for each in await seasons.all()):
        checked = await _check_quiet(seasons, archives, number, told)
        if checked is not None:
            yield checked


async def _check_quiet(
    seasons: Seasons, archives: Archives, number: int, told: Callable[[int], None]
) -> CheckedArchive | None:
    """None for the current one. An edition that is replaced while it is read is not wrong: look again."""
    season = await _numbered(seasons, number)
    checked: CheckedArchive | None = None
    for _ in range(_TRIES):
        seal = season.seal if season is not None else None
        if season is None or seal is None or seal.archive is None:
            return None
        checked = await _check(archives, season, seal.archive, told)
        again = await _numbered(seasons, number)
        if not checked.wrong or again == season:
            return checked
        season = again
    return checked


async def _numbered(seasons: Seasons, number: int) -> Season | None:
    return next((each for each in await seasons.all() if each.number == number), None)


async def _check(
    archives: Archives, season: Season, kept: Archive, told: Callable[[int], None]
) -> CheckedArchive:
    wrong: list[WrongArchive] = []
    announced = _Comparison(archives.ranked(season.number), season.name, "announced")
    wrong += await announced.with_rows(rows_of_edition(archives, season.number, ANNOUNCED))
    if announced.rows != kept.users:
        wrong.append(WrongArchive(season.name, f"{announced.rows:,} rows announced; {kept.users:,} sealed"))
    entries, digest = await _digest(archives, season, told)
    if digest != kept.digest:
        wrong.append(WrongArchive(season.name, "the digest of what is kept is not the one that was sealed"))
    if entries != kept.entries:
        wrong.append(WrongArchive(season.name, f"{entries:,} entries; {kept.entries:,} were sealed"))
    if kept.edition != ANNOUNCED and not season.is_behind:
        placed = _Comparison(_placed(archives, season), season.name, "corrected")
        wrong += await placed.with_rows(rows_of_edition(archives, season.number, kept.edition))
    return CheckedArchive(season.name, entries, wrong)


async def _digest(archives: Archives, season: Season, told: Callable[[int], None]) -> tuple[int, str]:
    digest, entries = Digest(), 0
    async for fields in canonical(archives, season):
        digest.add(fields)
        if fields["kind"] == "entry":
            entries += 1
            if entries % _TOLD_EVERY == 0:
                told(_TOLD_EVERY)
    told(entries % _TOLD_EVERY)
    return entries, digest.hex


async def _placed(archives: Archives, season: Season) -> AsyncIterator[Standing]:
    """The corrected board, made again."""
    placing = Placing(await archives.amended(season.number))
    async for standing in rows_of_edition(archives, season.number, ANNOUNCED):
        for row in placing.before(standing):
            yield row
    for row in placing.rest():
        yield row


class _Comparison:
    """Of a board as it should be with the rows that are kept of it; the first difference is told."""

    def __init__(self, expected: AsyncIterator[Standing], season: str, edition: str) -> None:
        self._expected = expected
        self._season = season
        self._edition = edition
        self.rows = 0

    async def with_rows(self, kept: AsyncIterator[Standing]) -> Iterable[WrongArchive]:
        first: WrongArchive | None = None
        async for row in kept:
            self.rows += 1
            should = await anext(self._expected, None)
            if first is None and row != should:
                words = f"rank {row.rank:,} of the {self._edition} board should be {_text(should)}"
                first = WrongArchive(self._season, words, row.user)
        missing = await anext(self._expected, None)
        if first is None and missing is not None:
            words = f"the {self._edition} board lacks {_text(missing)}"
            first = WrongArchive(self._season, words, missing.user)
        return [first] if first is not None else []


def _text(standing: Standing | None) -> str:
    return f"{standing.user} with {standing.score:,}" if standing is not None else "nobody"
