"""The order of an export's lines, and how far one has come.

    header
    about …                                      each season, the current one last
    user …  ban …  revocation …  act …  late …   as of the header's instant, as is what follows:
    current, its entry …, its total …
    season, its entry …  hidden …  standing …  total …, digest      for each sealed season: these never change
    end

What changes comes first, because a store does not keep an instant for long.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from .lines import (
    About,
    ActLine,
    BanLine,
    CurrentLine,
    DigestLine,
    End,
    EntryLine,
    Header,
    HiddenLine,
    LateLine,
    Line,
    RevocationLine,
    SeasonLine,
    StandingLine,
    TotalLine,
    UserLine,
)
from .spelling import MalformedLine, read_header, read_line

Place = tuple[int, int]
"""(block, stage within it): the blocks are 0, one for each season, and the end."""

HEADER, ABOUT, USER, BAN, REVOCATION, ACT, LATE = range(7)
OPENING, ENTRY, HIDDEN, STANDING, TOTAL, DIGEST = range(6)
_STAGES: dict[type[Line], int] = {
    Header: HEADER,
    About: ABOUT,
    UserLine: USER,
    BanLine: BAN,
    RevocationLine: REVOCATION,
    ActLine: ACT,
    LateLine: LATE,
    CurrentLine: OPENING,
    SeasonLine: OPENING,
    EntryLine: ENTRY,
    HiddenLine: HIDDEN,
    StandingLine: STANDING,
    TotalLine: TOTAL,
    DigestLine: DIGEST,
    End: OPENING,
}
_CANONICAL = (SeasonLine, EntryLine, HiddenLine, StandingLine)


class Progress:
    """How far an export has come, fed line by line. Raises MalformedLine for one that has no place there.

    header, abouts: as read. place: of the last line. counted: lines by kind. digest: of the season's
    canonical lines so far.
    """

    def __init__(self) -> None:
        self.header: Header | None = None
        self.abouts: list[About] = []
        self.place: Place = (-1, 0)
        self.counted: Counter[str] = Counter()
        self.is_whole = False
        self._hash = hashlib.sha256()
        self._digest = hashlib.sha256()
        self._here = 0
        self._canonical_here = 0
        self._key: tuple[Any, ...] = ()

    @property
    def lines(self) -> int:
        """How many."""
        return self.counted.total()

    @property
    def sha256(self) -> str:
        """Of all lines so far."""
        return self._hash.hexdigest()

    @property
    def digest(self) -> str:
        """Of the canonical lines of the season so far."""
        return self._digest.hexdigest()

    def about(self) -> About:
        """The season whose block this is."""
        return self._order()[self.place[0] - 1]

    def done(self, place: Place) -> int | None:
        """How many lines there are of that place; None when it is over."""
        if self.place > place:
            return None
        return self._here if self.place == place else 0

    def done_canonical(self, block: int) -> int | None:
        """How many canonical lines there are of a sealed season; None when that is over."""
        if self.place > (block, STANDING):
            return None
        return self._canonical_here if self.place[0] == block else 0

    def read(self, raw: bytes) -> Line:
        """The next line of a file."""
        line = read_line(raw) if self.header else read_header(raw)
        self.take(line, raw)
        return line

    def take(self, line: Line, raw: bytes) -> None:
        """The next line, and how it is spelled."""
        place = self._place(line)
        if place == self.place:
            self._check_next(line)
            self._here += 1
        else:
            self._here = 1
            if isinstance(line, StandingLine) and line.rank != 1:
                raise MalformedLine("the first of a board is missing")
        if place[0] != self.place[0]:
            self._digest, self._canonical_here = hashlib.sha256(), 0
        self.place, self._key = place, line.key
        if isinstance(line, End):
            self._check_end(line)
        else:
            self._hash.update(raw)
            self.counted[kind(line)] += 1
        if place[0] and isinstance(line, _CANONICAL):
            self._digest.update(raw)
            self._canonical_here += 1
        if isinstance(line, Header):
            self.header = line
        elif isinstance(line, About):
            self._add(line)

    # --- order ------------------------------------------------------------------------------------

    def _place(self, line: Line) -> Place:
        if self.is_whole:
            raise MalformedLine("there is something behind the end")
        if isinstance(line, CurrentLine | SeasonLine | End):
            self._check_over(line)
            return self.place[0] + 1, OPENING
        block = max(self.place[0], 0)
        place = (block, _STAGES[type(line)])
        if place < self.place or not _belongs(line, block) or (place == self.place and _is_once(line)):
            raise MalformedLine(f"a line of this kind ({kind(line)}) has no place here")
        if block == 0 and place[1] > ABOUT:
            self._check_abouts()
        return place

    def _check_over(self, line: CurrentLine | SeasonLine | End) -> None:
        """A block ends where the next one begins."""
        block, stage = self.place
        self._check_abouts()
        if block > 1 and stage != DIGEST:
            raise MalformedLine("the season's digest is missing")
        order = self._order()
        if isinstance(line, End):
            if block != len(order):
                raise MalformedLine("a season is missing")
            return
        if block >= len(order):
            raise MalformedLine("a season too many")
        if isinstance(line, CurrentLine) != (block == 0) or not _opens(line, order[block]):
            raise MalformedLine("not the season that has its place here")

    def _order(self) -> list[About]:
        return [*self.abouts[-1:], *self.abouts[:-1]]

    def _check_abouts(self) -> None:
        if not self.abouts or self.abouts[-1].seal is not None:
            raise MalformedLine("the current season is missing")

    def _add(self, line: About) -> None:
        if self.abouts and self.abouts[-1].seal is None:
            raise MalformedLine("a season behind the current one")
        if line.number != len(self.abouts) + 1:
            raise MalformedLine("the seasons are not in order")
        if line.name in {each.name for each in self.abouts}:
            raise MalformedLine("two seasons of one name")
        self.abouts.append(line)

    def _check_next(self, line: Line) -> None:
        before, key = self._key, line.key
        if isinstance(line, StandingLine):
            is_next = key[:-1] > before[:-1] and key[-1] == before[-1] + 1
        else:
            is_next = key > before or (key == before and isinstance(line, ActLine))
        if not is_next:
            raise MalformedLine("not in order, or there twice")

    def _check_end(self, line: End) -> None:
        self.is_whole = True
        if line.sha256 != self.sha256:
            raise Altered("it was altered: the SHA-256 of its lines is not that of its last line")
        if line != self.end():
            raise Altered("it was altered: it does not have as many lines as its last line says")

    def end(self) -> End:
        """The last line of what there is."""
        counted = self.counted
        return End(
            lines=self.lines,
            entries=counted["entry"] + counted["late"],
            users=counted["user"],
            bans=counted["ban"],
            acts=counted["act"],
            seasons=counted["about"],
            sha256=self.sha256,
        )


class Altered(MalformedLine):
    """Each line is one, but together they are not those that were written."""


def kind(line: Line) -> str:
    """What it calls itself."""
    return str(type(line).__struct_config__.tag)


def _belongs(line: Line, block: int) -> bool:
    """Whether such lines are in the first block, in that of the current season, in those of others."""
    if isinstance(line, HiddenLine | StandingLine | DigestLine):
        return block > 1
    return (block > 0) == isinstance(line, EntryLine | TotalLine)


def _is_once(line: Line) -> bool:
    return isinstance(line, Header | DigestLine)


def _opens(line: CurrentLine | SeasonLine, about: About) -> bool:
    if isinstance(line, CurrentLine):
        return line.number == about.number
    told = (line.number, line.name, line.started_at, line.sealed_at)
    return about.seal is not None and told == (about.number, about.name, about.started_at, about.seal.at)
