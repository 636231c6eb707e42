"""Checking an export with nothing but itself: its ledger is folded again and compared with all it says.

The memory needed is that of the users of one season, and of the late corrections' users.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ..books import Total
from .lines import (
    About,
    CurrentLine,
    DigestLine,
    End,
    EntryLine,
    HiddenLine,
    LateLine,
    Line,
    SeasonLine,
    StandingLine,
    TotalLine,
)
from .order import Altered, Progress

_MOST_TOLD = 1_000


class Wrong(Struct, frozen=True):
    """Something in an export that does not agree with the rest of it. season, user: where it is about one."""

    line: int
    what: str
    season: str | None = None
    user: str | None = None


class SeasonFacts(Struct, frozen=True):
    """What a season in an export comes to. digest: as computed here, None for the current one."""

    name: str
    entries: int
    users: int
    digest: str | None


class Checker:
    """Reads an export line by line. Raises MalformedLine for one that can't be read at all.

    wrong: what does not agree, the first thousand of `differences`.
    """

    def __init__(self) -> None:
        self.progress = Progress()
        self.wrong: list[Wrong] = []
        self.differences = 0
        self.seasons: list[SeasonFacts] = []
        self._season: _Season | None = None

    def read(self, raw: bytes) -> Line | None:
        """The next line of a file; None for the last one if it disowns those before it."""
        try:
            line = self.progress.read(raw)
        except Altered as altered:
            self._tell([Wrong(self.progress.lines + 1, str(altered))])
            self._leave_season()
            return None
        self._tell(self._check(line))
        return line

    def _check(self, line: Line) -> Iterator[Wrong]:
        number = self.progress.lines
        match line:
            case CurrentLine() | SeasonLine():
                self._leave_season()
                self._season = _Season(self.progress.about())
            case End():
                self._leave_season()
            case LateLine():
                if line.season >= len(self.progress.abouts):
                    yield Wrong(number, "a late correction to a season that is not sealed", None, line.user)
            case EntryLine() | HiddenLine() | StandingLine() | TotalLine() | DigestLine():
                assert self._season is not None  # noqa: S101 -- they have their place in one
                yield from self._season.check(line, number, self.progress.digest)
            case _:
                pass

    def _leave_season(self) -> None:
        if self._season is not None:
            self._tell(self._season.missing(self.progress.lines))
            self.seasons.append(self._season.facts())
            self._season = None

    def _tell(self, found: Iterator[Wrong] | list[Wrong]) -> None:
        for wrong in found:
            self.differences += 1
            if len(self.wrong) < _MOST_TOLD:
                self.wrong.append(wrong)


class _Season:
    """One of them, folded."""

    def __init__(self, about: About) -> None:
        self._about = about
        self._folded: dict[str, Total] = {}
        self._confirmed: set[str] = set()
        self._hidden: set[str] = set()
        self._entries = 0
        self._rows = 0
        self._last_at = 0
        self._digest: str | None = None

    def check(
        self,
        line: EntryLine | HiddenLine | StandingLine | TotalLine | DigestLine,
        number: int,
        digest: str,
    ) -> Iterator[Wrong]:
        match line:
            case EntryLine():
                self._entries += 1
                self._folded.setdefault(line.user, Total()).add(line.type, line.points, line.at)
            case HiddenLine():
                self._hidden.add(line.user)
                if line.user not in self._folded:
                    yield self._wrong(number, "hidden, and has no entry", line.user)
            case StandingLine():
                yield from self._check_row(line, number)
            case TotalLine():
                folded = self._folded.get(line.user)
                if folded != Total(line.score, line.actions, line.reached_at):
                    yield self._wrong(number, f"the total is not what {_text(folded)} add up to", line.user)
                self._confirmed.add(line.user)
            case DigestLine():
                yield from self._check_seal(line, number, digest)

    def _check_row(self, line: StandingLine, number: int) -> Iterator[Wrong]:
        self._rows += 1
        self._last_at = max(self._last_at, line.reached_at)
        folded = self._folded.get(line.user)
        if folded is None or (folded.score, folded.reached_at) != (line.score, line.reached_at):
            yield self._wrong(number, f"the row is not what {_text(folded)} add up to", line.user)
        if line.user in self._hidden:
            yield self._wrong(number, "hidden, and on the board", line.user)

    def _check_seal(self, line: DigestLine, number: int, digest: str) -> Iterator[Wrong]:
        self._digest = digest
        seal = self._about.seal
        assert seal is not None  # noqa: S101 -- only a sealed one has a digest
        if not digest == line.sha256 == seal.digest or line.number != self._about.number:
            yield self._wrong(number, "the digest is not that of the season's lines")
        if self._entries != seal.entries:
            yield self._wrong(number, f"{self._entries:,} entries; {seal.entries:,} when it was sealed")
        if (self._rows, self._last_at) != (seal.users, seal.last_at):
            yield self._wrong(number, f"{self._rows:,} rows; {seal.users:,} when it was sealed")
        placed = sum(total.reached_at > 0 for total in self._folded.values())
        hidden = sum(self._folded[user].reached_at > 0 for user in self._hidden & self._folded.keys())
        if self._rows != placed - hidden:
            words = f"{self._rows:,} rows; its entries make a board of {placed - hidden:,}"
            yield self._wrong(number, words)

    def missing(self, number: int) -> Iterator[Wrong]:
        """Whose total is not there; all of them were to come before."""
        for user in sorted(self._folded.keys() - self._confirmed):
            yield self._wrong(number, "has entries and no total", user)

    def facts(self) -> SeasonFacts:
        """What it came to."""
        return SeasonFacts(self._about.name, self._entries, len(self._folded), self._digest)

    def _wrong(self, number: int, what: str, user: str | None = None) -> Wrong:
        return Wrong(number, what, self._about.name, user)


def _text(total: Total | None) -> str:
    return f"entries of {total.score:,} by {total.actions:,}" if total is not None else "no entries"
