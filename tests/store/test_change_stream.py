"""A change stream, batch by batch: what it costs, what it leaves to others, and where it goes on."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from bson.timestamp import Timestamp

from scoreboard_server.store import change_stream
from scoreboard_server.store.change_stream import AT_ONCE, ChangeStreams
from scoreboard_server.store.documents import Document
from scoreboard_server.store.mongo import connect, disconnect

from ..mongod import Mongod
from .conftest import Raw

pytestmark = pytest.mark.database

ENTRIES_ONLY = [{"$match": {"ns.coll": "entries", "operationType": "insert"}}]


class Counting(ChangeStreams):
    """Counts what it asks the server."""

    asked = 0

    async def _command(self, command: Document, session: Any) -> dict[str, Any]:
        self.asked += 1
        return await super()._command(command, session)


@pytest.fixture
async def streams(replica_set: Mongod, database: str) -> AsyncIterator[Counting]:
    """On a database of its own."""
    client = connect(replica_set.uri)
    yield Counting(client[database])
    await disconnect(client)


@pytest.fixture
def now(raw: Raw) -> Document:
    """A place to begin at, before anything."""
    raw.create_collection("entries")
    time_of = raw.command("ping")["operationTime"]
    return {"startAtOperationTime": Timestamp(time_of.time, time_of.inc + 1)}


def write(raw: Raw, numbers: range, collection: str = "entries") -> None:
    """Documents by these numbers."""
    raw[collection].insert_many([{"_id": number} for number in numbers])


async def test_a_backlog_is_a_question_for_each_batch_and_others_have_turns(
    streams: Counting, now: Document, raw: Raw
) -> None:
    """A thousand changes are a handful of round trips, and no more than a batch of them in one go."""
    write(raw, range(1_000))
    seen: list[int] = []

    async def follow() -> None:
        async with aclosing(streams.batches(now, ENTRIES_ONLY)) as batches:
            async for events, _ in batches:
                seen.extend(event["documentKey"]["_id"] for event in events)
                if len(seen) == 1_000:
                    return

    following = asyncio.create_task(follow())
    longest = 0
    async with asyncio.timeout(20):
        while not following.done():
            before = len(seen)
            await asyncio.sleep(0)
            longest = max(longest, len(seen) - before)
    await following
    assert seen == list(range(1_000))
    assert streams.asked <= 3 + 1_000 / AT_ONCE
    assert longest <= 300


async def test_while_much_happens_changes_are_gathered(streams: Counting, now: Document, raw: Raw) -> None:
    """Each of a hundred writes is a change of its own; they do not become a question each."""

    def write_each() -> None:
        for n in range(100):
            write(raw, range(n, n + 1))

    writing = asyncio.create_task(asyncio.to_thread(write_each))
    began, seen = time.monotonic(), 0
    async with asyncio.timeout(20), aclosing(streams.batches(now, ENTRIES_ONLY)) as batches:
        async for events, _ in batches:
            seen += len(events)
            if seen == 100:
                break
    await writing
    assert streams.asked <= 4 + (time.monotonic() - began) / change_stream._GATHER_S


async def test_one_goes_on_behind_what_was_taken(streams: Counting, now: Document, raw: Raw) -> None:
    """Batch by batch, each time on a stream of its own, everything comes once and in order."""
    write(raw, range(600))
    seen: list[int] = []
    place = now
    async with asyncio.timeout(20):
        while len(seen) < 600:
            async with aclosing(streams.batches(place, ENTRIES_ONLY)) as batches:
                async for events, later in batches:
                    seen.extend(event["documentKey"]["_id"] for event in events)
                    place = later
                    if events:
                        break
    assert seen == list(range(600))


async def test_the_place_of_a_quiet_stream_stays_young(streams: Counting, now: Document, raw: Raw) -> None:
    """What nobody asked for has moved it on as well: one can go on there when all that is forgotten."""
    async with asyncio.timeout(20), aclosing(streams.batches(now, ENTRIES_ONLY)) as batches:
        places = [(await anext(batches)).later for _ in range(2)]
        for number in itertools.count():
            write(raw, range(number, number + 1), "others")
            events, later = await anext(batches)
            assert not events
            if later != places[-1]:
                break
    assert later.keys() == {"resumeAfter"}
