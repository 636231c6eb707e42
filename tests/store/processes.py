"""What servers run behind their HTTP, on a real store: a user who insists, and the check at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from scoreboard_server.flow.folding import Folding
from scoreboard_server.flow.following import Following, MarkFence
from scoreboard_server.flow.loading import Loaded, load_board
from scoreboard_server.flow.pipeline import Pipeline
from scoreboard_server.flow.ports import Standings, StoreUnavailable
from scoreboard_server.flow.profile_book import ProfileBook
from scoreboard_server.live.live_board import LiveBoard
from scoreboard_server.rules.entry import Submission
from scoreboard_server.rules.refusals import Unavailable
from scoreboard_server.store.opening import Store

from ..chaos.checking import Findings, check
from ..chaos.chronicle import ACTION_TYPE, POINTS
from ..chaos.in_thread import in_thread
from ..chaos.memory import Record
from ..chaos.replica_set import Client
from .conftest import NOW_US, OpenStore

_PATIENCE_S = 90.0  # a member whose source is gone may look for another for a minute
_PAUSE_S = 0.05


class Reachable(Protocol):
    """A mongod, or a set of them."""

    @property
    def uri(self) -> str:
        """What a server is given."""
        ...

    def client(self) -> Client:
        """A client that is no server of ours."""
        ...


class Process:
    """What a server runs behind its HTTP. It counts and follows all the time; it folds when it is told to."""

    def __init__(self, writer: str, store: Store, standings: Standings, loaded: Loaded, now_us: int) -> None:
        assert store.feed is not None
        self.writer = writer
        self.live = LiveBoard(loaded.board, loaded.season)
        self.fence = MarkFence(store.feed, writer)
        self.pipeline = Pipeline(store.ledger, self.live, self.fence, writer=writer, now_us=lambda: now_us)
        self.folding = Folding(standings, writer=writer, now_us=lambda: now_us)
        following = Following(
            store.feed,
            store.snapshots,
            self.live,
            profiles=ProfileBook(store.profiles, self.live),
            pipeline=self.pipeline,
            fence=self.fence,
            writer=writer,
            position=loaded.position,
            now_us=lambda: now_us,
        )
        self._tasks = [asyncio.create_task(part.run()) for part in (self.pipeline, following)]

    def scores(self) -> dict[str, int]:
        """What its board shows."""
        return {standing.user: standing.score for standing in self.live.board}

    async def come_to_rest(self) -> None:
        """Return when it has answered all that it was asked, and followed all that is durable by now."""
        await self.pipeline.drained()
        while not await self.fence.passed(_PATIENCE_S):
            await asyncio.sleep(_PAUSE_S)

    async def fold(self) -> None:
        """Fold what it may."""
        while True:
            try:
                await self.folding.fold_all()
            except StoreUnavailable:
                await asyncio.sleep(_PAUSE_S)
            else:
                return

    async def end(self) -> None:
        """Stop its parts, of which none may have stopped by itself."""
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if not isinstance(outcome, asyncio.CancelledError):
                raise RuntimeError("a part of a process has ended by itself") from outcome


class Stage:
    """Processes on one database, and ann, who acts there and remembers what she was told."""

    def __init__(self, place: Reachable, database: str, open_store: OpenStore) -> None:
        self.ann = Record("ann")
        self._place = place
        self._database = database
        self._open_store = open_store
        self._processes: list[Process] = []

    async def process(
        self,
        writer: str,
        *,
        ahead_us: int = 0,
        folding_into: Callable[[Standings], Standings] = lambda standings: standings,
    ) -> Process:
        """A process of its own client. ahead_us: of everybody's clock. folding_into: around its standings."""
        store = await self._open_store(self._place.uri, self._database)
        loaded = await load_board(store.snapshots, NOW_US)
        made = Process(writer, store, folding_into(store.standings), loaded, NOW_US + ahead_us)
        self._processes.append(made)
        return made

    async def is_acknowledged(self, process: Process, action: str) -> bool:
        """Ask once; whether the answer was yes rather than "not now"."""
        self.ann.asked.add(action)
        try:
            receipt = await process.pipeline.submit(Submission(self.ann.user, action, ACTION_TYPE), POINTS)
        except Unavailable:
            return False
        self.ann.acknowledged[action] = receipt.score
        return True

    async def act(self, process: Process, action: str) -> None:
        """Repeat the same id until it is acknowledged, as a client should."""
        async with asyncio.timeout(_PATIENCE_S):
            while not await self.is_acknowledged(process, action):
                await asyncio.sleep(_PAUSE_S)

    def entries_at(self, mongod: Reachable) -> int:
        """How many entries this one has, whether a majority has them or not."""
        with mongod.client() as client:
            return client[self._database]["entries"].count_documents({})

    async def findings(self) -> Findings:
        """What doesn't agree once everything is quiet and folded."""
        async with asyncio.timeout(_PATIENCE_S):
            for process in self._processes:
                await process.come_to_rest()
            for process in self._processes:
                await process.fold()
        return await in_thread(self._check)

    def _check(self) -> Findings:
        boards = [(process.writer, process.scores()) for process in self._processes]
        with self._place.client() as client:
            return check(client, self._database, [], [self.ann], self.ann.seasons, boards=boards)

    async def end(self) -> None:
        """End all processes."""
        async with asyncio.TaskGroup() as ends:
            for process in self._processes:
                ends.create_task(process.end())


@asynccontextmanager
async def stage_on(place: Reachable, database: str, open_store: OpenStore) -> AsyncIterator[Stage]:
    """A stage, ended with the block."""
    stage = Stage(place, database, open_store)
    try:
        yield stage
    finally:
        await stage.end()
