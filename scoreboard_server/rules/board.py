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
from sortedcontainers import SortedList

_Key = tuple[int, int, str]


class Standing(Struct, frozen=True, gc=False):
    """One user's place. `rank` counts from 1; `reached_at` is in microseconds since the Unix epoch."""

    user: str
    score: int
    reached_at: int
    rank: int


class Board:
    """Order statistics over standings.

    Not safe for use from several threads; there is no await inside, so one event loop may share it.
    """

    def __init__(self, standings: Iterable[tuple[str, int, int]] = (), hidden: Collection[str] = ()) -> None:
        """Build from `(user, score, reached_at)` triples, one a user. O(n log n)."""
        self._totals: dict[str, tuple[int, int]] = {u: (score, at) for u, score, at in standings}
        self._hidden = set(hidden)
        self._order: SortedList[_Key] = SortedList(
            (-score, at, user) for user, (score, at) in self._totals.items() if self._has_place(user, at)
        )
        self._last_at = max((at for _, at in self._totals.values()), default=0)

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
            score, reached_at = points, at
        else:
            old_score, old_at = before
            if self._has_place(user, old_at):
                self._order.remove((-old_score, old_at, user))
            score, reached_at = old_score + points, max(old_at, at)
        self._totals[user] = (score, reached_at)
        self._last_at = max(self._last_at, at)
        if not self._has_place(user, reached_at):
            return score, None
        key = (-score, reached_at, user)
        self._order.add(key)
        return score, self._order.bisect_left(key) + 1

    def hide(self, user: str) -> bool:
        """Take the user's place away; those behind close up. Whether there was one. O(log n)."""
        if user in self._hidden:
            return False
        score, at = self._totals.get(user, (0, 0))
        if at:
            self._order.remove((-score, at, user))
        self._hidden.add(user)
        return bool(at)

    def show(self, user: str) -> bool:
        """Give a hidden user the place back that is due now. Whether there is one. O(log n)."""
        if user not in self._hidden:
            return False
        self._hidden.remove(user)
        score, at = self._totals.get(user, (0, 0))
        if at:
            self._order.add((-score, at, user))
        return bool(at)

    @property
    def hidden(self) -> frozenset[str]:
        """Who is hidden, with a total or without one."""
        return frozenset(self._hidden)

    def _has_place(self, user: str, reached_at: int) -> bool:
        return bool(reached_at) and user not in self._hidden

    def standing(self, user: str) -> Standing | None:
        """The user's standing, None when the user isn't on the board. O(log n)."""
        total = self._totals.get(user)
        if total is None or not self._has_place(user, total[1]):
            return None
        score, at = total
        return Standing(user, score, at, self._order.bisect_left((-score, at, user)) + 1)

    def page(self, offset: int, limit: int) -> list[Standing]:
        """Standings of ranks `offset + 1` to `offset + limit`. O(log n + limit)."""
        first = offset + 1
        keys = self._order.islice(offset, offset + limit)
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

    def check(self) -> None:
        """Raise AssertionError when the order and the totals disagree. For tests; O(n log n)."""
        keys = list(self._order)
        assert keys == sorted(keys), "out of order"  # noqa: S101 -- what a check is for
        totals = self._totals.items()
        expected = {(-score, at, user) for user, (score, at) in totals if self._has_place(user, at)}
        assert len(keys) == len(expected) and set(keys) == expected, "order and totals differ"  # noqa: S101 -- as above
        self._order._check()  # type: ignore[attr-defined]  # the stubs leave it out
