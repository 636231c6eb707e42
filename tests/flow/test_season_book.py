"""The season book: what a process knows of all seasons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec import structs

from scoreboard_server.flow import season_book
from scoreboard_server.flow.loading import Loaded
from scoreboard_server.flow.ports import BanChanged, EntryAppended, SeasonsEdited
from scoreboard_server.flow.season_book import SeasonBook
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.seasons import Season, first_season

from .seasons import FakeSeasons

FIRST = first_season(1)
SECOND = Season(2, "two", 9)


@pytest.fixture
def store() -> FakeSeasons:
    """With one season."""
    return FakeSeasons(FIRST)


@pytest.fixture
async def book(store: FakeSeasons, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SeasonBook]:
    """One that runs."""
    monkeypatch.setattr(season_book, "_AWAY_PAUSE_S", 0.01)
    made = SeasonBook(store, store.kept)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()


async def test_what_was_edited_is_read_again(store: FakeSeasons, book: SeasonBook) -> None:
    """And whoever waits is told; other news is no reason."""
    ends = structs.replace(FIRST, ends_at=5)
    store.kept = [ends]
    book.changed(BanChanged(Ban("ann", "b", "x", "root", 1)))
    book.appended(EntryAppended("ann", 1, 1))
    await asyncio.sleep(0.01)
    assert book.all() == [FIRST] and not book.turned.is_set()
    book.changed(SeasonsEdited())
    await asyncio.wait_for(book.turned.wait(), 5)
    assert book.all() == [ends]


async def test_a_reading_that_comes_late_is_not_believed(
    store: FakeSeasons, book: SeasonBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that began later has come before it, and nothing would tell of that again."""
    slow, asked = asyncio.Event(), asyncio.Event()
    outdated, ends = [FIRST], [structs.replace(FIRST, ends_at=5)]

    async def slowly() -> list[Season]:
        asked.set()
        await slow.wait()
        return outdated

    monkeypatch.setattr(store, "all", slowly)
    reader = asyncio.create_task(book.look_again())
    await asked.wait()
    monkeypatch.undo()
    store.kept = ends
    assert await book.look_again() == ends
    slow.set()
    assert await reader == ends == book.all()


async def test_what_was_being_read_when_all_was_reloaded_does_not_stay(
    store: FakeSeasons, book: SeasonBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feed goes on behind what the reload knew, so it would never be told of again."""
    slow, asked = asyncio.Event(), asyncio.Event()
    outdated, ends = [FIRST], [structs.replace(FIRST, ends_at=5)]

    async def first_slowly() -> list[Season]:
        monkeypatch.setattr(store, "all", FakeSeasons(*ends).all)
        asked.set()
        await slow.wait()
        return outdated

    monkeypatch.setattr(store, "all", first_slowly)
    book.changed(SeasonsEdited())
    await asked.wait()
    book.reloaded(Loaded(Board(), ends[0], 0, {}, [], ends, []))
    slow.set()
    await asyncio.sleep(0.01)
    assert book.all() == ends


async def test_it_tries_until_the_store_answers(store: FakeSeasons, book: SeasonBook) -> None:
    """What it knew stays meanwhile."""
    store.away, store.kept = True, [structs.replace(FIRST, ends_at=5)]
    book.changed(SeasonsEdited())
    await asyncio.sleep(0.03)
    assert book.all() == [FIRST]
    store.away = False
    await asyncio.wait_for(book.turned.wait(), 5)
    assert book.all() == store.kept


async def test_a_reload_turns_it_forward_alone(store: FakeSeasons, book: SeasonBook) -> None:
    """An answer that was read before another season began does not bring the old one back."""
    book.reloaded(Loaded(Board(), SECOND, 0, {}, [], [SECOND, FIRST], []))
    assert book.all() == [SECOND, FIRST]
    store.kept = [FIRST]
    book.changed(SeasonsEdited())
    await asyncio.sleep(0.02)
    assert book.all() == [SECOND, FIRST]
