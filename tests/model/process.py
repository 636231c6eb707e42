"""One life of a server process: the real parts, put together as the server does, on the model's store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from scoreboard_server.flow.folding import Folding
from scoreboard_server.flow.following import Following, MarkFence
from scoreboard_server.flow.loading import Loaded, load_board
from scoreboard_server.flow.pipeline import Pipeline
from scoreboard_server.flow.ports import StoreUnavailable
from scoreboard_server.flow.profile_book import ProfileBook
from scoreboard_server.live.live_board import LiveBoard

from ..flow.fakes import FakeProfiles
from .disk import Totals
from .verdict import hold
from .wire import Wire, WiredFeed, WiredLedger, WiredSnapshots, WiredStandings

_AWAY_PAUSE_S = 0.5


class Process:
    """Loads its board, then writes, folds and follows until it is killed.

    writer: its id among all lives of all processes. shown: the best score that anybody was ever shown, by
    user, at the time of its birth.
    """

    def __init__(
        self,
        writer: str,
        wire: Wire,
        *,
        loop: asyncio.AbstractEventLoop,
        now_us: Callable[[], int],
        shown: Mapping[str, int],
    ) -> None:
        self.writer = writer
        self.shown = dict(shown)
        self.feed = WiredFeed(wire)
        self.live: LiveBoard | None = None
        self.pipeline: Pipeline | None = None
        self._wire = wire
        self._now_us = now_us
        self._life = loop.create_task(self._live())

    @property
    def is_idle(self) -> bool:
        """Whether all that it was asked is answered and all that it could follow is followed."""
        return self.pipeline is not None and self.feed.is_caught_up and not len(self.pipeline._flights)

    def totals(self) -> Totals:
        """What its board shows."""
        assert self.live is not None
        return {standing.user: (standing.score, standing.reached_at) for standing in self.live.board}

    def check(self) -> None:
        """It lives, and its board is in order."""
        if self._life.done() and not self._life.cancelled() and (error := self._life.exception()):
            raise error
        hold(not self._life.done(), "a process has ended by itself")
        if self.live is not None:
            self.live.board.check()

    def kill(self) -> None:
        """It ends here and now, with all that it remembers."""
        self._life.cancel()

    @property
    def is_dead(self) -> bool:
        """Whether nothing of it runs any more."""
        return self._life.cancelled()

    async def _live(self) -> None:
        snapshots = WiredSnapshots(self._wire)
        loaded = await self._load(snapshots)
        live = LiveBoard(loaded.board, loaded.season)
        fence = MarkFence(self.feed, self.writer)
        pipeline = Pipeline(WiredLedger(self._wire), live, fence, writer=self.writer, now_us=self._now_us)
        folding = Folding(WiredStandings(self._wire), writer=self.writer, now_us=self._now_us)
        following = Following(
            self.feed,
            snapshots,
            live,
            profiles=ProfileBook(FakeProfiles(), live),
            pipeline=pipeline,
            fence=fence,
            writer=self.writer,
            position=loaded.position,
            now_us=self._now_us,
        )
        self.live, self.pipeline = live, pipeline
        async with asyncio.TaskGroup() as parts:
            for part in (pipeline, folding, following):
                parts.create_task(part.run())

    async def _load(self, snapshots: WiredSnapshots) -> Loaded:
        while True:
            try:
                return await load_board(snapshots, self._now_us())
            except StoreUnavailable:
                await asyncio.sleep(_AWAY_PAUSE_S)
