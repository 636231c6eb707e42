"""A small export with everything in it, made by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Set

from scoreboard_server.flow.checking_exports import CheckedExport, check_export
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.books import Total
from scoreboard_server.rules.canonical import entry_fields, hidden_fields, standing_fields
from scoreboard_server.rules.canonical import line as canonical_line
from scoreboard_server.rules.entry import ADJUSTED, TAKEN_BACK, Correction, Entry
from scoreboard_server.rules.exports.lines import (
    VERSION,
    About,
    ActLine,
    BanLine,
    CurrentLine,
    DigestLine,
    End,
    EntryLine,
    Header,
    LateLine,
    Line,
    RevocationLine,
    ScheduleLine,
    SealLine,
    SeasonLine,
    UserLine,
)
from scoreboard_server.rules.exports.meaning import late_line, total_line
from scoreboard_server.rules.exports.order import Progress
from scoreboard_server.rules.exports.spelling import read_line, write_line

FIRST = [
    Correction("ann", "!adjusted/1", ADJUSTED, 5, 30, "a prize"),
    Entry("ann", "a1", "t", 30, 11),
    Entry("ann", "a2", "t", -10, 12),
    Entry("ben", "b1", "t", 20, 13),
    Correction("cem", "!adjusted/2", ADJUSTED, 7, 30, 'déjà "vu"'),
    Entry("eve", "e1", "t", 99, 14),
]
SECOND = [Entry("ann", "x1", "t", 1, 41), Entry("ben", "x1", "t", 1, 40)]
CURRENT = [
    Correction("ann", "!taken-back/b/y1", TAKEN_BACK, -10, 70, "x", "y1"),
    Entry("ann", "y1", "t", 10, 61),
    Entry("dan", "y1", "t", 10, 62),
]
LATE = [(1, Correction("ben", "!adjusted/9", ADJUSTED, 40, 55, "late"))]


class Building:
    """An export, line by line."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.raw: list[bytes] = []

    def add(self, *lines: Line) -> None:
        """Some lines, which have their place there."""
        for line in lines:
            self.spelled(write_line(line))

    def spelled(self, raw: bytes) -> None:
        """One that is spelled already."""
        self.progress.read(raw)
        self.raw.append(raw)

    def end(self) -> list[bytes]:
        """All of it."""
        self.add(self.progress.end())
        return self.raw


class Sealed:
    """A sealed season: its lines, and its seal."""

    def __init__(
        self, number: int, sealed_at: int, entries: Sequence[Entry], hidden: Set[str], corrections: int = 0
    ) -> None:
        self.totals = folded(entries)
        board = Board([(u, t.score, t.reached_at) for u, t in self.totals.items()], hidden)
        name, started_at = f"season-{number}", number
        opening = SeasonLine(number, name, started_at, sealed_at)
        lines = [write_line(opening)]
        lines += [canonical_line(entry_fields(entry)) for entry in entries]
        lines += [canonical_line(hidden_fields(user)) for user in sorted(hidden)]
        lines += [canonical_line(standing_fields(row)) for row in board]
        self.lines = lines
        digest = sha256(b"".join(lines))
        last_at = max((row.reached_at for row in board), default=0)
        seal = SealLine(sealed_at, "root", corrections, len(board), len(entries), last_at, digest)
        self.about = About(number, name, started_at, sealed_at, None, seal)
        self.end = DigestLine(number, digest)


def sha256(raw: bytes) -> str:
    """In hex."""
    return hashlib.sha256(raw).hexdigest()


def folded(entries: Sequence[Entry]) -> dict[str, Total]:
    """What they add up to, by user in order."""
    totals: dict[str, Total] = {}
    for entry in sorted(entries, key=lambda entry: entry.user):
        totals.setdefault(entry.user, Total()).add(entry.type, entry.points, entry.at)
    return totals


def an_export() -> list[bytes]:
    """Two sealed seasons, of which the first was corrected, and a current one."""
    sealed = [Sealed(1, 50, FIRST, {"eve"}, corrections=2), Sealed(2, 59, SECOND, set())]
    building = Building()
    building.add(Header(VERSION, 99, "1.1"))
    building.add(*(each.about for each in sealed))
    building.add(About(3, "now", 59, 1_000, ScheduleLine("0 0 * * 1", "UTC"), None))
    building.add(UserLine("ann", "Ann", "https://x.test/a.png"), UserLine("ben"), UserLine("eve", "É\u202b"))
    building.add(BanLine("eve", "b0", "x", "root", 15), BanLine("zoe", "b1", "y", "root", 1, 5, 1, 3))
    building.add(RevocationLine(5, 6, None, "ann"), RevocationLine(5, 6, "jti"))
    building.add(ActLine(15, "root", "ban", "eve", "x", {"ban": {"a": [1, None, 2.5]}}))
    building.add(ActLine(15, "root", "season reset", None, "", {}))
    building.add(*(late_line(*each) for each in LATE))
    building.add(CurrentLine(3))
    for entry in CURRENT:
        building.spelled(canonical_line(entry_fields(entry)))
    building.add(*(total_line(user, total) for user, total in folded(CURRENT).items()))
    for each in sealed:
        for raw in each.lines:
            building.spelled(raw)
        building.add(*(total_line(user, total) for user, total in each.totals.items()))
        building.add(each.end)
    return building.end()


def with_right_end(lines: Sequence[bytes]) -> list[bytes]:
    """The lines with a last one that fits them, as whoever alters an export would write it."""
    assert isinstance(read_line(lines[-1]), End)
    altered = list(lines[:-1])
    kinds = [read_line(raw) for raw in altered]
    end = End(
        lines=len(altered),
        entries=sum(isinstance(k, EntryLine | LateLine) for k in kinds),
        users=sum(isinstance(k, UserLine) for k in kinds),
        bans=sum(isinstance(k, BanLine) for k in kinds),
        acts=sum(isinstance(k, ActLine) for k in kinds),
        seasons=sum(isinstance(k, About) for k in kinds),
        sha256=sha256(b"".join(altered)),
    )
    return [*altered, write_line(end)]


def checked(lines: Sequence[bytes]) -> CheckedExport:
    """What they come to. Raises Unreadable."""
    return check_export(lines)
