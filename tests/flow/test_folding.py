"""Folding: what is pending becomes part of standings, once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence

import pytest

from scoreboard_server.flow import folding as folding_module
from scoreboard_server.flow.folding import FOREIGN_AGE_US, Folding, summed
from scoreboard_server.flow.ports import NO_DAYS, Day, PendingEntry, StoreUnavailable, Sum
from scoreboard_server.rules.tallies import DAY_US, DayCount


class FakeStandings:
    """Pending entries in lists. `refusals` many folds find somebody else at it."""

    def __init__(self, pending: list[PendingEntry], left_behind: Sequence[PendingEntry] = ()) -> None:
        self.waiting = pending
        self.foreign = list(left_behind)
        self.scores: dict[str, int] = {}
        self.refusals = 0
        self.away = 0
        self.folds: list[int] = []
        self.days: dict[Day, DayCount] = {}
        self.on_fold: Callable[[], object] = lambda: None

    async def pending(self, writer: str, limit: int) -> list[PendingEntry]:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("away")
        return self.waiting[:limit]

    async def left_behind(self, writer: str, before: int, limit: int) -> list[PendingEntry]:
        return [e for e in self.foreign if e.at < before][:limit]

    async def fold(
        self, ids: Sequence[object], sums: Mapping[str, Sum], days: Mapping[Day, DayCount] = NO_DAYS
    ) -> bool:
        if self.refusals:
            self.refusals -= 1
            return False
        self.folds.append(len(ids))
        self.on_fold()
        self.waiting = [e for e in self.waiting if e.id not in ids]
        self.foreign = [e for e in self.foreign if e.id not in ids]
        for user, told in sums.items():
            self.scores[user] = self.scores.get(user, 0) + told.points
        self.days.update(days)
        return True


def entries(count: int) -> list[PendingEntry]:
    """Entries of three users, one point each."""
    return [PendingEntry(i, f"u{i % 3}", 1, 100 + i) for i in range(count)]


def test_sums_are_per_user() -> None:
    """Points add up, entries are counted, and the newest instant stays."""
    some = [PendingEntry(1, "ann", 5, 30), PendingEntry(2, "ben", 1, 10), PendingEntry(3, "ann", -2, 20)]
    assert summed(some) == {"ann": Sum(3, 2, 30), "ben": Sum(1, 1, 10)}


def test_corrections_are_points_alone() -> None:
    """They are no actions and move no instant, so that taking them back leaves no trace."""
    some = [PendingEntry(1, "ann", 5, 30, "open"), PendingEntry(2, "ann", -5, 40, "!taken-back")]
    assert summed(some) == {"ann": Sum(0, 1, 30)}


async def test_days_are_counted_of_types_with_caps() -> None:
    """By user, type and day of UTC, beside the sums."""
    waiting = [
        PendingEntry(1, "ann", 5, DAY_US - 1, "daily"),
        PendingEntry(2, "ann", 5, DAY_US, "daily"),
        PendingEntry(3, "ann", 5, DAY_US + 7, "daily"),
        PendingEntry(4, "ann", 5, DAY_US + 8, "open"),
    ]
    store = FakeStandings(waiting)
    folding = Folding(store, writer="me", now_us=lambda: 0, is_capped=lambda kind: kind == "daily")
    await folding.fold_all()
    assert store.days == {
        (0, "ann", "daily"): DayCount(1, DAY_US - 1),
        (1, "ann", "daily"): DayCount(2, DAY_US + 7),
    }


async def test_everything_pending_is_folded_in_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much there is, each fold takes a bounded bite until nothing is left."""
    monkeypatch.setattr(folding_module, "FOLD_SIZE", 4)
    standings = FakeStandings(entries(10))
    assert await Folding(standings, writer="me", now_us=lambda: 0).fold_all() == 10
    assert standings.scores == {"u0": 4, "u1": 3, "u2": 3}
    assert standings.waiting == []


async def test_what_arrives_meanwhile_is_left_to_the_next_time() -> None:
    """Load that never ends does not make folding endless, nor many small folds of a few large ones."""
    standings = FakeStandings(entries(10))
    ids = itertools.count(100)
    standings.on_fold = lambda: standings.waiting.append(PendingEntry(next(ids), "ann", 1, 500))
    folding = Folding(standings, writer="me", now_us=lambda: 0)
    async with asyncio.timeout(20):
        assert await folding.fold_all() == 10
    assert (standings.folds, len(standings.waiting)) == ([10], 1)


