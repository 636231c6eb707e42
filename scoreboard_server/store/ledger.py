"""The ledger's collection: appended in groups, unique by user and action id."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo.errors import BulkWriteError

from ..flow.ports import Batch, EntriesRefused, Key, Recorded
from .documents import Document, entry_documents, recorded
from .reaching import reaching

_DUPLICATE_KEY = 11000
# A disjunction of more branches than this is slow to plan.
_KEYS_AT_ONCE = 200


class MongoLedger:
    """Fits `flow.ports.Ledger`.

    entries: with majority, journaled write concern and majority read concern.
    """

    def __init__(self, entries: AsyncIOMotorCollection[Document]) -> None:
        self._entries = entries

    async def append(self, batch: Batch) -> frozenset[int]:
        """See `Ledger.append`."""
        try:
            with reaching():
                await self._entries.insert_many(entry_documents(batch), ordered=False)
        except BulkWriteError as error:
            return _duplicates(error)
        return frozenset()

    async def look_up(self, keys: Collection[Key]) -> dict[Key, Recorded]:
        """See `Ledger.look_up`."""
        found: dict[Key, Recorded] = {}
        for some in _chunks(keys, _KEYS_AT_ONCE):
            wanted = {"$or": [{"user": user, "action": action} for user, action in some]}
            with reaching():
                async for document in self._entries.find(wanted):
                    found[document["user"], document["action"]] = recorded(document)
        return found


def _duplicates(error: BulkWriteError) -> frozenset[int]:
    """The indexes that were there already, if that is all that went wrong."""
    write_errors = (error.details or {}).get("writeErrors", [])
    if not write_errors:  # nothing that is about single entries
        raise error
    why = {
        e["index"]: f"{e['errmsg']} (code {e['code']})" for e in write_errors if e["code"] != _DUPLICATE_KEY
    }
    if why:
        raise EntriesRefused(why) from error
    return frozenset(e["index"] for e in write_errors)


def _chunks(keys: Iterable[Key], size: int) -> Iterator[list[Key]]:
    rest = iter(keys)
    while some := list(islice(rest, size)):
        yield some
