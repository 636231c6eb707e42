"""Following: what other processes have done comes in by the change feed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Protocol

from ..live.live_board import LiveBoard
from ..rules.entry import Entry, reached
from ..rules.tallies import DAY_US
from .counts import Followed
from .lasting import Lasting
from .loading import Loaded, read_board
from .pipeline import Pipeline
from .ports import (
    BanChanged,
    Change,
    Decided,
    EntryAppended,
    Feed,
    HistoryLost,
    MarkSeen,
    ProfileChanged,
    SeasonChanged,
    SeasonsEdited,
    Snapshot,
    Snapshots,
    StoreUnavailable,
    TokensRevoked,
)
from .profile_book import ProfileBook

log = logging.getLogger("scoreboard.following")

_AWAY_PAUSE_S = 0.5
_RENEWAL_S = 1.0
# So many entries are put into a board in a few milliseconds.
_FEW = 500
# Why a board is read again: another season, or standings repaired; or changes that can't be told any more.
RELOADS = TURNED, LOST = "turned", "history_lost"


class _Mark:
    """One that is written or waits for that; sent: by a task that nobody's leaving ends."""

    def __init__(self, sent: asyncio.Task[None]) -> None:
        self.sent = sent
        self.came_back = asyncio.Event()


class MarkFence:
    """Passed when a mark of our own, written after the call, has come back by the feed.

    The feed is in order, so by then everything that was durable before the call has been followed. One mark
    is written at a time; whoever calls meanwhile shares the next one.
    """

    def __init__(self, feed: Feed, writer: str) -> None:
        self._feed = feed
        self._writer = writer
        self._sending = asyncio.Lock()
        self._sent = 0
        self._waiting: dict[int, _Mark] = {}
        self._lasting = Lasting()

    async def passed(self, patience: float) -> bool:
        """True once it is passed, False when that isn't known after `patience` seconds."""
        if patience <= 0:
            return False
        number = self._sent + 1  # what is under way now may have been written before this call
        mark = self._waiting.get(number)
        if mark is None:
            # Whoever has less patience than others must not take it along.
            mark = self._waiting[number] = _Mark(self._lasting.start(self._send(number)))
        try:
            async with asyncio.timeout(patience):
                await asyncio.shield(mark.sent)
                await mark.came_back.wait()
        except (TimeoutError, StoreUnavailable):
            return False
        return True

    async def _send(self, number: int) -> None:
        async with self._sending:
            self._sent = number
            await self._feed.mark(self._writer, number)

    async def renew(self) -> None:
        """The feed goes on from a later place, and a mark from before it will not come back: write it again.

        When that fails, those who wait for it go without an answer, as for any other mark.
        """
        if self._waiting:
            with contextlib.suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(_RENEWAL_S):
                    await self._feed.mark(self._writer, self._sent)

    def seen(self, number: int) -> None:
        """The feed has brought this mark; earlier ones may have been overwritten by it."""
        for waiting in [each for each in self._waiting if each <= number]:
            self._waiting.pop(waiting).came_back.set()


class OpenFence:
    """For a store that no other process can write to: this board is always up to date."""

    async def passed(self, patience: float) -> bool:
        """True."""
        return True


class Watched(Protocol):
    """What is kept up to date beside the board."""

    def appended(self, entry: EntryAppended) -> None:
        """Another process has counted an entry."""
        ...

    def changed(self, change: Decided) -> None:
        """An admin has decided something."""
        ...

    def reloaded(self, loaded: Loaded) -> None:
        """All of it was read again."""
        ...


class _Outdated(Exception):  # noqa: N818 -- a state of the world
    """Another season is current, or standings were repaired."""


