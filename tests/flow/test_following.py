"""Following: what others do reaches this board, once; and when the feed breaks the board is read again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from scoreboard_server.flow import following as following_module
from scoreboard_server.flow.following import Following, MarkFence
from scoreboard_server.flow.loading import Loaded, load_board
from scoreboard_server.flow.pipeline import Pipeline
from scoreboard_server.flow.ports import (
    Decided,
    EntryAppended,
    HistoryLost,
    MarkSeen,
    ProfileChanged,
    SeasonChanged,
)
from scoreboard_server.flow.profile_book import ProfileBook
from scoreboard_server.live.live_board import LiveBoard
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.entry import Submission
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.seasons import Season

from .fakes import SEASON, FakeFeed, FakeFence, FakeLedger, FakeProfiles, FakeSnapshot, FakeSnapshots


class Noted:
    """Fits `flow.following.Watched`."""

    def __init__(self) -> None:
        self.loaded: list[Loaded] = []

    def appended(self, entry: EntryAppended) -> None:
        """Not looked at here."""

    def changed(self, change: Decided) -> None:
        """Not looked at here."""

    def reloaded(self, loaded: Loaded) -> None:
        self.loaded.append(loaded)


class Setup:
    """A follower on fakes, running."""

    def __init__(self) -> None:
        self.feed = FakeFeed()
        self.snapshots = FakeSnapshots(FakeSnapshot([], []))
        self.live = LiveBoard(Board([("ann", 10, 1)]), SEASON)
        self.ledger = FakeLedger()
        self.pipeline = Pipeline(self.ledger, self.live, FakeFence(), writer="me", now_us=lambda: 1)
        self.profiles = ProfileBook(FakeProfiles(), self.live)
        self.fence = MarkFence(self.feed, "me")
        self.watched = Noted()
        self.following = Following(
            self.feed,
            self.snapshots,
            self.live,
            profiles=self.profiles,
            pipeline=self.pipeline,
            fence=self.fence,
            watched=[self.watched],
            writer="me",
            position="start",
            now_us=lambda: 1,
        )
        parts = (self.following, self.pipeline, self.profiles)
        self.tasks = [asyncio.create_task(part.run()) for part in parts]

    async def settled(self) -> None:
        # By turns of the loop, not by the clock alone: on a busy machine one step may take all the time.
        for _ in range(50):
            await asyncio.sleep(0.001)
        for task in self.tasks:
            assert not task.done()


@pytest.fixture
async def setup() -> AsyncIterator[Setup]:
    made = Setup()
    yield made
    for task in made.tasks:
        task.cancel()


async def test_an_entry_of_another_process_is_applied(setup: Setup) -> None:
    """It raises the score here as it did there."""
    setup.feed.queue.put_nowait(EntryAppended("ann", 5, 9))
    await setup.settled()
    standing = setup.live.board.standing("ann")
    assert standing is not None and (standing.score, standing.reached_at) == (15, 9)
    assert setup.feed.positions == ["start"]
    assert setup.following.counts.changes == {"EntryAppended": 1}


async def test_a_profile_saved_elsewhere_is_shown(setup: Setup) -> None:
    """A name that another process has learnt replaces the one remembered here."""
    await setup.profiles.fetch(["ann"])
    setup.feed.queue.put_nowait(ProfileChanged("ann", Profile("Ann", None)))
    await setup.settled()
    assert setup.profiles.known("ann") == Profile("Ann", None)


@pytest.mark.parametrize("change", [SeasonChanged(), HistoryLost("gone")])
async def test_the_board_is_read_again_when_it_must_be(
    setup: Setup, change: SeasonChanged | HistoryLost
) -> None:
    """Another season or a feed that has lost its place: a fresh board, a new epoch, and on from there."""
    await setup.profiles.fetch(["ann"])
    epoch = setup.live.epoch
    second = Season(2, "season-2", 5)
    setup.snapshots.current = FakeSnapshot([("ben", 7, 3)], [("ben", 1, 4)], "later", second)
    setup.feed.queue.put_nowait(change)
    await setup.settled()
    assert [(s.user, s.score, s.reached_at) for s in setup.live.board] == [("ben", 8, 4)]
    assert setup.live.epoch != epoch
    assert setup.live.season == second
    assert setup.profiles.known("ann") is None, "what changed in the gap was not told"
    assert setup.feed.positions == ["start", "later"]
    why = "turned" if isinstance(change, SeasonChanged) else "history_lost"
    assert setup.following.counts.reloads == {why: 1}


async def test_reading_again_waits_for_the_store(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away while the board is to be read again is waited for, and the old board stays."""
    monkeypatch.setattr(following_module, "_AWAY_PAUSE_S", 0.001)
    setup.snapshots.faults = 3
    setup.feed.queue.put_nowait(HistoryLost("gone"))
    await setup.settled()
    assert setup.snapshots.reads == 4
    assert len(setup.live.board) == 0


