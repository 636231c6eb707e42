"""A season's entries in the order of its canonical export, and no command looks at more than it answers.

There is no index in that order: it would hold each action's id a third time. That of seasons knows users, so
some entries are read at a time and sorted here, and a user who has more than that by the index of actions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import takewhile
from operator import itemgetter
from typing import Protocol

from .documents import Document, folded_into

# Between two of them a server does something else.
_CHUNK = 500


class Scan(Protocol):
    """Reads the ledger: documents that match, in that order, by that index; the first ones for a limit."""

    def __call__(
        self, wanted: Document, *, sort: Sequence[str], hint: str, limit: int = 0
    ) -> AsyncIterator[Document]: ...


async def in_order(scan: Scan, season: int) -> AsyncIterator[Document]:
    """The documents of what was folded into a season, by user and action."""
    last = ""  # nobody's id
    while True:
        wanted = folded_into(season) | {"user": {"$gt": last}}
        chunk = [each async for each in scan(wanted, sort=["user"], hint="of_season", limit=_CHUNK)]
        is_rest = len(chunk) < _CHUNK
        whole = chunk if is_rest else _without_last_user(chunk)
        for each in sorted(whole, key=itemgetter("user", "action")):
            yield each
        if is_rest:
            return
        if not whole:
            wanted = folded_into(season) | {"user": chunk[0]["user"]}
            async for each in scan(wanted, sort=["user", "action"], hint="user_action"):
                yield each
        last = (whole or chunk)[-1]["user"]


def _without_last_user(chunk: Sequence[Document]) -> list[Document]:
    """What is surely whole of documents that are sorted by user."""
    return list(takewhile(lambda each: each["user"] != chunk[-1]["user"], chunk))
