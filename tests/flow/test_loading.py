"""Loading: what counts for a cap is read with the board."""

from __future__ import annotations

import pytest

from scoreboard_server.flow.loading import load_board
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
