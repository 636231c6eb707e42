"""Importing: an export becomes the content of an empty store.

The file is checked first (see `checking_exports`), then read once more. What it holds is kept under seasons
that nobody knows of; one last transaction makes them known, and every server reads its board anew. Putting
anything twice changes nothing, so it does not matter where it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec import Struct

from ..rules.acts import Act
from ..rules.board import Standing
from ..rules.books import Total
from ..rules.entry import Entry
from ..rules.exports.amending import AmendedSeason, Amending
from ..rules.exports.lines import (
    ActLine,
    BanLine,
    CurrentLine,
    DigestLine,
    End,
    EntryLine,
    HiddenLine,
    LateLine,
    Line,
    RevocationLine,
    SeasonLine,
    StandingLine,
    TotalLine,
    UserLine,
)
from ..rules.exports.meaning import (
    act_of,
    ban_of,
    entry_of,
    profile_of,
    revocation_of,
    season_of,
    standing_of,
)
from ..rules.exports.order import Progress
from ..rules.exports.spelling import MalformedLine
from ..rules.profiles import Profile
from ..rules.revocations import Revocation
from ..rules.seasons import ANNOUNCED
from .archiving import write_corrected
from .deciding import Admin
from .ports import Archives, Copies

IMPORT = "import"
_BITE = 1_000
_NOTED_EVERY = 20_000


@dataclass(frozen=True, slots=True)
class ImportStore:
    """What an import writes to."""

    copies: Copies
    archives: Archives


class Imported(Struct, frozen=True):
    """What has become of it. was_there: by an earlier call. resumed_at: the lines that were kept already."""

    was_there: bool
    resumed_at: int


def _nothing(_lines: int) -> None:
    """Nobody watches."""


async def import_lines(
    store: ImportStore,
    admin: Admin,
    lines: Iterable[bytes],
    end: End,
    told: Callable[[int], None] = _nothing,
) -> Imported:
    """Put all of a checked export into the store. end: its last line. told: of each line that is done.

    Raises CopyRefused, StoreUnavailable, and MalformedLine when the file is not the checked one any more.
    """
    claim = await store.copies.claim(end.sha256)
    if claim.is_done:
        return Imported(was_there=True, resumed_at=0)
    importing = _Importing(store, end, known=claim.lines)
    for raw in lines:
        await importing.take(raw)
        told(1)
    was_it = await importing.activate(admin)
    return Imported(was_there=not was_it, resumed_at=claim.lines)


class _Importing:
    """One run through the file. known: so many lines need not be put again."""

    def __init__(self, store: ImportStore, end: End, known: int) -> None:
        self._store = store
        self._end = end
        self._known = known
        self._noted = known
        self._progress = Progress()
        self._amending = Amending()
        self._revocations: list[Revocation] = []
        self._corrected_users: dict[int, int] = {}
        self._season = _Block(0, None)
        self._bite: list[tuple[int, Line]] = []

    async def take(self, raw: bytes) -> None:
        line = self._progress.read(raw)
        if self._bite and not self._fits(line):
            await self._put()
        await self._remember(line)
        is_kept_line = isinstance(line, UserLine | ActLine | LateLine | EntryLine | StandingLine | TotalLine)
        if is_kept_line and self._progress.lines > self._known:
            self._bite.append((self._progress.lines, line))

    async def _remember(self, line: Line) -> None:
        """What later lines or the end depend on."""
        match line:
            case BanLine() | LateLine():
                self._amending.take(line)
            case RevocationLine():
                self._revocations.append(revocation_of(line))
            case CurrentLine() | SeasonLine():
                about = self._progress.about()
                self._season = _Block(about.number, self._amending.of(about) if about.seal else None)
            case HiddenLine():
                self._season.hide(line.user)
            case TotalLine():
                self._season.take(line)
            case DigestLine():
                await self._correct()
            case _:
                pass

    def _fits(self, line: Line) -> bool:
        first = self._bite[0][1]
        is_alike = type(line) is type(first) and len(self._bite) < _BITE
        return is_alike and not (
            isinstance(line, LateLine) and isinstance(first, LateLine) and line.season != first.season
        )

    async def _put(self) -> None:
        """Keep the bite, of lines of one kind and season."""
        copies, number = self._store.copies, self._season.number
        lines = [line for _, line in self._bite]
        match lines[0]:
            case UserLine():
                await copies.put_profiles(_profiles(lines))
            case ActLine():
                await copies.put_acts(self._end.sha256, _acts(self._bite))
            case LateLine(season=season):
                await copies.put_entries(self._end.sha256, season, _entries(lines), late=True)
            case EntryLine():
                await copies.put_entries(self._end.sha256, number, _entries(lines), late=False)
            case StandingLine():
                await self._store.archives.write(number, ANNOUNCED, _rows(lines))
            case TotalLine():
                await copies.put_totals(number, _totals(lines), self._season.hidden)
        last = self._bite[-1][0]
        self._bite = []
        if last >= self._noted + _NOTED_EVERY:
            await copies.note(self._end.sha256, last)
            self._noted = last

    async def _correct(self) -> None:
        """The season's board as corrected, for which all is there now."""
        seal, amended = self._progress.about().seal, self._season.amended
        assert seal is not None and amended is not None  # noqa: S101 -- it is sealed
        self._corrected_users[self._season.number] = amended.users(seal.users)
        if seal.corrections and self._progress.lines > self._known:
            archives = self._store.archives
            await write_corrected(archives, self._season.number, seal.corrections, amended.amended)

    async def activate(self, admin: Admin) -> bool:
        """The end of the file: all of it is kept."""
        progress, end = self._progress, self._end
        if not progress.is_whole or progress.end() != end:
            raise MalformedLine("the file has changed since it was checked")
        users = self._corrected_users
        seasons = [season_of(each, users.get(each.number, 0)) for each in progress.abouts]
        details = {"sha256": end.sha256, "entries": end.entries, "season": seasons[-1].name}
        bans = [ban_of(each) for each in self._amending.bans]
        act = admin.act(IMPORT, None, "", details)
        return await self._store.copies.activate(end.sha256, seasons, bans, self._revocations, act)


class _Block:
    """The season whose lines are being read. amended: None of the current one."""

    def __init__(self, number: int, amended: AmendedSeason | None) -> None:
        self.number = number
        self.amended = amended

    @property
    def hidden(self) -> set[str]:
        return self.amended.hidden if self.amended is not None else set()

    def hide(self, user: str) -> None:
        self.hidden.add(user)

    def take(self, line: TotalLine) -> None:
        if self.amended is not None:
            self.amended.take(line)


def _profiles(lines: Iterable[Line]) -> dict[str, Profile]:
    return {line.user: profile_of(line) for line in lines if isinstance(line, UserLine)}


def _acts(lines: Iterable[tuple[int, Line]]) -> dict[int, Act]:
    return {number: act_of(line) for number, line in lines if isinstance(line, ActLine)}


def _entries(lines: Iterable[Line]) -> list[Entry]:
    return [entry_of(line) for line in lines if isinstance(line, EntryLine | LateLine)]


def _rows(lines: Iterable[Line]) -> list[Standing]:
    return [standing_of(line) for line in lines if isinstance(line, StandingLine)]


def _totals(lines: Iterable[Line]) -> dict[str, Total]:
    return {
        line.user: Total(line.score, line.actions, line.reached_at)
        for line in lines
        if isinstance(line, TotalLine)
    }
