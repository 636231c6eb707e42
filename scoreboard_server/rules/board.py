"""The board: all standings of a season, in order.

A standing is a commutative fold over a user's entries (`score = Σ points`, `reached_at = max(at)`), so
entries may arrive in any order and every fold over the same entries is the same board. The order is
`(score desc, reached_at asc, user asc)`: who reached a score first stays ahead.

Not every total has a place in that order: who is hidden (banned) has none until shown again, and who has
nothing but corrections, so a `reached_at` of 0, has none either. Their totals are kept up to date all the
same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct

from .ordering import Key, Ordering


class Standing(Struct, frozen=True, gc=False):
    """One user's place. `rank` counts from 1; `reached_at` is in microseconds since the Unix epoch."""

    user: str
    score: int
    reached_at: int
    rank: int


class Draft:
    """A board in the making: totals are put in as they come, and ordered when all are there."""

    def __init__(self) -> None:
        self._totals: dict[str, Key] = {}

    def __len__(self) -> int:
        """How many users it has."""
        return len(self._totals)

    def put(self, user: str, score: int, reached_at: int) -> None:
        """The user's total; each user has one."""
        self._totals[user] = (-score, reached_at, user)

    def board(self, hidden: Collection[str] = ()) -> Board:
        """Order them. Of a million it takes seconds, and leaves other threads their turns. O(n log n)."""
        board = Board()
        board._take_over(self._totals, hidden)
        return board


class Board:
    """Order statistics over standings.

    Not safe for use from several threads; there is no await inside, so one event loop may share it. A user's
    total is kept as the very key of its place, so that a place takes no memory of its own.
    """

    def __init__(self, standings: Iterable[tuple[str, int, int]] = (), hidden: Collection[str] = ()) -> None:
        """Build from `(user, score, reached_at)` triples, one a user. O(n log n)."""
        self._take_over({user: (-score, at, user) for user, score, at in standings}, hidden)

    def _take_over(self, totals: dict[str, Key], hidden: Collection[str]) -> None:
        self._totals = totals
        self._hidden = set(hidden)
        self._order = Ordering([key for key in totals.values() if self._has_place(key)])
        self._last_at = max((at for _, at, _ in totals.values()), default=0)

    def __len__(self) -> int:
        """How many users are on the board. O(1)."""
        return len(self._order)

    @property
    def last_at(self) -> int:
        """`at` of the newest entry folded in (µs since the Unix epoch), 0 on an empty board."""
        return self._last_at

    def apply(self, user: str, points: int, at: int) -> tuple[int, int | None]:
        """Fold one entry in; return the user's new `(score, rank)`, rank None without a place. O(log n).

        at: µs since the Unix epoch, 0 for a correction. The caller answers for each entry being applied once.
        """
        before = self._totals.get(user)
        if before is None:
            key = (-points, at, user)
        else:
            minus, reached_at, user = before  # the string that is kept already
            key = (minus - points, max(reached_at, at), user)
            if self._has_place(before):
                self._order.remove(before)
        self._totals[user] = key
        self._last_at = max(self._last_at, at)
        if not self._has_place(key):
            return -key[0], None
        return -key[0], self._order.add(key) + 1

    def hide(self, user: str) -> bool:
        """Take the user's place away; those behind close up. Whether there was one. O(log n)."""
        if user in self._hidden:
            return False
        key = self._totals.get(user)
        had_place = key is not None and self._has_place(key)
        if key is not None and had_place:
            self._order.remove(key)
        self._hidden.add(user)
        return had_place

    def show(self, user: str) -> bool:
        """Give a hidden user the place back that is due now. Whether there is one. O(log n)."""
        if user not in self._hidden:
            return False
        self._hidden.remove(user)
        key = self._totals.get(user)
        if key is None or not self._has_place(key):
            return False
        self._order.add(key)
        return True

    @property
    def hidden(self) -> frozenset[str]:
        """Who is hidden, with a total or without one."""
        return frozenset(self._hidden)

    def _has_place(self, key: Key) -> bool:
        return bool(key[1]) and key[2] not in self._hidden

    def standing(self, user: str) -> Standing | None:
        """The user's standing, None when the user isn't on the board. O(log n)."""
        key = self._totals.get(user)
        if key is None or not self._has_place(key):
            return None
        return Standing(user, -key[0], key[1], self._order.before(key) + 1)

    def page(self, offset: int, limit: int) -> list[Standing]:
        """Standings of ranks `offset + 1` to `offset + limit`. O(log n + limit)."""
        first = offset + 1
        keys = self._order.cut(offset, limit)
        return [Standing(user, -minus, at, first + i) for i, (minus, at, user) in enumerate(keys)]

    def around(self, user: str, limit: int) -> list[Standing]:
        """`limit` neighbours with the user in the middle, as far as the ends of the board allow.

        Empty when the user isn't on the board. O(log n + limit).
        """
        own = self.standing(user)
        if own is None:
            return []
        latest_start = max(0, len(self) - limit)
        return self.page(min(max(0, own.rank - 1 - limit // 2), latest_start), limit)

    def __iter__(self) -> Iterator[Standing]:
        """Every standing in order. O(n)."""
        return iter(self.page(0, len(self)))

    def dissolve(self) -> None:
        """Forget everybody, user by user: a board of a million that just goes out of use goes in one piece,
        and nobody else has a turn for a third of a second.
        """
        while self._totals:
            self._totals.popitem()
        self._order.dissolve()
        self._hidden.clear()

    def check(self) -> None:
        """Raise AssertionError when the order and the totals disagree. For tests; O(n log n)."""
        keys = list(self._order)
        assert keys == sorted(keys), "out of order"  # noqa: S101 -- what a check is for
        expected = {key for user, key in self._totals.items() if key[1] and user not in self._hidden}
        assert len(keys) == len(expected) and set(keys) == expected, "order and totals differ"  # noqa: S101 -- as above
        self._order.check()
