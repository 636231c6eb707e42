"""Past boards: reading the archives of sealed seasons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2s

import msgspec
from msgspec import UNSET, Struct

from ..live.frames import row
from ..live.hub import Names
from ..live.reader import Leaderboard, OwnRank, Reader, Reading, View
from ..rules.board import Standing
from ..rules.instants import timestamp
from ..rules.profiles import Profile
from ..rules.refusals import NotFound, Unavailable
from ..rules.seasons import ANNOUNCED, Season
from .editions import Edition, EditionGone, Part, ReadPart, closing, edition_of, part_of
from .few_readers import few_readers, patience_ends
from .past_pages import PastPages, Told
from .ports import Archives
from .season_book import SeasonBook
from .season_keeping import named, numbered

_encode = msgspec.json.Encoder().encode

# Each is a correction that was written while the one before was being read.
_TRIES = 5

LookAgain = Callable[[Season], Awaitable[Sequence[Season]]]


class Past(Struct, frozen=True):
    """A view of a sealed season. own: the asker's row."""

    season: Season
    edition: Edition
    rows: list[Standing]
    own: Standing | None


async def recall(read: ReadPart, season: Season, view: View, look_again: LookAgain) -> Past:
    """Read a view of the season as announced or as corrected.

    look_again: for the seasons as they are stored now, as what is known of that one is outdated. Raises
    Unavailable `season_closing` while its archive is being written; StoreUnavailable, and what `read` raises.
    """
    for _ in range(_TRIES):
        try:
            return await _recall(read, season, view)
        except EditionGone:
            season = numbered(await look_again(season), season.number)
    raise Unavailable("season_closing", "The final board of that season is being corrected.")


async def _recall(read: ReadPart, season: Season, view: View) -> Past:
    edition = edition_of(season, view)
    rows = await read(edition, part_of(view))
    own = await read(edition, Part(1, users=(view.asker,))) if view.asker is not None else []
    return Past(season, edition, rows, own[0] if own else None)


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
        total_users=past.edition.users,
        last_updated=timestamp(seal.archive.last_at) if seal.archive.last_at else None,
        season=past.season.name,
        epoch=f"sealed-{past.season.number}",
        version=past.edition.number + 1,
        user_rank=own if view.asker is not None else UNSET,
        archive=Archived(
            timestamp(seal.at),
            seal.archive.digest,
            "announced" if past.edition.number == ANNOUNCED else "corrected",
            seal.corrections,
        ),
    )


class Boards:
    """Every board there is: the live one, and those of sealed seasons."""

    def __init__(self, reader: Reader, book: SeasonBook, archives: Archives, names: Names) -> None:
        self._reader = reader
        self._book = book
        self._names = names
        self._pages = PastPages(archives)
        self._season_readers = few_readers(1)

    async def read(self, view: View) -> Reading:
        """The view's reading. Raises NotFound `season_not_found`; Unavailable `season_closing`,
        `store_unavailable` or `overloaded`.
        """
        season = named(self._book.all(), view.season) if view.season is not None else None
        if season is None or season.is_current:
            return await self._read_live(view)
        return await self._tell(await self._recall(season, view), view)

    async def _read_live(self, view: View) -> Reading:
        try:
            return await self._reader.read(view)
        except NotFound:  # the live board has turned to the next season already
            raise closing() from None

    async def _tell(self, past: Past, view: View) -> Reading:
        """What was told of it before, unless a name or the season has changed; nothing is kept of askers."""
        await self._names.fetch([s.user for s in past.rows if self._names.known(s.user) is None])
        names = [self._names.shown(standing.user) for standing in past.rows]
        part = part_of(view)
        kept = self._pages.told(past.edition, part) if view.asker is None else None
        if kept is not None and kept.season == past.season and kept.names == names:
            return kept.reading
        shown = zip(past.rows, names, strict=True)
        body = _encode(told(past, view, {s.user: name for s, name in shown if name is not None}))
        # Of the bytes, so that it is the same on every server, and after a restart.
        reading = Reading(body, f'"{blake2s(body, digest_size=12).hexdigest()}"')
        if view.asker is None:
            self._pages.tell(past.edition, part, Told(past.season, names, reading))
        return reading

    async def final_standing(self, season: Season, user: str) -> Standing | None:
        """The user's place on the corrected board of a sealed season. Raises Unavailable, as `read`."""
        past = await self._recall(season, View(1, users=(user,)))
        return past.rows[0] if past.rows else None

    async def _recall(self, season: Season, view: View) -> Past:
        deadline = patience_ends()
        return await recall(
            lambda edition, part: self._pages.rows(edition, part, deadline),
            season,
            view,
            lambda outdated: self._season_readers.call(lambda: self._look_again(outdated), deadline),
        )

    async def _look_again(self, outdated: Season) -> Sequence[Season]:
        seasons = self._book.all()
        # Of a crowd that has met an edition that is gone, the first asks.
        return seasons if outdated not in seasons else await self._book.look_again()
