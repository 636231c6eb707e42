"""Connecting to a replica set, and refusing what can't keep the promises."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import (
    ConfigurationError,
    DuplicateKeyError,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.uri_parser import parse_uri

from ..flow.ports import StoreUnavailable
from ..rules.seasons import first_season
from .documents import INDEXES, SEASONS, SHAPE, Document
from .reaching import is_passing, summary
from .season_documents import season_document
from .shapes import StoreRefusedError, newest_shape, refuse_newer

log = logging.getLogger("scoreboard.store")

Client = AsyncIOMotorClient[Document]
Database = AsyncIOMotorDatabase[Document]

# Whatever the URI says: an acknowledged action is on a majority's disks, and reads see nothing else.
_PROMISES: dict[str, Any] = {
    "w": "majority",
    "journal": True,
    "readConcernLevel": "majority",
    "readPreference": "primary",
    "retryWrites": True,
    "wTimeoutMS": 5_000,
}
# Every wait has a deadline.
_DEADLINES: dict[str, Any] = {
    "serverSelectionTimeoutMS": 3_000,
    "connectTimeoutMS": 3_000,
    "socketTimeoutMS": 10_000,
    "waitQueueTimeoutMS": 5_000,
}
# But for an index over millions of documents, by many such waits.
_BUILDING_S = 3_600.0
_GOODBYE_S = 2.0
_AUTHENTICATION_FAILED, _UNAUTHORIZED, _NAMESPACE_EXISTS = 18, 13, 48


def connect(uri: str) -> Client:
    """A client that keeps the promises. Doesn't reach for the server yet.

    Raises StoreRefusedError for a URI that can't be read.
    """
    if not uri.startswith(("mongodb://", "mongodb+srv://")):  # the driver would take it for a host's name
        raise StoreRefusedError(
            "The store's URI can't be used: it doesn't begin with mongodb:// or mongodb+srv://"
        )
    try:
        return AsyncIOMotorClient(uri, **_PROMISES, **_DEADLINES, appname="scoreboard")
    except (PyMongoError, ValueError) as error:
        raise StoreRefusedError(f"The store's URI can't be used: {error}") from None


async def disconnect(client: Client) -> None:
    """Close the client, without holding up the event loop or waiting long for a server that is gone.

    The driver says goodbye to the server first, and waits for an answer.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GOODBYE_S):
            await asyncio.to_thread(client.close)


def renew_connections(client: Client) -> None:
    """Have what is idle closed and what is used thrown away after it; nothing that is under way ends.

    The driver has no public word for it.
    """
    for server in client.delegate._topology._servers.values():
        server.pool.reset_without_pause()


async def prepare(client: Client, uri: str, database: str, *, now_us: int) -> Database:
    """The database, with its indexes and a current season; safe to repeat and to race.

    Raises StoreRefusedError with the remedy, or StoreUnavailable.
    """
    with refusing():
        refusal = why_refused(await hello(client, uri), uri)
        if refusal is not None:
            raise StoreRefusedError(refusal)
        opened = client[database]
        seasons = await _seasons(opened)
        refuse_newer(newest_shape(seasons))  # before anything is made
        for name, indexes in INDEXES.items():
            await _ensure_collection(opened, name, indexes)
        await _ensure_season(opened, seasons, now_us)
    return opened


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Failures of reaching for a store leave as StoreRefusedError with the remedy, or StoreUnavailable."""
    try:
        yield
    except OperationFailure as error:
        if error.code in (_AUTHENTICATION_FAILED, _UNAUTHORIZED):
            raise StoreRefusedError(f"The store does not let us in: {summary(error)}") from None
        raise _passing(error) from error
    except ConfigurationError as error:  # a mongodb+srv:// name is resolved at the first use
        if is_passing(error):
            raise StoreUnavailable(summary(error)) from error
        raise StoreRefusedError(f"The store can't be used: {error}") from None
    except PyMongoError as error:
        raise _passing(error) from error


def _passing(error: PyMongoError) -> Exception:
    return StoreUnavailable(summary(error)) if is_passing(error) else error


async def hello(client: Client, uri: str) -> Document:
    """What the server says of itself, also one that can't be written to because it is no replica set."""
    try:
        answer: Document = await client.admin.command("hello")
    except ServerSelectionTimeoutError:
        direct = await _ask_directly(uri)
        if direct is None or why_refused(direct, uri) is None:
            raise
        return direct
    return answer


