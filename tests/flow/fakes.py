"""Small fakes that fit the ports: the behaviour of a store in a few lines, with failures on order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from scoreboard_server.flow.ports import (
    Batch,
    Change,
    Day,
    EntriesRefused,
    HistoryLost,
    Key,
    Recorded,
    StoreUnavailable,
)
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.entry import Entry
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.revocations import Revocation
from scoreboard_server.rules.seasons import Season
from scoreboard_server.rules.tallies import Account, DayCount

SEASON = Season(1, "season-1", 0)


class FakeLedger:
    """Entries in a dict. `faults` are taken one per call: "before", "after" or "slow"; else it works.

    "before" fails with nothing written, "after" fails with everything written, "slow" waits for `go`. Of a
    look-up: "look up" fails, "uncommitted" finds nothing that is on a majority yet. Entries of a user in
    `poisoned` are refused, the others of their batch added.
    """

    def __init__(self) -> None:
        self.entries: dict[Key, tuple[Entry, str, int]] = {}
        self.faults: list[str] = []
        self.batches: list[Batch] = []
        self.poisoned: set[str] = set()
        self.go = asyncio.Event()

    async def append(self, batch: Batch) -> frozenset[int]:
        fault = self.faults.pop(0) if self.faults else ""
        self.batches.append(batch)
        if fault == "slow":
            await self.go.wait()
        await asyncio.sleep(0)
        if fault == "before":
            raise StoreUnavailable("before")
        refused = {i: "poisoned" for i, entry in enumerate(batch.entries) if entry.user in self.poisoned}
        duplicates = frozenset(
            i for i, entry in enumerate(batch.entries) if i not in refused and not self._add(entry, batch)
        )
        if fault == "after":
            raise StoreUnavailable("after")
        if refused:
            raise EntriesRefused(refused)
        return duplicates

    def _add(self, entry: Entry, batch: Batch) -> bool:
        key = (entry.user, entry.action)
        if key in self.entries:
            return False
        self.entries[key] = (entry, batch.writer, batch.number)
        return True

    async def look_up(self, keys: Collection[Key]) -> dict[Key, Recorded]:
        await asyncio.sleep(0)
        if self.faults and self.faults[0] == "look up":
            self.faults.pop(0)
            raise StoreUnavailable("look up")
        if self.faults and self.faults[0] == "uncommitted":
            self.faults.pop(0)
            return {}
        found = {key: self.entries[key] for key in keys if key in self.entries}
        return {
            key: Recorded(entry.type, entry.points, writer, number)
            for key, (entry, writer, number) in found.items()
        }

    def put(self, entry: Entry, writer: str, number: int = 1) -> None:
        """As if another process had appended it."""
        self.entries[entry.user, entry.action] = (entry, writer, number)

    def score(self, user: str) -> int:
        """The fold over the user's entries."""
        return sum(entry.points for (owner, _), (entry, _, _) in self.entries.items() if owner == user)


class FakeFence:
    """Passes, or not; `on_pass` runs first, as what the feed had still to bring. takes: seconds."""

    def __init__(self) -> None:
        self.open = True
        self.takes = 0.0
        self.calls = 0
        self.on_pass: Callable[[], object] = lambda: None

    async def passed(self, patience: float) -> bool:
        self.calls += 1
        await asyncio.sleep(self.takes)
        if self.open:
            self.on_pass()
        return self.open


class FakeProfiles:
    """Profiles in a dict; `away` makes every call fail.

    While `answers` is clear a load hangs, while `acknowledges` is clear a save that is written.
    """

    def __init__(self, kept: Mapping[str, Profile] | None = None) -> None:
        self.kept = dict(kept or {})
        self.away = False
        self.loads: list[set[str]] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.acknowledges = asyncio.Event()
        self.acknowledges.set()

    async def load(self, users: Collection[str]) -> dict[str, Profile]:
        self.loads.append(set(users))
        found = {user: self.kept[user] for user in users if user in self.kept}
        await asyncio.sleep(0)
        await self.answers.wait()
        if self.away:
            raise StoreUnavailable("away")
        return found

    async def save(self, profiles: Mapping[str, Profile]) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("away")
        for user, told in profiles.items():
            old = self.kept.get(user, Profile())
            self.kept[user] = Profile(told.name or old.name, told.avatar or old.avatar)
        await self.acknowledges.wait()


class FakeSnapshot:
    """What a snapshot shows."""

    def __init__(
        self,
        standings: list[tuple[str, int, int]],
        pending: Sequence[tuple[str, int, int] | tuple[str, int, int, str]],
        position: object = 0,
        season: Season = SEASON,
    ) -> None:
        """pending: user, points, at, and the type of the action if it matters."""
        self._standings = standings
        self._pending = pending
        self.position = position
        self.season = season
        self.counted: dict[Day, DayCount] = {}
        self.banned: list[Ban] = []
        self.revoked: list[Revocation] = []
        self.past: list[Season] = []
        self.go = asyncio.Event()
        self.go.set()
        self.is_cut = False

    async def seasons(self) -> AsyncIterator[Season]:
        for season in [self.season, *self.past]:
            yield season

    async def size(self) -> int:
        return len(self._standings)

    async def standings(self) -> AsyncIterator[tuple[str, int, int]]:
        await self.go.wait()
        if self.is_cut:
            raise StoreUnavailable("cut")
        for standing in self._standings:
            yield standing

    async def pending(self) -> AsyncIterator[tuple[str, int, int, str]]:
        for user, points, at, *kind in self._pending:
            yield user, points, at, str(kind[0]) if kind else "open"

    async def days(self, day: int) -> AsyncIterator[tuple[Account, DayCount]]:
        for (of, user, kind), count in self.counted.items():
            if of == day:
                yield (user, kind), count

    async def bans(self) -> AsyncIterator[Ban]:
        for ban in self.banned:
            yield ban

    async def revocations(self) -> AsyncIterator[Revocation]:
        for revocation in self.revoked:
            yield revocation


class FakeSnapshots:
    """Hands out `snapshot`; `faults` many calls fail first."""

    def __init__(self, snapshot: FakeSnapshot) -> None:
        self.current = snapshot
        self.faults = 0
        self.reads = 0

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[FakeSnapshot]:
        self.reads += 1
        if self.faults:
            self.faults -= 1
            raise StoreUnavailable("away")
        yield self.current


class FakeFeed:
    """A feed from a queue; a HistoryLost put into it is raised.

    A mark is written once `free` is set, and acknowledged once `go` is.
    """

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Change | HistoryLost] = asyncio.Queue()
        self.positions: list[object] = []
        self.marks: list[int] = []
        self.away = False
        self.free, self.go = asyncio.Event(), asyncio.Event()
        self.free.set()
        self.go.set()

    async def follow(self, position: object, writer: str) -> AsyncGenerator[Change, None]:
        self.positions.append(position)
        while True:
            change = await self.queue.get()
            if isinstance(change, HistoryLost):
                raise change
            yield change

    async def mark(self, writer: str, number: int) -> None:
        if self.away:
            raise StoreUnavailable("away")
        await self.free.wait()
        self.marks.append(number)
        await self.go.wait()
