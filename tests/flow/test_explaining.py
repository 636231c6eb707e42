"""Explaining: pages of a user's own ledger, and patience with the store."""

from __future__ import annotations

import asyncio

import pytest

from scoreboard_server.flow import few_readers
from scoreboard_server.flow.explaining import Explaining, explain
from scoreboard_server.flow.ports import Past, StoreUnavailable
from scoreboard_server.rules.entry import Entry
from scoreboard_server.rules.history import Place
from scoreboard_server.rules.refusals import Unavailable


class FakeHistory:
    """Entries of one user, newest first; hangs while `answers` is clear, fails while `away`."""

    def __init__(self, count: int) -> None:
        self.entries = [Entry("ann", f"a{at}", "open", 10, at) for at in reversed(range(count))]
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.under_way = 0
        self.most = 0

    async def past(self, user: str, before: Place | None, limit: int, season: int | None = None) -> Past:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.answers.wait()
        finally:
            self.under_way -= 1
        if self.away:
            raise StoreUnavailable("away")
        older = [e for e in self.entries if before is None or e.at < before.at]
        total = before.total if before else sum(e.points for e in self.entries)
        return Past(total, older[:limit])


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 100])
async def test_pages_are_the_whole_story(limit: int) -> None:
    """Each page but the last is full, none is empty, and together they are every entry once, in order."""
    history = FakeHistory(6)
    place, totals = None, []
    while True:
        page = await explain(history, "ann", place, limit)
        totals += [line.total for line in page.lines]
        place = page.next
        if place is None:
            break
        assert len(page.lines) == limit
    assert totals == [60, 50, 40, 30, 20, 10]


async def test_no_entries_are_one_empty_page() -> None:
    """There is nothing to tell and no next page."""
    page = await explain(FakeHistory(0), "ann", None, 10)
    assert (page.lines, page.next) == ([], None)


async def test_a_store_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it fails or just doesn't answer: 503, soon."""
    monkeypatch.setattr(few_readers, "PATIENCE_S", 0.02)
    history = FakeHistory(3)
    explaining = Explaining(history)
    history.away = True
    with pytest.raises(Unavailable):
        await explaining.page("ann", None, 10)
    history.answers.clear()
    with pytest.raises(Unavailable):
        await explaining.page("ann", None, 10)


async def test_a_store_that_hangs_blocks_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when those who waited have left and others have come: the driver's threads are blocked still."""
    monkeypatch.setattr(few_readers, "PATIENCE_S", 0.2)
    history = FakeHistory(3)
    history.answers.clear()
    explaining = Explaining(history)
    for _ in range(3):
        readers = [explaining.page("ann", None, 10) for _ in range(5)]
        told = await asyncio.gather(*readers, return_exceptions=True)
        assert [getattr(each, "code", None) for each in told] == ["store_unavailable"] * 5
    assert (history.under_way, history.most) == (2, 2)


async def test_few_read_at_once() -> None:
    """However many ask, most of the driver's threads stay free for those who write."""
    history = FakeHistory(3)
    history.answers.clear()
    explaining = Explaining(history)
    readers = [asyncio.create_task(explaining.page("ann", None, 10)) for _ in range(20)]
    await asyncio.sleep(0.01)
    assert history.most == 2
    history.answers.set()
    pages = await asyncio.gather(*readers)
    assert [len(page.lines) for page in pages] == [3] * 20
