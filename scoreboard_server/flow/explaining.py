"""Explaining a score: where each of its points came from."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from ..rules.entry import Correction
from ..rules.history import Line, Place, place_behind, told
from ..rules.instants import timestamp
from .few_readers import few_readers, patience_ends
from .ports import History


class Page(Struct, frozen=True):
    """Some lines, newest first; `next` is where the page after it begins, None behind the last one."""

    lines: list[Line]
    next: Place | None


class Action(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One line as clients read it.

    at: RFC 3339 in UTC. total: the score with it and all older ones. reason: of what an admin has corrected.
    """

    action_id: str
    action_type: str
    points: int
    at: str
    total: int
    reason: str | UnsetType = UNSET


def action(line: Line) -> Action:
    """The line, for clients."""
    entry = line.entry
    reason = entry.reason if isinstance(entry, Correction) else UNSET
    at = timestamp(entry.at, "microseconds")
    return Action(entry.action, entry.type, entry.points, at, line.total, reason)


async def explain(
    history: History, user: str, place: Place | None, limit: int, season: int | None = None
) -> Page:
    """The user's lines from that place on. season: see `History.past`. Raises StoreUnavailable."""
    past = await history.past(user, place, limit + 1, season)
    lines = told(past.entries, past.total)
    if len(lines) <= limit:
        return Page(lines, None)
    return Page(lines[:limit], place_behind(lines[limit - 1]))


class Explaining:
    """Explains to the clients of a server, a few at a time and with patience."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._readers = few_readers()

    async def page(self, user: str, place: Place | None, limit: int, season: int | None = None) -> Page:
        """As `explain`. Raises Unavailable `store_unavailable` or `overloaded`."""
        return await self._readers.call(
            lambda: explain(self._history, user, place, limit, season), patience_ends()
        )