async def test_the_board_before_is_dissolved(setup: Setup) -> None:
    """Not dropped, for that takes a third of a second of everyone's time when it is of a million."""
    before = setup.live.board
    before.apply("ann", 5, at=1)
    setup.feed.queue.put_nowait(HistoryLost("gone"))
    await setup.settled()
    async with asyncio.timeout(20):
        while len(before):
            await asyncio.sleep(0.01)
    assert setup.live.board is not before


async def test_no_own_entry_falls_between_snapshot_and_swap(setup: Setup) -> None:
    """A batch under way is finished before the snapshot is read, so it is in it and not applied again."""
    setup.ledger.faults = ["slow"]
    own = asyncio.create_task(setup.pipeline.submit(Submission("cem", "c1", "open"), 3))
    await asyncio.sleep(0.01)
    setup.feed.queue.put_nowait(HistoryLost("gone"))
    await setup.settled()
    assert setup.snapshots.reads == 0
    setup.snapshots.current = FakeSnapshot([], [("cem", 3, 1)], "later")
    setup.ledger.go.set()
    await own
    await setup.settled()
    assert [(s.user, s.score) for s in setup.live.board] == [("cem", 3)]


@pytest.mark.parametrize("many", [1, 3 * following_module._FEW + 1])
async def test_submissions_go_on_while_the_board_is_read_again(setup: Setup, many: int) -> None:
    """They are answered from the board of before, and are on the new one and in its counts, once each."""
    setup.snapshots.current = FakeSnapshot([("ann", 10, 1), ("ben", 7, 3)], [], "later")
    setup.snapshots.current.go.clear()
    setup.feed.queue.put_nowait(HistoryLost("gone"))
    await setup.settled()
    own = [setup.pipeline.submit(Submission("ann", f"a{i}", "open"), 3) for i in range(many)]
    receipts = await asyncio.gather(*own)
    assert receipts[-1].score == 10 + 3 * many and setup.live.board.standing("ben") is None
    setup.snapshots.current.go.set()
    await setup.settled()
    await setup.pipeline.submit(Submission("ann", "behind", "open"), 3)
    shown = {standing.user: standing.score for standing in setup.live.board}
    assert shown == {"ann": 13 + 3 * many, "ben": 7}
    (loaded,) = setup.watched.loaded
    assert loaded.counts["ann", "open"].count == many


async def test_no_score_of_the_season_before_is_told(setup: Setup) -> None:
    """While the board of another season is read, submissions wait for it."""
    setup.snapshots.current = FakeSnapshot([], [], "later", Season(2, "season-2", 5))
    setup.snapshots.current.go.clear()
    setup.feed.queue.put_nowait(SeasonChanged())
    await setup.settled()
    own = asyncio.create_task(setup.pipeline.submit(Submission("ann", "a1", "open"), 3))
    await setup.settled()
    assert not own.done()
    setup.snapshots.current.go.set()
    assert (await own).score == 3


