"""Exporting: all that a store has, line by line, from wherever an earlier attempt was interrupted.

What may change is read as of one instant, which a store keeps for minutes; what an interrupted export has of
it is taken up at the same instant or not at all. Sealed seasons never change, so they come last and can be
taken up whenever that may be.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from msgspec import Struct

from ..rules.books import Total
from ..rules.canonical import entry_fields
from ..rules.canonical import line as canonical_line
from ..rules.exports.lines import VERSION, About, CurrentLine, DigestLine, End, Header, Line
from ..rules.exports.meaning import (
    about,
    act_line,
    ban_line,
    late_line,
    revocation_line,
    total_line,
    user_line,
)
from ..rules.exports.order import (
    ABOUT,
    ACT,
    BAN,
    DIGEST,
    ENTRY,
    LATE,
    OPENING,
    REVOCATION,
    TOTAL,
    USER,
    Place,
    Progress,
)
from ..rules.exports.spelling import MalformedLine, write_line
from .archiving import canonical, catch_up
from .ports import Archives, InstantLost, Original, Originals, Seasons

T = TypeVar("T")

_CURRENT = 1  # the number of its block


class BeginAnew(Exception):  # noqa: N818 -- a state of the world
    """What was written before can't be gone on with; the message says why."""


class CannotExport(Exception):  # noqa: N818 -- as above
    """The store can't be exported; the message says why."""


@dataclass(frozen=True, slots=True)
class ExportStore:
    """What an export reads."""

    originals: Originals
    seasons: Seasons
    archives: Archives


class Exported(Struct, frozen=True):
    """What was written. wrong: sealed seasons whose lines are not those of their digest any more."""

    end: End
    digests: Mapping[str, str]
    wrong: list[str]


async def export(
    store: ExportStore, progress: Progress, put: Callable[[bytes], None], *, now_us: int
) -> Exported:
    """Write what is missing of an export. progress: fed with what was written before.

    Raises BeginAnew, CannotExport and StoreUnavailable.
    """
    if progress.is_whole:
        return Exported(progress.end(), _digests(progress), [])
    writing = _Writing(progress, put)
    if progress.place <= (_CURRENT, TOTAL):
        await _changing_part(store, writing, now_us)
    else:
        await _check_same_store(store.seasons, progress)
    wrong: list[str] = []
    for block, each in enumerate(progress.abouts[:-1], _CURRENT + 1):
        if not await _sealed(store, writing, block, each):
            wrong.append(each.name)
    end = progress.end()
    writing.add(end)
    return Exported(end, _digests(progress), wrong)


def _digests(progress: Progress) -> dict[str, str]:
    return {each.name: each.seal.digest for each in progress.abouts if each.seal is not None}


class _Writing:
    """Lines that are read back before they are written: an export that can't be read is none."""

    def __init__(self, progress: Progress, put: Callable[[bytes], None]) -> None:
        self.progress = progress
        self._put = put

    def add(self, line: Line) -> None:
        self.spelled(write_line(line))

    def spelled(self, raw: bytes) -> None:
        try:
            self.progress.read(raw)
        except MalformedLine as error:
            words = f"the store holds what no export can: {error}: {raw[:200].decode(errors='replace')}"
            raise CannotExport(words) from None
        self._put(raw)

    async def section(self, place: Place, lines: Callable[[int], AsyncIterator[Line]]) -> None:
        """What is missing of it. lines: the section without its first so many lines."""
        known = self.progress.done(place)
        if known is not None:
            async for line in lines(known):
                self.add(line)


# --- what changes -------------------------------------------------------------------------------------


async def _changing_part(store: ExportStore, writing: _Writing, now_us: int) -> None:
    known = writing.progress.header
    try:
        while True:
            if known is None:
                await catch_up(store.seasons, store.archives)
            async with store.originals.as_of(known.instant if known else None) as original:
                abouts = await _abouts(original)
                if known is None and abouts is not None:
                    writing.add(Header(VERSION, now_us, original.instant))
                elif known is None:  # one has just been closed
                    continue
                if abouts is None or writing.progress.abouts != abouts[: len(writing.progress.abouts)]:
                    raise BeginAnew("it is of another store")
                await _as_of_one_instant(original, writing, abouts)
                return
    except InstantLost:
        if known is not None:
            raise BeginAnew("the store has forgotten the instant that it was of") from None
        words = "reading the current season took longer than the store remembers an instant"
        remedy = "close the season, as sealed ones can be read for as long as it takes"
        setting = "minSnapshotHistoryWindowInSeconds"
        raise CannotExport(f"{words}; {remedy}, or raise {setting} of your MongoDB") from None


