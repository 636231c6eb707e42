"""Verifying: the ledger is folded again and compared with the standings, and with a server's live board."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence, Set
from typing import Protocol

from msgspec import Struct

from ..rules.books import Difference, differences
from ..rules.entry import is_correction
from ..rules.history import place_behind, told
from .ports import Books, History, Span

# A snapshot lives five minutes; a span of so many entries is read in seconds.
SPAN_ENTRIES = 50_000
_LOOKS = 10
# Of a user's newest entries, until there is one that is no correction.
_LOOK_ENTRIES = 1000
_LOOK_PAUSE_S = 0.3


class LiveScores(Protocol):
    """The board of a running server."""

    async def scores(self, users: Collection[str]) -> dict[str, int]:
        """The scores shown of those users who are on it."""
        ...

    async def count(self) -> int:
        """How many users are on it."""
        ...

    async def users(self, offset: int) -> Sequence[str]:
        """Some users in the order of their ranks, those above `offset` left out; nobody behind the last."""
        ...


class BoardDifference(Struct, frozen=True):
    """A server shows another score than what is stored adds up to. None: not on the board."""

    user: str
    stored: int | None
    shown: int | None


class Checked(Struct, frozen=True):
    """What one span of users came to."""

    entries: int
    users: int
    standings: list[Difference]
    board: list[BoardDifference]


class _Shelf:
    """What is stored of single users now, as a board should show it."""

    def __init__(self, history: History, hidden: Set[str]) -> None:
        self._history = history
        self._hidden = hidden

    async def score(self, user: str) -> int | None:
        """None for who has no place on a board."""
        if user in self._hidden:
            return None
        past = newest = await self._history.past(user, None, _LOOK_ENTRIES)
        while all(is_correction(entry.type) for entry in past.entries):
            if len(past.entries) < _LOOK_ENTRIES:
                return None
            last = told(past.entries, past.total)[-1]
            past = await self._history.past(user, place_behind(last), _LOOK_ENTRIES)
        return newest.total


async def verify(
    books: Books, history: History, live: LiveScores | None = None, *, now_us: Callable[[], int]
) -> AsyncGenerator[Checked, None]:
    """Check span by span of users, in their order, each in one snapshot; the memory needed is that of a span.

    live: the board to compare with, if a server runs; whom only it knows comes last, without a span. now_us:
    µs since the Unix epoch, by which bans are in force. Raises StoreUnavailable.
    """
    expected = 0
    hidden: Set[str] = frozenset()
    known: set[str] = set()
    after: str | None = ""
    while after is not None:
        span = await books.span(after, SPAN_ENTRIES)
        hidden = {ban.user for ban in span.bans if ban.is_in_force(now_us())}
        scores = _scores(span, hidden)
        standings = list(differences(span.folded, span.standings))
        board = await _wrong_on_board(span, scores, _Shelf(history, hidden), live) if live is not None else []
        yield Checked(span.entries, len(_users(span)), standings, board)
        expected += len(scores)
        known.update(wrong.user for wrong in board)
        after = span.last
    if live is not None and await live.count() != expected:
        yield Checked(0, 0, [], await _only_on_board(books, _Shelf(history, hidden), live, known))


async def _only_on_board(
    books: Books, shelf: _Shelf, live: LiveScores, known: Collection[str]
) -> list[BoardDifference]:
    """Users who are shown and have no entries. They are looked for by rank, so the board should be quiet.

    known: who has been told of with a span.
    """
    found: list[BoardDifference] = []
    offset = 0
    while page := await live.users(offset):
        offset += len(page)
        for user in sorted((await books.without_standing(page)).difference(known)):
            wrong = await _look_closer(user, shelf, live)
            if wrong is not None:
                found.append(wrong)
    return found


async def _wrong_on_board(
    span: Span, expected: Mapping[str, int], shelf: _Shelf, live: LiveScores
) -> list[BoardDifference]:
    users = sorted(_users(span))  # those of past seasons too: a server may not have left one
    shown = await live.scores(users) if users else {}
    doubtful = [user for user in users if shown.get(user) != expected.get(user)]
    looked_at = [await _look_closer(user, shelf, live) for user in doubtful]
    return [wrong for wrong in looked_at if wrong is not None]


def _users(span: Span) -> set[str]:
    return {user for _, user in span.folded} | set(span.pending)


def _scores(span: Span, hidden: Set[str]) -> Mapping[str, int]:
    """What the board should show of each user: folded entries of the season and pending ones."""
    totals = {
        user: (total.score, total.reached_at)
        for (season, user), total in span.folded.items()
        if season == span.season
    }
    for user, total in span.pending.items():
        score, reached_at = totals.get(user, (0, 0))
        totals[user] = score + total.score, max(reached_at, total.reached_at)
    return {user: score for user, (score, at) in totals.items() if at and user not in hidden}


async def _look_closer(user: str, shelf: _Shelf, live: LiveScores) -> BoardDifference | None:
    """The board moves meanwhile: it is wrong only if it never fits between two looks at the store."""
    wrong: BoardDifference | None = None
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_LOOK_PAUSE_S)
        before = await shelf.score(user)
        shown = (await live.scores([user])).get(user)
        after = await shelf.score(user)
        if shown in (before, after) or _between(before, shown, after):
            return None
        wrong = BoardDifference(user, after, shown)
    return wrong


def _between(before: int | None, shown: int | None, after: int | None) -> bool:
    if before is None or shown is None or after is None:
        return False
    return min(before, after) <= shown <= max(before, after)