class Following:
    """Applies the feed to the board and to the profiles, and reads the board again when it must."""

    def __init__(
        self,
        feed: Feed,
        snapshots: Snapshots,
        live: LiveBoard,
        *,
        profiles: ProfileBook,
        pipeline: Pipeline,
        fence: MarkFence,
        watched: Sequence[Watched] = (),
        writer: str,
        position: object,
        now_us: Callable[[], int],
    ) -> None:
        self._feed = feed
        self._snapshots = snapshots
        self._live = live
        self._profiles = profiles
        self._pipeline = pipeline
        self._fence = fence
        self._watched = watched
        self._writer = writer
        self._position = position
        self._now_us = now_us
        self.counts = Followed()

    async def run(self) -> None:
        """Follow for ever. To be supervised."""
        while True:
            try:
                await self._follow()
            except _Outdated:
                self.counts.reloads[TURNED] += 1
                await self.reload()
                season = self._live.season.name
                log.info("showing the board of %s", season, extra={"season": season})
            except HistoryLost as reason:
                self.counts.reloads[LOST] += 1
                log.warning("the board is read again: %s", reason)
                await self.reload()

    async def _follow(self) -> None:
        async with aclosing(self._feed.follow(self._position, self._writer)) as changes:
            async for change in changes:
                self._take(change)

    def _take(self, change: Change) -> None:
        self.counts.changes[type(change).__name__] += 1
        match change:
            case EntryAppended(user, points, at, action_type):
                self._live.apply(user, points, reached(action_type, at))
                for each in self._watched:
                    each.appended(change)
            case BanChanged() | TokensRevoked() | SeasonsEdited():
                for each in self._watched:
                    each.changed(change)
            case ProfileChanged(user, profile):
                self._profiles.changed(user, profile)
            case MarkSeen(number):
                self._fence.seen(number)
            case SeasonChanged():
                raise _Outdated

    async def reload(self) -> None:
        """Swap in a fresh board, however long the store makes us wait."""
        before = self._live.board
        while True:
            try:
                await self._read_again()
            except StoreUnavailable as error:
                log.debug("reading the board again has to wait: %s", error)
                await asyncio.sleep(_AWAY_PAUSE_S)
            else:
                await self._fence.renew()
                await asyncio.to_thread(before.dissolve)
                return

    async def _read_again(self) -> None:
        """Show the board of a new snapshot. Raises StoreUnavailable.

        At the snapshot's instant no batch of our own is under way, and none at the swap. So each of our
        entries is in the snapshot, or noted, or counted on the new board; and in the seconds that it takes to
        read a million users no submission has to wait.
        """
        async with AsyncExitStack() as opened:

            async def begin() -> tuple[Snapshot, list[Entry]] | None:
                snapshot = await opened.enter_async_context(self._snapshots.snapshot())
                if snapshot.season.number == self._live.season.number:
                    return snapshot, opened.enter_context(self._pipeline.noting())
                # Nobody is to be told a score of the season that has gone by. The new board is small.
                self._show(await read_board(snapshot, self._now_us()))
                return None

            begun = await self._pipeline.between_batches(begin)
            if begun is None:
                return
            snapshot, noted = begun
            loaded = await read_board(snapshot, self._now_us())
            while len(noted) > _FEW:
                self._put_in(loaded, noted)
                await asyncio.sleep(0)
            await self._pipeline.between_batches(lambda: self._finish(loaded, noted))

    async def _finish(self, loaded: Loaded, noted: list[Entry]) -> None:
        await asyncio.sleep(0)  # whoever was answered just now has its turn, so that caps count it once
        while noted:
            self._put_in(loaded, noted)
        self._show(loaded)

    def _put_in(self, loaded: Loaded, noted: list[Entry]) -> None:
        """Some of what was noted."""
        for entry in noted[:_FEW]:
            loaded.add(entry, self._now_us() // DAY_US)
        del noted[:_FEW]

    def _show(self, loaded: Loaded) -> None:
        self._profiles.forget()  # what changed in the gap was not told
        self._live.replace(loaded.board, loaded.season)
        for each in self._watched:
            each.reloaded(loaded)
        self._position = loaded.position
