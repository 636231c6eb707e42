"""Opening the store that the settings name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..flow.ports import (
    Archives,
    Books,
    Copies,
    Feed,
    History,
    Ledger,
    Moderation,
    Originals,
    ProfileStore,
    Seasons,
    Snapshots,
    Spent,
    Standings,
    StoreUnavailable,
    Trail,
)
from .archives import MongoArchives
from .books import MongoBooks
from .changes import MongoFeed
from .copies import MongoCopies
from .documents import AUDIT, ENTRIES, SPENT, USERS
from .embedded import DataDirInUse, EmbeddedError, EmbeddedMongo, attach
from .history import MongoHistory
from .ledger import MongoLedger
from .moderation import MongoModeration
from .mongo import Database, connect, disconnect, prepare
from .originals import MongoOriginals
from .seasons import MongoSeasons
from .shapes import StoreRefusedError
from .snapshots import MongoSnapshots
from .spent import MongoSpent
from .standings import MongoStandings
from .trail import MongoTrail
from .users import MongoUsers

__all__ = ["Store", "StoreRefusedError", "StoreUnavailable", "open_for_command", "open_for_server"]


# A command waits so long for a server that starts, or for another command to be done.
_COMMAND_PATIENCE_S = 10.0


async def _nothing() -> None:
    """Nothing to close."""


def _keep_quiet(url: str) -> None:
    """Nobody looks for a server beside a store that is not its own."""


async def _never() -> None:
    """A store that is somebody else's process doesn't fail by itself."""
    await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class Store:
    """An open store: what fits the ports, and its own life.

    books, moderation, trail, originals, copies, feed: None when no other process can reach it. failed:
    returns or raises only when the store is lost for good. announce: tells commands beside it where the
    server is. close: leaves nothing behind.
    """

    ledger: Ledger
    standings: Standings
    snapshots: Snapshots
    profiles: ProfileStore
    history: History
    spent: Spent
    seasons: Seasons
    archives: Archives
    books: Books | None
    moderation: Moderation | None
    trail: Trail | None
    originals: Originals | None
    copies: Copies | None
    feed: Feed | None
    close: Callable[[], Awaitable[None]] = _nothing
    failed: Callable[[], Awaitable[None]] = _never
    announce: Callable[[str], None] = _keep_quiet


async def open_for_server(uri: str, database: str, data_dir: Path, *, now_us: int) -> Store:
    """The store of a server; `embedded` is started and owned by the caller.

    now_us: µs since the Unix epoch. Raises StoreRefusedError with the remedy, or StoreUnavailable.
    """
    if uri == "memory":
        return await _memory(now_us)
    if uri == "embedded":
        with embedded_in_words():
            opened = await _own_embedded(EmbeddedMongo(data_dir), database, now_us)
    else:
        opened = await _mongo(uri, database, now_us)
    try:
        await refuse_partial(opened)  # whatever it counted would keep the import from its end
    except BaseException:
        await opened.close()
        raise
    return opened


async def open_for_command(uri: str, database: str, data_dir: Path, *, now_us: int) -> Store:
    """The store of a command: beside a running server if there is one.

    Raises StoreRefusedError with the remedy, or StoreUnavailable.
    """
    if uri == "memory":
        raise StoreUnavailable("the `memory` store lives inside its server and can't be reached from here")
    if uri != "embedded":
        return await _mongo(uri, database, now_us)
    with embedded_in_words():
        return await _embedded_for_command(database, data_dir, now_us)


async def refuse_partial(store: Store) -> None:
    """Raises StoreRefusedError while only a part of an import is there, and StoreUnavailable."""
    if store.copies is not None and await store.copies.are_partial():
        raise StoreRefusedError(
            "An import into this store is not finished. "
            "Run `scoreboard import` with its file again: it goes on where it was."
        )


async def _memory(now_us: int) -> Store:
    from .memory import (  # noqa: PLC0415 -- commands need not wait for an imitation that they can't use
        MemoryHistory,
        MemorySnapshots,
        MemoryStandings,
        MemoryUsers,
        open_memory,
    )

    database = await open_memory(now_us)
    return Store(
        ledger=MongoLedger(database[ENTRIES]),
        standings=MemoryStandings(database),
        snapshots=MemorySnapshots(database),
        profiles=MemoryUsers(database[USERS]),
        history=MemoryHistory(database),
        spent=MongoSpent(database[SPENT]),
        seasons=MongoSeasons(database),
        archives=MongoArchives(database),
        books=None,
        moderation=None,
        trail=None,
        originals=None,
        copies=None,
        feed=None,
    )


async def _mongo(
    uri: str,
    database: str,
    now_us: int,
    *,
    stop: Callable[[], Awaitable[None]] = _nothing,
    failed: Callable[[], Awaitable[None]] = _never,
    announce: Callable[[str], None] = _keep_quiet,
) -> Store:
    client = connect(uri)

    async def close() -> None:
        try:
            await disconnect(client)  # first: saying goodbye to a server that is gone takes long
        finally:
            await stop()

    try:
        opened = await prepare(client, uri, database, now_us=now_us)
    except BaseException:
        await disconnect(client)
        raise
    return replace(_stored_in(opened), close=close, failed=failed, announce=announce)


def _stored_in(opened: Database) -> Store:
    snapshots = MongoSnapshots(opened)
    return Store(
        ledger=MongoLedger(opened[ENTRIES]),
        standings=MongoStandings(opened),
        snapshots=snapshots,
        profiles=MongoUsers(opened[USERS]),
        history=MongoHistory(snapshots),
        spent=MongoSpent(opened[SPENT]),
        seasons=MongoSeasons(opened),
        archives=MongoArchives(opened),
        books=MongoBooks(opened, snapshots),
        moderation=MongoModeration(opened),
        trail=MongoTrail(opened[AUDIT]),
        originals=MongoOriginals(opened, snapshots),
        copies=MongoCopies(opened),
        feed=MongoFeed(opened),
    )


@contextmanager
def embedded_in_words() -> Iterator[None]:
    """Whatever keeps an embedded MongoDB from being had leaves as StoreRefusedError."""
    try:
        yield
    except EmbeddedError as error:
        raise StoreRefusedError(str(error)) from error


async def reach_embedded(data_dir: Path) -> tuple[str, Callable[[], Awaitable[None]]]:
    """For a command: the URI of a running server's MongoDB, else of one of its own; and how to end that.

    Raises EmbeddedError.
    """
    clock = asyncio.get_running_loop().time
    ends = clock() + _COMMAND_PATIENCE_S
    while True:
        running = await attach(data_dir, deadline=ends - clock())
        if running is not None:
            return running, _nothing
        own = EmbeddedMongo(data_dir, briefly=True)
        try:
            return await own.start(), own.stop
        except DataDirInUse:  # somebody was quicker
            if clock() >= ends:
                raise


async def _embedded_for_command(database: str, data_dir: Path, now_us: int) -> Store:
    uri, stop = await reach_embedded(data_dir)
    try:
        return await _mongo(uri, database, now_us, stop=stop)
    except BaseException:
        await stop()
        raise


async def _own_embedded(mongod: EmbeddedMongo, database: str, now_us: int) -> Store:
    uri = await mongod.start()
    try:
        return await _mongo(
            uri,
            database,
            now_us,
            stop=mongod.stop,
            failed=mongod.wait_failed,
            announce=mongod.announce_server,
        )
    except BaseException:
        await mongod.stop()
        raise
