"""The way to the store and back: each call waits at both ends until the model says how it goes on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from scoreboard_server.flow.ports import (
    NO_DAYS,
    Batch,
    Change,
    Day,
    HistoryLost,
    Key,
    PendingEntry,
    Recorded,
    StoreUnavailable,
    Sum,
)
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.revocations import Revocation
from scoreboard_server.rules.seasons import Season
from scoreboard_server.rules.tallies import Account, DayCount

from .disk import Disk, State

T = TypeVar("T")

SEASON = Season(1, "season-1", 0)


class Call:
    """One question to the store. First its effect happens, then the answer arrives; both can fail to.

    number: in the order of asking. is_write: it may still have its effect when nobody waits for it any more.
    """

    def __init__(
        self, number: int, effect: Callable[[], object], *, is_write: bool, batch: Batch | None = None
    ) -> None:
        self.number = number
        self.effect = effect
        self.is_write = is_write
        self.batch = batch
        self.has_happened = False
        self.result: object = None
        self.reply: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    def happen(self) -> None:
        """It has its effect, once."""
        if not self.has_happened:
            self.has_happened = True
            self.result = self.effect()

    def lose(self) -> None:
        """Whoever waits never learns what came of it."""
        if not self.reply.done():
            self.reply.set_exception(StoreUnavailable("the model says so"))


class Wire:
    """All calls under way, and the strays: writes that nobody waits for and that may still land."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.calls: list[Call] = []
        self.strays: list[Call] = []
        self._numbers = itertools.count()

    async def ask(self, effect: Callable[[], T], *, is_write: bool = False, batch: Batch | None = None) -> T:
        """The store's answer, when and if the model lets it through."""
        call = Call(next(self._numbers), effect, is_write=is_write, batch=batch)
        self.calls.append(call)
        try:
            return await call.reply  # type: ignore[return-value]  # it is what the effect returned
        except asyncio.CancelledError:
            self._stray(call)  # who asked is dead or has left: the bytes are on their way all the same
            raise
        finally:
            self._forget(call)

    def go_through(self, call: Call) -> None:
        """All goes well; a write that has changed something is on a majority when its answer arrives."""
        call.happen()
        if call.is_write and self._is_durable(call):
            self.disk.replicate()
        self._forget(call)
        if not call.reply.done():
            call.reply.set_result(call.result)

    def lose(self, call: Call, *, may_land: bool) -> None:
        """The connection breaks. `may_land`: what has not happened yet still can."""
        if may_land:
            self._stray(call)
        self._forget(call)
        call.lose()

    def land(self, stray: Call) -> None:
        """A write that nobody waits for any more reaches the store."""
        self.strays.remove(stray)
        stray.happen()

    def fail_over(self) -> None:
        """A new primary; the old one's connections break, so what it has done is told to nobody."""
        for call in [call for call in self.calls if call.has_happened]:
            self.lose(call, may_land=False)
        self.disk.fail_over()

    def _is_durable(self, call: Call) -> bool:
        if not self.disk.rules.majority_writes:
            return False
        if call.batch is not None:  # duplicates alone are no write, so they wait for no majority
            return call.result != frozenset(range(len(call.batch.entries)))
        return call.result is not False

    def _stray(self, call: Call) -> None:
        if call.is_write and not call.has_happened:
            self.strays.append(call)
            # A group's tasks are cancelled in no particular order; what is tried again must be the same.
            self.strays.sort(key=lambda stray: stray.number)

    def _forget(self, call: Call) -> None:
        if call in self.calls:
            self.calls.remove(call)


class WiredLedger:
    """Fits `flow.ports.Ledger`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def append(self, batch: Batch) -> frozenset[int]:
        """See `Ledger.append`."""
        return await self._wire.ask(lambda: self._wire.disk.append(batch), is_write=True, batch=batch)

    async def look_up(self, keys: Collection[Key]) -> dict[Key, Recorded]:
        """See `Ledger.look_up`."""
        wanted = list(keys)
        return await self._wire.ask(lambda: self._wire.disk.look_up(wanted))


class WiredStandings:
    """Fits `flow.ports.Standings`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def pending(self, writer: str, limit: int) -> list[PendingEntry]:
        """See `Standings.pending`."""
        return await self._wire.ask(lambda: self._wire.disk.pending(writer, limit))

    async def left_behind(self, writer: str, before: int, limit: int) -> list[PendingEntry]:
        """See `Standings.left_behind`."""
        return await self._wire.ask(lambda: self._wire.disk.left_behind(writer, before, limit))

    async def fold(
        self, ids: Sequence[object], sums: Mapping[str, Sum], days: Mapping[Day, DayCount] = NO_DAYS
    ) -> bool:
        """See `Standings.fold`."""
        return await self._wire.ask(lambda: self._wire.disk.fold(ids, sums), is_write=True)