async def test_what_others_left_behind_is_folded_when_it_is_old() -> None:
    """Also beside a load of our own; what another writer has appended just now is left to it."""
    old, young = PendingEntry(50, "cem", 3, 100), PendingEntry(51, "cem", 3, 300)
    standings = FakeStandings(entries(2), [old, young])
    folding = Folding(standings, writer="me", now_us=lambda: FOREIGN_AGE_US + 200)
    assert await folding.fold_all() == 3
    assert standings.foreign == [young]


async def test_a_conflict_is_left_to_the_next_time() -> None:
    """When somebody else is at the same entries, nothing is counted here, and later everything once."""
    standings = FakeStandings(entries(3))
    standings.refusals = 1
    folding = Folding(standings, writer="me", now_us=lambda: 0)
    assert await folding.fold_all() == 0
    assert await folding.fold_all() == 3
    assert sum(standings.scores.values()) == 3


async def test_progress_ends_the_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that keeps coming faster than it is folded does not look like a store that is still away."""
    monkeypatch.setattr(folding_module, "FOLD_SIZE", 4)
    standings = FakeStandings(entries(10))
    folding = Folding(standings, writer="me", now_us=lambda: 0)
    folding.is_cut_off = True
    fold, seen = standings.fold, []

    async def looked_at(ids: Sequence[object], sums: Mapping[str, Sum], days: object) -> bool:
        seen.append(folding.is_cut_off)
        return await fold(ids, sums)

    monkeypatch.setattr(standings, "fold", looked_at)
    await folding.fold_all()
    assert seen == [True, False, False]


async def test_two_who_fold_here_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that runs for ever and the one at the end never meet in the store."""
    standings = FakeStandings(entries(6))
    folding = Folding(standings, writer="me", now_us=lambda: 0)
    under_way, most = 0, 0
    fold = standings.fold

    async def counted(
        ids: Sequence[object], sums: Mapping[str, Sum], days: Mapping[Day, DayCount] = NO_DAYS
    ) -> bool:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return await fold(ids, sums, days)

    monkeypatch.setattr(standings, "fold", counted)
    await asyncio.gather(folding.fold_all(), folding.fold_all())
    assert (most, sum(standings.scores.values())) == (1, 6)


async def test_the_task_outlives_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away is waited for, and the task says so meanwhile."""
    monkeypatch.setattr(folding_module, "INTERVAL_S", 0.001)
    monkeypatch.setattr(folding_module, "_AWAY_PAUSE_S", 0.001)
    standings = FakeStandings(entries(3))
    standings.away = 3
    folding = Folding(standings, writer="me", now_us=lambda: 0)
    task = asyncio.create_task(folding.run())
    cut_off = []
    async with asyncio.timeout(20):
        while standings.waiting:
            await asyncio.sleep(0.0005)
            cut_off.append(folding.is_cut_off)
    await asyncio.sleep(0.002)
    assert True in cut_off
    assert not folding.is_cut_off
    assert not task.done()
    task.cancel()


class Appended:
    """How many entries this writer has appended."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __call__(self) -> int:
        return self.count


async def test_pending_is_what_was_appended_since_folding_had_caught_up() -> None:
    """What is appended while a fold is under way stays pending after it."""
    standings, appended = FakeStandings(entries(4)), Appended(4)
    folding = Folding(standings, writer="me", now_us=lambda: 0, appended=appended)
    assert folding.pending == 4

    def more() -> None:
        appended.count += 2

    standings.on_fold = more
    await folding.fold_all()
    assert folding.pending == 2


async def test_pending_stays_while_folding_gives_way() -> None:
    """And falls when somebody else turns out to have folded all of it."""
    standings = FakeStandings(entries(4))
    folding = Folding(standings, writer="me", now_us=lambda: 0, appended=Appended(4))
    standings.refusals = 1
    await folding.fold_all()
    assert (folding.pending, folding.counts.yielded) == (4, 1)
    standings.waiting = []
    await folding.fold_all()
    assert folding.pending == 0


async def test_folds_are_counted_by_size_and_whose_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fold once, and what others have left behind apart."""
    monkeypatch.setattr(folding_module, "FOLD_SIZE", 3)
    standings = FakeStandings(entries(4), [PendingEntry(50, "cem", 3, 100)])
    folding = Folding(standings, writer="me", now_us=lambda: FOREIGN_AGE_US + 200)
    await folding.fold_all()
    counts = folding.counts
    assert (len(counts.sizes), counts.sizes.total, len(counts.seconds), counts.foreign) == (3, 5, 3, 1)