async def _ask_directly(uri: str) -> Document | None:
    """What a single server says of itself that the driver won't select. None when it doesn't answer.

    It is none of the set that the URI names, or of one that was never initiated, or it isn't there.
    """
    if uri.startswith("mongodb+srv://") or len(_nodes(uri)) != 1:
        return None
    quick = {**_DEADLINES, "serverSelectionTimeoutMS": 1_000}  # it has had its time
    direct: Client = AsyncIOMotorClient(uri, **_PROMISES, **quick, directConnection=True, replicaSet=None)
    try:
        answer: Document = await direct.admin.command("hello")
    except PyMongoError:
        return None
    finally:
        await disconnect(direct)
    return answer


def why_refused(told: Document, uri: str) -> str | None:
    """Why a score board can't use a server that tells this of itself, with the remedy. None when it can."""
    if told.get("isreplicaset"):
        return f"This MongoDB is a replica set that was never initiated. Run once: {_initiate(uri)}"
    if "setName" not in told and told.get("msg") != "isdbgrid":
        return _remedy(uri)
    return None


def _nodes(uri: str) -> list[tuple[str, int]]:
    nodes: list[tuple[str, int]] = parse_uri(uri, warn=True)["nodelist"]
    return nodes


def _remedy(uri: str) -> str:
    return (
        "This MongoDB is a standalone server; the score board needs transactions and change streams, so a "
        "replica set, if of one node. Start that mongod with `--replSet rs0`, then run once: "
        f"{_initiate(uri)}"
    )


def _initiate(uri: str) -> str:
    host, port = _nodes(uri)[0]
    return f"mongosh 'mongodb://{host}:{port}/?directConnection=true' --eval 'rs.initiate()'"


async def _ensure_collection(database: Database, name: str, indexes: list[IndexModel]) -> None:
    try:
        await database.create_collection(name, check_exists=False)
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:
            raise
    if indexes:
        await _ensure_indexes(database[name], indexes)


async def _ensure_indexes(collection: AsyncIOMotorCollection[Document], indexes: list[IndexModel]) -> None:
    """One that comes with an upgrade is built over all that there is, which may take longer than a call.

    MongoDB goes on building when nobody waits, and who asks again waits for the same build. Where it is the
    server that stands still, the driver's monitor finds out, and asking again is another error.
    """
    give_up = time.monotonic() + _BUILDING_S
    while True:
        try:
            await collection.create_indexes(indexes)
        except NetworkTimeout:
            if time.monotonic() > give_up:
                raise
            log.info("waiting for the indexes of %s", collection.name, extra={"collection": collection.name})
        else:
            return


async def _seasons(database: Database) -> list[Document]:
    """What has to be known of each before the store is used."""
    return [document async for document in database[SEASONS].find({}, {"state": 1, "v": 1})]


async def _ensure_season(database: Database, known: list[Document], now_us: int) -> None:
    """That there is a current one, and that it tells older versions that we were here."""
    current = next((each for each in known if each["state"] == "current"), None)
    if current is None:
        with contextlib.suppress(DuplicateKeyError):  # another process was faster
            await database[SEASONS].insert_one(season_document(first_season(now_us)))
    elif newest_shape([current]) < SHAPE:
        older = {"_id": current["_id"], "v": {"$not": {"$gte": SHAPE}}}
        await database[SEASONS].update_one(older, {"$set": {"v": SHAPE}})
