"""Asking a store what it is. Nothing is made, mended or refused here, so that all of it can be told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from pymongo import IndexModel
from pymongo.errors import ConnectionFailure, OperationFailure

from ..flow.ports import Books, History, Moderation, StoreUnavailable
from ..rules.checkup.machine import Disk
from ..rules.checkup.store_facts import DatabaseFacts, Member, Oplog, ServerFacts, Topology
from .books import MongoBooks
from .documents import ENTRIES, INDEXES, SEASONS, SHAPE, Document
from .history import MongoHistory
from .moderation import MongoModeration
from .mongo import Client, connect, disconnect, hello, refusing, why_refused
from .opening import embedded_in_words, reach_embedded
from .reaching import is_passing
from .shapes import newest_shape, refuse_newer, why_newer
from .snapshots import MongoSnapshots

_MOST_LEFT_BEHIND = 100_000
_FULL = 0.9  # an oplog is cut by whole pieces, so it is never quite full
_COMPARED = ("unique", "expireAfterSeconds", "partialFilterExpression")


@dataclass(frozen=True, slots=True)
class Examined:
    """A store that was reached, and is left as it was."""

    diagnosis: MongoDiagnosis
    books: Books
    history: History


@asynccontextmanager
async def examining(uri: str, database: str, data_dir: Path) -> AsyncIterator[Examined]:
    """Reach the store of a command as it is.

    Raises StoreUnavailable, or StoreRefusedError with the remedy.
    """
    if uri == "memory":
        raise StoreUnavailable("the `memory` store lives inside its server and can't be reached from here")
    stop = None
    if uri == "embedded":
        with embedded_in_words():
            uri, stop = await reach_embedded(data_dir)
    try:
        async with _connected(uri) as client:
            opened = client[database]
            snapshots = MongoSnapshots(opened)
            with refusing():
                yield Examined(
                    MongoDiagnosis(client, uri, database),
                    MongoBooks(opened, snapshots),
                    MongoHistory(snapshots),
                )
    finally:
        if stop is not None:
            await stop()


@asynccontextmanager
async def decisions(uri: str, database: str) -> AsyncIterator[Moderation]:
    """What admins have decided, as a MongoDB that runs has it.

    Raises StoreUnavailable, also where no server was yet, or StoreRefusedError with the remedy.
    """
    async with _connected(uri) as client:
        opened = client[database]
        with refusing():
            seasons = [each async for each in opened[SEASONS].find({}, {"v": 1})]
            refuse_newer(newest_shape(seasons))
            if not seasons:
                raise StoreUnavailable("no server has used this database yet")
            yield MongoModeration(opened)


@asynccontextmanager
async def _connected(uri: str) -> AsyncIterator[Client]:
    client = connect(uri)
    try:
        yield client
    finally:
        await disconnect(client)


class MongoDiagnosis:
    """Fits `flow.diagnosing.Diagnosis`."""

    def __init__(self, client: Client, uri: str, database: str) -> None:
        self._client = client
        self._uri = uri
        self._database = client[database]

    async def server(self, now_us: Callable[[], int]) -> ServerFacts:
        """See `Diagnosis.server`."""
        with refusing():
            told, ahead_s, unsure_s = await self._timed_hello(now_us)
            refusal = why_refused(told, self._uri)
            if refusal is not None:
                version = await self._version()
                return ServerFacts(version, _topology(told), ahead_s, unsure_s, refusal)
            _, ahead_s, unsure_s = await self._timed_hello(now_us)  # this one was not kept by connecting
            return ServerFacts(
                await self._version(),
                _topology(told),
                ahead_s,
                unsure_s,
                name=told.get("setName"),
                members=await self._members(),
                default_w=await self._default_w(),
                oplog=await self._oplog(),
            )

    async def database(self, before_us: int) -> DatabaseFacts:
        """See `Diagnosis.database`."""
        with refusing():
            made = set(await self._database.list_collection_names())
            missing: list[str] = [name for name in INDEXES if name not in made]
            changed: list[str] = []
            foreign: list[str] = []
            for name in INDEXES.keys() & made:
                found = [index async for index in self._database[name].list_indexes()]
                compared = _compare(name, INDEXES[name], found)
                missing += compared[0]
                changed += compared[1]
                foreign += compared[2]
            seasons = [
                each async for each in self._database[SEASONS].find({}, {"state": 1, "v": 1, "import": 1})
            ]
            shape = newest_shape(seasons)
            # `writer` leads to the index of what is pending; a hint would fail where that index is missing.
            old = {"pending": True, "writer": {"$gte": ""}, "at": {"$lt": before_us}}
            return DatabaseFacts(
                is_made=bool(INDEXES.keys() & made),
                has_season=any(season["state"] == "current" for season in seasons),
                is_partial=any("import" in season for season in seasons),
                shape=shape,
                newer=why_newer(shape) if shape > SHAPE else None,
                missing=sorted(missing),
                changed=sorted(changed),
                foreign=sorted(foreign),
                left_behind=await self._database[ENTRIES].count_documents(old, limit=_MOST_LEFT_BEHIND),
                disk=await self._disk(),
            )

    async def _timed_hello(self, now_us: Callable[[], int]) -> tuple[Document, float, float]:
        """What the server says, by how many seconds its clock is ahead, and how far that may be off."""
        before = now_us()
        told = await hello(self._client, self._uri)
        after = now_us()
        theirs: float = told["localTime"].replace(tzinfo=UTC).timestamp()
        return told, theirs - (before + after) / 2_000_000, (after - before) / 2_000_000

    async def _version(self) -> str | None:
        try:
            told = await _if_told(self._client, "admin", {"buildInfo": 1})
        except ConnectionFailure:  # a server that the driver won't select has told us no more than `hello`
            return None
        return str(told["version"]) if told is not None else None

    async def _members(self) -> list[Member] | None:
        told = await _if_told(self._client, "admin", {"replSetGetStatus": 1})
        if told is None:
            return None
        return [Member(each["name"], each["stateStr"], bool(each["health"])) for each in told["members"]]

    async def _default_w(self) -> str | None:
        told = await _if_told(self._client, "admin", {"getDefaultRWConcern": 1})
        concern = (told or {}).get("defaultWriteConcern")
        return str(concern["w"]) if concern is not None else None

    async def _oplog(self) -> Oplog | None:
        told = await _if_told(self._client, "admin", {"serverStatus": 1, "oplog": 1})
        size = await _if_told(self._client, "local", {"collStats": "oplog.rs"})
        ends = (told or {}).get("oplog")
        if ends is None or size is None:
            return None
        span = ends["latestOptime"].time - ends["earliestOptime"].time
        return Oplog(span, size["size"] >= _FULL * size["maxSize"])

    async def _disk(self) -> Disk | None:
        told = await _if_told(self._client, self._database.name, {"dbStats": 1}) or {}
        total = int(told.get("fsTotalSize", 0))  # none for a database without a file yet
        return Disk(total - int(told["fsUsedSize"]), total) if total else None


async def _if_told(client: Client, database: str, command: Document) -> Document | None:
    """The answer; None when this kind of server has none, or keeps it from our user."""
    try:
        answer: Document = await client[database].command(command)
    except OperationFailure as error:
        if is_passing(error):
            raise
        return None
    return answer


def _topology(told: Document) -> Topology:
    if told.get("isreplicaset"):
        return Topology.UNINITIATED
    if told.get("msg") == "isdbgrid":
        return Topology.SHARDED
    return Topology.REPLICA_SET if "setName" in told else Topology.STANDALONE


def _compare(
    collection: str, wanted: Sequence[IndexModel], found: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[str], list[str]]:
    """Names of what is missing, what is other than wanted, and what nobody here made."""
    there = {index["name"]: _shape(index) for index in found}
    ours = {index.document["name"]: _shape(index.document) for index in wanted}
    changed = [name for name in ours if name in there and there[name] != ours[name]]
    kinds = (sorted(ours.keys() - there.keys()), changed, sorted(there.keys() - ours.keys() - {"_id_"}))
    missing, different, foreign = ([f"{collection}.{name}" for name in names] for names in kinds)
    return missing, different, foreign


def _shape(index: Mapping[str, Any]) -> tuple[list[tuple[str, int]], list[object]]:
    return [(field, int(way)) for field, way in index["key"].items()], [index.get(each) for each in _COMPARED]
