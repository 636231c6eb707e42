"""Past boards: reading the archives of sealed seasons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2s

import msgspec
from msgspec import UNSET, Struct

from ..live.frames import row
from ..live.hub import Names
from ..live.reader import Leaderboard, OwnRank, Reader, Reading, View, timestamp
from ..rules.board import Standing
from ..rules.profiles import Profile
from ..rules.refusals import NotFound, Unavailable
from ..rules.seasons import ANNOUNCED, Season
from .few_readers import few_readers, patience_ends
from .ports import Archives
from .season_book import SeasonBook
from .season_keeping import named, numbered

_encode = msgspec.json.Encoder().encode

# Each is a correction that was written while the one before was being read.
_TRIES = 5

ReadSeasons = Callable[[], Awaitable[Sequence[Season]]]


class Past(Struct, frozen=True):
    """A view of a sealed season. total: users on that board. own: the asker's row."""

    season: Season
    rows: list[Standing]
    own: Standing | None
    total: int
    edition: int


class _EditionGone(Exception):  # noqa: N818 -- a state of the world
    """A newer edition was written, and this one removed."""


async def recall(archives: Archives, season: Season, view: View, look_again: ReadSeasons) -> Past:
    """Read a view of the season as announced or as corrected.

    look_again: for the seasons as they are stored now, as what is known of this one may be outdated. Raises
    Unavailable `season_closing` while its archive is being written; StoreUnavailable.
    """
    for _ in range(_TRIES):
        try:
            return await _recall(archives, season, view)
        except _EditionGone:
            season = numbered(await look_again(), season.number)
    raise Unavailable("season_closing", "The final board of that season is being corrected.")


async def _recall(archives: Archives, season: Season, view: View) -> Past:
    kept = season.seal.archive if season.seal is not None else None
    if kept is None:
        raise _closing()
    edition = ANNOUNCED if view.announced else kept.edition
    users = kept.users if view.announced else kept.corrected_users
    reading = _Reading(archives, season.number, edition, users)
    rows = await reading.select(view)
    own = await reading.of([view.asker]) if view.asker is not None else []
    return Past(season, rows, own[0] if own else None, users, edition)


def _closing() -> Unavailable:
    return Unavailable("season_closing", "The season has just ended; its final board is being written.")


class Archived(Struct, frozen=True, rename="camel"):
    """What is told with the board of a sealed season. edition: "announced" or "corrected"."""

    sealed_at: str
    digest: str
    edition: str
    corrections: int


class PastLeaderboard(Leaderboard, frozen=True, rename="camel", kw_only=True):
    """As of the live board; its epoch is the season's, its version the edition's."""

    archive: Archived


def told(past: Past, view: View, names: Mapping[str, Profile]) -> PastLeaderboard:
    """The answer to a view of it."""
    seal = past.season.seal
    assert seal is not None and seal.archive is not None  # noqa: S101 -- it was read
    own = OwnRank(past.own.rank, past.own.score) if past.own is not None else None
    return PastLeaderboard(
        leaderboard=[row(standing, names.get(standing.user)) for standing in past.rows],
        total_users=past.total,
        last_updated=timestamp(seal.archive.last_at) if seal.archive.last_at else None,
        season=past.season.name,
        epoch=f"sealed-{past.season.number}",
        version=past.edition + 1,
        user_rank=own if view.asker is not None else UNSET,
        archive=Archived(
            timestamp(seal.at),
            seal.archive.digest,
            "announced" if past.edition == ANNOUNCED else "corrected",
            seal.corrections,
        ),
    )


class _Reading:
    """One edition of a board. Every reading raises _EditionGone when that is not all there any more."""

    def __init__(self, archives: Archives, number: int, edition: int, users: int) -> None:
        self._archives = archives
        self._number = number
        self._edition = edition
        self._users = users

    async def select(self, view: View) -> list[Standing]:
        """As `View.select` of a live board."""
        if view.around is not None:
            return await self._around(view.around, view.limit)
        if view.users:
            return await self.of(list(view.users))
        return await self._page(view.offset, view.limit)

    async def of(self, users: list[str]) -> list[Standing]:
        """The rows of these."""
        rows = await self._archives.rows_of(self._number, self._edition, users)
        if len(rows) < len(users):
            await self._page(0, 1)  # which would be gone before any other
        return rows

    async def _around(self, user: str, limit: int) -> list[Standing]:
        own = await self.of([user])
        if not own:
            return []
        latest_start = max(0, self._users - limit)
        return await self._page(min(max(0, own[0].rank - 1 - limit // 2), latest_start), limit)

    async def _page(self, offset: int, limit: int) -> list[Standing]:
        least = min(limit, self._users - offset)
        if least <= 0:
            return []
        rows = await self._archives.rows_from(self._number, self._edition, offset + 1, least)
        # While an edition is being removed, the rows behind those that are gone already would fill the page.
        if [row.rank for row in rows] != list(range(offset + 1, offset + 1 + least)):
            raise _EditionGone
        return rows


class Boards:
    """Every board there is: the live one, and those of sealed seasons."""

    def __init__(self, reader: Reader, book: SeasonBook, archives: Archives, names: Names) -> None:
        self._reader = reader
        self._book = book
        self._archives = archives
        self._names = names
        self._readers = few_readers()

    async def read(self, view: View) -> Reading:
        """The view's reading. Raises NotFound `season_not_found`; Unavailable `season_closing`,
        `store_unavailable` or `overloaded`.
        """
        season = named(self._book.all(), view.season) if view.season is not None else None
        if season is None or season.is_current:
            return await self._read_live(view)
        past = await self._recall(season, view)
        await self._names.fetch([s.user for s in past.rows if self._names.known(s.user) is None])
        shown = {s.user: self._names.shown(s.user) for s in past.rows}
        body = _encode(told(past, view, {user: name for user, name in shown.items() if name is not None}))
        return Reading(body, f'"{blake2s(body, digest_size=12).hexdigest()}"')

    async def _read_live(self, view: View) -> Reading:
        try:
            return await self._reader.read(view)
        except NotFound:  # the live board has turned to the next season already
            raise _closing() from None

    async def final_standing(self, season: Season, user: str) -> Standing | None:
        """The user's place on the corrected board of a sealed season. Raises Unavailable, as `read`."""
        past = await self._recall(season, View(1, users=(user,)))
        return past.rows[0] if past.rows else None

    async def _recall(self, season: Season, view: View) -> Past:
        return await self._readers.call(
            lambda: recall(self._archives, season, view, self._book.look_again), patience_ends()
        )
