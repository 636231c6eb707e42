"""What is on disk: ledger, standings and feed, on the primary and as far as a majority has them."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scoreboard_server.flow.ports import (
    Batch,
    Change,
    EntryAppended,
    Key,
    MarkSeen,
    PendingEntry,
    Recorded,
    Sum,
)
from scoreboard_server.rules.entry import Entry

Totals = dict[str, tuple[int, int]]
"""`(score, reached_at)` by user."""


@dataclass(frozen=True)
class StoreRules:
    """The rules that the store keeps for the score board. Each can be switched off to see who notices."""

    unique_keys: bool = True
    guarded_folds: bool = True
    majority_writes: bool = True
    majority_reads: bool = True
    feed_skips_own: bool = True
    snapshots_of_one_instant: bool = True


@dataclass(frozen=True)
class Line:
    """One line of the ledger."""

    id: int
    entry: Entry
    writer: str
    batch: int

    @property
    def key(self) -> Key:
        """What it is unique by."""
        return self.entry.user, self.entry.action


@dataclass
class State:
    """One consistent state of everything. Cheap to copy, as all that it holds is immutable."""

    lines: list[Line] = field(default_factory=list)
    pending: set[int] = field(default_factory=set)
    standings: Totals = field(default_factory=dict)
    feed: list[tuple[str, Change]] = field(default_factory=list)

    def copy(self) -> State:
        """As it is now."""
        return replace(
            self,
            lines=list(self.lines),
            pending=set(self.pending),
            standings=dict(self.standings),
            feed=list(self.feed),
        )

    def find(self, key: Key) -> Line | None:
        """The line of that key, the first one if the index is off."""
        return next((line for line in self.lines if line.key == key), None)

    def unfolded(self) -> list[Line]:
        """The lines that no standing contains yet."""
        return [line for line in self.lines if line.id in self.pending]

    def folded_ledger(self) -> Totals:
        """What the whole ledger adds up to: the truth."""
        return _fold({}, self.lines)

    def standings_and_pending(self) -> Totals:
        """What a process that loads now would show."""
        return _fold(self.standings, self.unfolded())


def _fold(start: Totals, lines: Collection[Line]) -> Totals:
    totals = dict(start)
    for line in lines:
        score, reached_at = totals.get(line.entry.user, (0, 0))
        totals[line.entry.user] = (score + line.entry.points, max(reached_at, line.entry.at))
    return totals


class Disk:
    """A replica set in a few lines: what is not on a majority yet can be rolled back."""

    def __init__(self, rules: StoreRules) -> None:
        self.rules = rules
        self.primary = State()
        self.committed = State()
        self._ids = itertools.count(1)

    # --- replication ------------------------------------------------------------------------------

    def replicate(self) -> None:
        """A majority has caught up."""
        self.committed = self.primary.copy()

    def fail_over(self) -> None:
        """Another node takes over, one that has no more than what a majority had."""
        self.primary = self.committed.copy()

    # --- what is asked of it ----------------------------------------------------------------------

    def append(self, batch: Batch, most: int | None = None) -> frozenset[int]:
        """Add up to `most` entries of the batch, one by one; the indexes of those that were there."""
        some = batch.entries[:most]
        return frozenset(i for i, entry in enumerate(some) if not self._add(entry, batch))

    def _add(self, entry: Entry, batch: Batch) -> bool:
        line = Line(next(self._ids), entry, batch.writer, batch.number)
        if self.rules.unique_keys and self.primary.find(line.key) is not None:
            return False
        self.primary.lines.append(line)
        self.primary.pending.add(line.id)
        self.primary.feed.append((batch.writer, EntryAppended(entry.user, entry.points, entry.at)))
        return True

    def look_up(self, keys: Collection[Key]) -> dict[Key, Recorded]:
        """What a majority knows of these keys."""
        state = self.committed if self.rules.majority_reads else self.primary
        found = {key: line for key in keys if (line := state.find(key)) is not None}
        return {
            key: Recorded(line.entry.type, line.entry.points, line.writer, line.batch)
            for key, line in found.items()
        }

    def pending(self, writer: str, limit: int) -> list[PendingEntry]:
        """What this writer has pending."""
        return [_told(line) for line in self.primary.unfolded() if line.writer == writer][:limit]

    def left_behind(self, writer: str, before: int, limit: int) -> list[PendingEntry]:
        """What others have pending for long."""
        others = (line for line in self.primary.unfolded() if line.writer != writer)
        return [_told(line) for line in others if line.entry.at < before][:limit]

    def fold(self, ids: Sequence[object], sums: Mapping[str, Sum]) -> bool:
        """All of it or nothing; nothing when any of the entries is not pending any more."""
        if self.rules.guarded_folds and not self.primary.pending.issuperset(ids):
            return False
        self.primary.pending.difference_update(ids)
        for user, told in sums.items():
            score, reached_at = self.primary.standings.get(user, (0, 0))
            self.primary.standings[user] = (score + told.points, max(reached_at, told.reached_at))
        return True

    def mark(self, writer: str, number: int) -> None:
        """A mark goes into the feed."""
        self.primary.feed.append((writer, MarkSeen(number)))

    def snapshot(self) -> State:
        """The latest state; the read waits until a majority has it."""
        self.replicate()
        return self.committed.copy()

    def reaches(self, writer: str, told: tuple[str, Change]) -> bool:
        """Whether the feed brings this to `writer`: others' entries and own marks."""
        is_own, is_mark = told[0] == writer, isinstance(told[1], MarkSeen)
        return is_own == is_mark or (is_own and not self.rules.feed_skips_own)


def _told(line: Line) -> PendingEntry:
    return PendingEntry(line.id, line.entry.user, line.entry.points, line.entry.at)