_NOTHING: tuple[Any, ...] = ()


class WiredSnapshot:
    """Fits `flow.ports.Snapshot`. Each part is a read of its own."""

    def __init__(self, wire: Wire, state: State) -> None:
        self._wire = wire
        self._state = state
        self.season = SEASON
        self.position: object = len(state.feed)

    async def seasons(self) -> AsyncIterator[Season]:
        """See `Snapshot.seasons`: the model has one."""
        yield self.season

    async def size(self) -> int:
        """See `Snapshot.size`: nobody waits for the model's."""
        return 0

    async def standings(self) -> AsyncIterator[tuple[str, int, int]]:
        """See `Snapshot.standings`."""
        read = await self._wire.ask(lambda: self._state.standings)
        for user, (score, at) in read.items():
            yield user, score, at

    async def pending(self) -> AsyncIterator[tuple[str, int, int, str]]:
        """See `Snapshot.pending`."""
        for line in await self._wire.ask(lambda: self._instant().unfolded()):
            yield line.entry.user, line.entry.points, line.entry.at, line.entry.type

    async def days(self, day: int) -> AsyncIterator[tuple[Account, DayCount]]:
        """See `Snapshot.days`: the model has no caps."""
        for each in _NOTHING:
            yield each

    async def bans(self) -> AsyncIterator[Ban]:
        """See `Snapshot.bans`: the model has none."""
        for each in _NOTHING:
            yield each

    async def revocations(self) -> AsyncIterator[Revocation]:
        """See `Snapshot.revocations`: the model has none."""
        for each in _NOTHING:
            yield each

    def _instant(self) -> State:
        disk = self._wire.disk
        return self._state if disk.rules.snapshots_of_one_instant else disk.committed


class WiredSnapshots:
    """Fits `flow.ports.Snapshots`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[WiredSnapshot]:
        """See `Snapshots.snapshot`."""
        yield WiredSnapshot(self._wire, await self._wire.ask(self._wire.disk.snapshot))


class WiredFeed:
    """Fits `flow.ports.Feed`: it brings what a majority has, in order, as far as the model lets it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._news = asyncio.Event()
        self._at = 0
        self._allowed = 0
        self._is_lost = False
        self.is_followed = False

    @property
    def is_caught_up(self) -> bool:
        """Whether somebody follows and has been told everything."""
        return self.is_followed and self._at >= len(self._wire.disk.committed.feed)

    def bring(self, most: int) -> None:
        """Let up to `most` more changes through."""
        self._allowed = min(self._at + most, len(self._wire.disk.committed.feed))
        self._news.set()

    def lose_history(self) -> None:
        """It can't go on from where it is."""
        self._is_lost = True
        self._news.set()

    async def follow(self, position: object, writer: str) -> AsyncGenerator[Change, None]:
        """See `Feed.follow`."""
        assert isinstance(position, int)
        self._at = self._allowed = position
        self.is_followed = True
        try:
            while True:
                told = await self._next()
                if self._wire.disk.reaches(writer, told):
                    yield told[1]
        finally:
            self.is_followed = False

    async def _next(self) -> tuple[str, Change]:
        while True:
            if self._is_lost:
                self._is_lost = False
                raise HistoryLost("the model says so")
            if self._at < self._allowed:
                self._at += 1
                return self._wire.disk.committed.feed[self._at - 1]
            self._news.clear()
            await self._news.wait()

    async def mark(self, writer: str, number: int) -> None:
        """See `Feed.mark`."""
        await self._wire.ask(lambda: self._wire.disk.mark(writer, number), is_write=True)