async def _abouts(original: Original) -> list[About] | None:
    """The seasons; None while the archive of one is missing."""
    seasons = await original.seasons()
    if any(each.seal is not None and each.seal.archive is None for each in seasons):
        return None
    return [about(each) for each in seasons]


async def _as_of_one_instant(original: Original, writing: _Writing, abouts: list[About]) -> None:
    number = abouts[-1].number

    def totals(skip: int) -> AsyncIterator[Line]:
        return _without_first(skip, _totals(original, number))

    await writing.section((0, ABOUT), lambda skip: _listed(abouts[skip:]))
    await writing.section((0, USER), lambda skip: _each(original.profiles(skip), lambda t: user_line(*t)))
    await writing.section((0, BAN), lambda skip: _each(original.bans(skip), ban_line))
    await writing.section((0, REVOCATION), lambda skip: _each(original.revocations(skip), revocation_line))
    await writing.section((0, ACT), lambda skip: _each(original.acts(skip), act_line))
    await writing.section((0, LATE), lambda skip: _each(original.late(skip), lambda t: late_line(*t)))
    await writing.section((_CURRENT, OPENING), lambda skip: _listed([CurrentLine(number)][skip:]))
    known = writing.progress.done((_CURRENT, ENTRY))
    if known is not None:
        async for entry in _without_first(known, original.entries(number)):
            writing.spelled(canonical_line(entry_fields(entry)))
    await writing.section((_CURRENT, TOTAL), totals)


async def _each(told: AsyncIterator[T], line_of: Callable[[T], Line]) -> AsyncIterator[Line]:
    async for each in told:
        yield line_of(each)


async def _listed(lines: Iterable[Line]) -> AsyncIterator[Line]:
    for line in lines:
        yield line


async def _totals(original: Original, number: int) -> AsyncIterator[Line]:
    """The standings as they are once everything is folded, by user."""
    waiting = sorted((await original.pending()).items(), reverse=True)
    async for user, total in original.totals(number):
        while waiting and waiting[-1][0] < user:
            yield total_line(*waiting.pop())
        if waiting and waiting[-1][0] == user:
            yield total_line(user, _sum(total, waiting.pop()[1]))
        else:
            yield total_line(user, total)
    while waiting:
        yield total_line(*waiting.pop())


def _sum(one: Total, other: Total) -> Total:
    return Total(one.score + other.score, one.actions + other.actions, max(one.reached_at, other.reached_at))


# --- what doesn't -------------------------------------------------------------------------------------


async def _check_same_store(seasons: Seasons, progress: Progress) -> None:
    """By the seasons that there were then."""
    there = {each.number: each for each in await seasons.all()}
    for known in progress.abouts:
        found = there.get(known.number)
        if found is None or (found.name, found.started_at) != (known.name, known.started_at):
            raise BeginAnew("it is of another store")
        if known.seal is not None and (found.seal is None or found.seal.at != known.seal.at):
            raise BeginAnew("it is of another store")


async def _sealed(store: ExportStore, writing: _Writing, block: int, season: About) -> bool:
    """What is missing of a sealed season; whether its digest is that of its lines."""
    progress = writing.progress
    known = progress.done_canonical(block)
    if known is not None:
        sealed = next(each for each in await store.seasons.all() if each.number == season.number)
        async for fields in _without_first(known, canonical(store.archives, sealed)):
            writing.spelled(canonical_line(fields))
    known = progress.done((block, TOTAL))
    if known is not None:
        async for user, total in _without_first(known, store.originals.totals(season.number)):
            writing.add(total_line(user, total))
    if progress.done((block, DIGEST)) != 0:
        return True
    assert season.seal is not None  # noqa: S101 -- it is sealed
    is_right = progress.digest == season.seal.digest
    writing.add(DigestLine(season.number, season.seal.digest))
    return is_right


async def _without_first(skip: int, lines: AsyncIterator[T]) -> AsyncIterator[T]:
    async for line in lines:
        if skip:
            skip -= 1
        else:
            yield line