async def test_a_store_that_goes_away_meanwhile_is_asked_again(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next snapshot has what was counted beside the one that could not be read."""
    monkeypatch.setattr(following_module, "_AWAY_PAUSE_S", 0.001)
    half = setup.snapshots.current = FakeSnapshot([("ann", 10, 1)], [], "half")
    half.go.clear()
    half.is_cut = True
    setup.feed.queue.put_nowait(HistoryLost("gone"))
    await setup.settled()
    await setup.pipeline.submit(Submission("ann", "a1", "open"), 3)
    setup.snapshots.current = FakeSnapshot([("ann", 13, 1)], [], "later")
    half.go.set()
    await setup.settled()
    assert [(s.user, s.score) for s in setup.live.board] == [("ann", 13)]
    assert setup.feed.positions[-1] == "later"


async def test_the_fence_passes_with_its_mark(setup: Setup) -> None:
    """Not before the mark has come back, and a later mark answers for an earlier one."""
    first = asyncio.create_task(setup.fence.passed(1))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(setup.fence.passed(1))
    await asyncio.sleep(0.01)
    assert setup.feed.marks == [1, 2]
    assert not first.done()
    setup.feed.queue.put_nowait(MarkSeen(2))
    assert await first and await second


async def test_who_calls_while_a_mark_is_written_needs_the_next_one(setup: Setup) -> None:
    """That one may have been written before the call; all who call meanwhile share the next."""
    setup.feed.go.clear()
    first = asyncio.create_task(setup.fence.passed(1))
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(setup.fence.passed(1)) for _ in range(20)]
    await asyncio.sleep(0.01)
    setup.feed.go.set()
    setup.feed.queue.put_nowait(MarkSeen(1))
    assert await first
    await asyncio.sleep(0.01)
    assert (setup.feed.marks, [each.done() for each in later]) == ([1, 2], [False] * 20)
    setup.feed.queue.put_nowait(MarkSeen(2))
    assert all(await asyncio.gather(*later))


async def test_who_has_little_patience_takes_no_mark_along(setup: Setup) -> None:
    """It is written for the others all the same; who has none at all asks for none."""
    setup.feed.free.clear()
    short = asyncio.create_task(setup.fence.passed(0.01))
    patient = asyncio.create_task(setup.fence.passed(5))
    assert not await short
    setup.feed.free.set()
    await setup.settled()
    setup.feed.queue.put_nowait(MarkSeen(1))
    assert await patient
    assert not await setup.fence.passed(0)
    assert setup.feed.marks == [1]


async def test_a_mark_that_fell_into_a_reload_is_written_again(setup: Setup) -> None:
    """The feed goes on behind it; whoever waits for it would have waited in vain."""
    waiting = asyncio.create_task(setup.fence.passed(1))
    await setup.settled()
    assert setup.feed.marks == [1]
    setup.feed.queue.put_nowait(SeasonChanged())
    await setup.settled()
    assert setup.feed.marks == [1, 1] and not waiting.done()
    setup.feed.queue.put_nowait(MarkSeen(1))
    assert await waiting
    setup.feed.queue.put_nowait(SeasonChanged())
    await setup.settled()
    assert setup.feed.marks == [1, 1], "nobody waits for it any more"


async def test_a_mark_that_can_not_be_written_again_holds_nothing_up(setup: Setup) -> None:
    """Who waits for it is told no in time, and the feed goes on."""
    waiting = asyncio.create_task(setup.fence.passed(0.05))
    await setup.settled()
    setup.feed.away = True
    setup.feed.queue.put_nowait(HistoryLost("gone"))
    await setup.settled()
    assert not await waiting
    assert len(setup.feed.positions) == 2


async def test_the_fence_is_honest_about_time(setup: Setup) -> None:
    """No mark in time, or no store to write it to: not known."""
    assert not await setup.fence.passed(0.01)
    setup.feed.away = True
    assert not await setup.fence.passed(1)


async def test_a_board_is_standings_and_pending() -> None:
    """Loading folds what is pending on top of what is folded, whatever users they are of."""
    snapshot = FakeSnapshot([("ann", 10, 5)], [("ann", 1, 3), ("ben", 2, 9)], "here")
    loaded = await load_board(FakeSnapshots(snapshot), 1)
    assert [(s.user, s.score, s.reached_at) for s in loaded.board] == [("ann", 11, 5), ("ben", 2, 9)]
    assert loaded.position == "here"
