"""A change stream, batch by batch.

By raw commands and not by the driver's `watch`, which asks a thread for each single change: that took ten
times as long as the change itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo.errors import PyMongoError

from .documents import Document

# How long a question for more is left open where nothing happens.
_AWAIT_MS = 500
# At most so many at once: a few milliseconds, and then others have a turn, however much is waiting.
AT_ONCE = 250
# While much happens one asks no more often: a question costs as much as some ten changes, here and there.
_GATHER_S = 0.03


class Batch(NamedTuple):
    """Some events in order, maybe none. later: where the stream goes on behind them."""

    events: Sequence[Document]
    later: Document


class ChangeStreams:
    """Opens change streams on one database."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database
        self._leaving: set[asyncio.Task[None]] = set()

    async def batches(self, place: Document, stages: Sequence[Document]) -> AsyncGenerator[Batch, None]:
        """What happens from a place on, until the server ends it. Raises PyMongoError.

        place: an option of `$changeStream`, or a batch's `later`.
        """
        # A cursor belongs to the session that it was opened in.
        async with await self._database.client.start_session(causal_consistency=False) as session:
            opening = {
                "aggregate": 1,
                "pipeline": [{"$changeStream": place}, *stages],
                "cursor": {"batchSize": AT_ONCE},
            }
            cursor = await self._command(opening, session)
            _, _, collection = cursor["ns"].partition(".")
            more = {"getMore": cursor["id"], "collection": collection} | {
                "batchSize": AT_ONCE,
                "maxTimeMS": _AWAIT_MS,
            }
            try:
                asked = 0.0
                while True:
                    batch = _batch(cursor, place)
                    place = batch.later
                    yield batch
                    if not cursor["id"]:
                        return
                    asked = await _gather(asked, len(batch.events))
                    cursor = await self._command(more, session)
            finally:
                self._end(cursor["id"], collection)

    async def _command(self, command: Document, session: AsyncIOMotorClientSession) -> dict[str, Any]:
        reply = await self._database.command(command, session=session)
        cursor: dict[str, Any] = reply["cursor"]
        return cursor

    def _end(self, cursor: int, collection: str) -> None:
        """End it, also under a question that is still open; nobody waits for that."""
        if cursor:
            task = asyncio.create_task(self._kill(cursor, collection))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _kill(self, cursor: int, collection: str) -> None:
        with suppress(PyMongoError):  # its server is gone, and the cursor with it
            await self._database.command({"killCursors": collection, "cursors": [cursor]})


def _batch(cursor: dict[str, Any], place: Document) -> Batch:
    events = cursor["firstBatch"] if "firstBatch" in cursor else cursor["nextBatch"]
    # The server also tells how far it has looked in vain, so that the place of a quiet stream stays young.
    token = cursor.get("postBatchResumeToken") or (events[-1]["_id"] if events else None)
    return Batch(events, place if token is None else {"resumeAfter": token})


async def _gather(asked: float, got: int) -> float:
    """Wait before the next question where the last one was only just asked, unless it left something behind.

    asked: when, by the loop's clock. Returns the time of the next one.
    """
    loop = asyncio.get_running_loop()
    if got < AT_ONCE:
        await asyncio.sleep(asked + _GATHER_S - loop.time())
    return loop.time()
