"""Loading: what counts for a cap is read with the board."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from scoreboard_server.flow import loading
from scoreboard_server.flow.loading import load_board
from scoreboard_server.rules.seasons import Archive, Seal, Season
from scoreboard_server.rules.tallies import DAY_US, DayCount

from .fakes import FakeSnapshot, FakeSnapshots

TODAY = 20_000
MIDNIGHT = TODAY * DAY_US
ANN = ("ann", "open")


@pytest.mark.parametrize(
    ("folded", "pending", "expected"),
    [
        ({}, [MIDNIGHT, MIDNIGHT + 5], DayCount(2, MIDNIGHT + 5)),
        ({TODAY: DayCount(3, MIDNIGHT + 1)}, [MIDNIGHT + 5], DayCount(4, MIDNIGHT + 5)),
        ({TODAY - 1: DayCount(3, MIDNIGHT - 9)}, [MIDNIGHT + 5], DayCount(1, MIDNIGHT + 5)),
        ({TODAY - 1: DayCount(3, MIDNIGHT - 9)}, [MIDNIGHT - 1], DayCount(0, MIDNIGHT - 1)),
        ({}, [MIDNIGHT - 1], DayCount(0, MIDNIGHT - 1)),
    ],
    ids=["pending", "both", "folded yesterday", "all of yesterday", "pending yesterday"],
)
async def test_counts_are_of_today_and_the_last_one_of_yesterday_too(
    folded: dict[int, DayCount], pending: list[int], expected: DayCount
) -> None:
    """Folded or not: the least time between two crosses midnight, the cap of a day does not."""
    snapshot = FakeSnapshot([], [("ann", 1, at) for at in pending])
    snapshot.counted = {(day, *ANN): told for day, told in folded.items()}
    loaded = await load_board(FakeSnapshots(snapshot), MIDNIGHT + 10)
    assert loaded.counts == {ANN: expected}


async def test_corrections_and_older_days_count_for_no_cap() -> None:
    """Taking points back is nothing that a user did."""
    snapshot = FakeSnapshot([], [("ann", -5, MIDNIGHT, "!taken-back"), ("ann", 5, MIDNIGHT - DAY_US - 1)])
    loaded = await load_board(FakeSnapshots(snapshot), MIDNIGHT + 10)
    assert loaded.counts == {}


async def test_the_log_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of about as many as there are, less those of past seasons."""
    monkeypatch.setattr(loading, "_TELL_EVERY_S", 0.0)
    caplog.set_level(logging.INFO, "scoreboard.loading")
    snapshot = FakeSnapshot([(f"u{i}", i, 1 + i) for i in range(2_500)], [])
    sealed = Season(1, "first", 0, seal=Seal(1, "ann", 0, Archive(400, 1, "", 1, corrected_users=400)))
    snapshot.past = [sealed]
    await load_board(FakeSnapshots(snapshot), MIDNIGHT)
    assert [record.getMessage() for record in caplog.records] == [
        "reading the board: 1,000 of about 2,100 users",
        "reading the board: 2,000 of about 2,100 users",
    ]


async def test_others_have_their_turns_while_a_large_board_is_loaded() -> None:
    """However many the store hands out at once, and while they are put in order."""
    count = 200_000
    snapshot = FakeSnapshot([(f"u{i}", i * 7_919 % 100_003, 1 + i) for i in range(count)], [])
    longest = last = 0.0

    async def take_turns() -> None:
        nonlocal longest, last
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            longest, last = max(longest, time.thread_time() - last), time.thread_time()

    turns = asyncio.create_task(take_turns())
    began = time.thread_time()
    loaded = await load_board(FakeSnapshots(snapshot), MIDNIGHT)
    took = time.thread_time() - began
    turns.cancel()
    assert len(loaded.board) == count
    assert longest < took / 4, f"{longest:.3f} s of {took:.3f} s"


async def test_pending_entries_are_part_of_the_totals() -> None:
    """Of who has a standing and of who has none yet."""
    snapshot = FakeSnapshot(
        [("ann", 10, 5), ("ben", 12, 1)],
        [("ann", 5, 9), ("new", 7, 8), ("ann", 1, 3), ("low", -2, 4, "!adjusted")],
    )
    board = (await load_board(FakeSnapshots(snapshot), MIDNIGHT)).board
    assert [(s.user, s.score, s.reached_at) for s in board] == [("ann", 16, 9), ("ben", 12, 1), ("new", 7, 8)]
    assert board.apply("low", 0, at=10) == (-2, 4)
