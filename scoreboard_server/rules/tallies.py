"""Tallies: what each user has had counted of each type of action, for as long as a cap may ask.

They are a fold over the ledger like the board: what is accepted here is taken at once, and given back when it
turns out to add nothing; what other processes count comes in by the change feed; after a start today's counts
come from the store. Only what happened within the last minute before a start is forgotten.

Clocks differ, also from themselves: an entry from the future counts as of now, and a day never ends twice.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping

from msgspec import Struct

from .action_types import ActionType
from .refusals import TooMany

DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
_LEAST_SWEPT = 10_000

Account = tuple[str, str]
"""(user, action type)."""


class CapReached(TooMany):
    """A cap, or a least time between two actions, is in the way.

    A repeat of what was counted is not meant.
    """


class DayCount(Struct):
    """What one user had counted of one type on one day. last: the newest `at` (µs since the Unix epoch)."""

    count: int = 0
    last: int = 0

    def add(self, at: int) -> None:
        """Count one more."""
        self.count += 1
        self.last = max(self.last, at)


class Taken(Struct, frozen=True, gc=False):
    """One action that was taken into account. at: µs since the Unix epoch. day: the one it counts for."""

    account: Account
    at: int
    day: int


class _Tally(Struct):
    """last: the newest that is known to count. The lists are None while there is nothing to keep in them:
    a million users have a million of these.
    """

    day: int
    today: int = 0
    last: int = 0
    under_way: list[Taken] | None = None
    recent: list[int] | None = None

    @property
    def newest(self) -> int:
        return max(self.last, *(taken.at for taken in self.under_way)) if self.under_way else self.last

    def turn_to(self, day: int) -> None:
        if day > self.day:
            self.day, self.today = day, 0

    def remember(self, at: int, now: int) -> None:
        """For the cap by the minute. The entries of others come a little late, so not always in order."""
        self.recent = self.within_a_minute(now)
        insort(self.recent, at)

    def within_a_minute(self, now: int) -> list[int]:
        recent = self.recent or []
        del recent[: bisect_right(recent, now - _MINUTE_US)]
        return recent

    def take(self, taken: Taken) -> None:
        self.under_way = self.under_way or []
        self.under_way.append(taken)
        self.today += taken.day == self.day

    def settle(self, taken: Taken, *, counted: bool) -> None:
        if self.under_way is None or taken not in self.under_way:
            return
        self.under_way.remove(taken)
        self.under_way = self.under_way or None
        if counted:
            self.last = max(self.last, taken.at)
            return
        self.today -= taken.day == self.day
        if self.recent and taken.at in self.recent:
            self.recent.remove(taken.at)


class Tallies:
    """Who had what counted, by user and type. Nothing is kept of types without caps.

    Everywhere now is in µs since the Unix epoch.
    """

    def __init__(self) -> None:
        self._tallies: dict[Account, _Tally] = {}
        self._swept_at = _LEAST_SWEPT

    def __len__(self) -> int:
        """How many accounts are kept."""
        return len(self._tallies)

    def take(self, user: str, kind: ActionType, now: int, *, checked: bool = True) -> Taken | None:
        """Take one action into account, if the type's caps allow it; None when it has no caps.

        checked: False for whom the caps don't bind. Raises CapReached `too_soon` or `cap_reached`.
        """
        if not kind.is_capped:
            return None
        tally = self._of((user, kind.name), now)
        if checked:
            _check(tally, kind, now)
        taken = Taken((user, kind.name), now, tally.day)
        tally.take(taken)
        if kind.per_minute:
            tally.remember(now, now)
        return taken

    def settle(self, taken: Taken, *, counted: bool) -> None:
        """It is known now whether the action was counted by this claim; if not, it is given back."""
        tally = self._tallies.get(taken.account)
        if tally is not None:
            tally.settle(taken, counted=counted)

    def counted(self, user: str, kind: ActionType, at: int, now: int) -> None:
        """Another process has counted one at that time."""
        if not kind.is_capped:
            return
        at = min(at, now)
        tally = self._of((user, kind.name), now)
        tally.today += at // DAY_US == tally.day
        tally.last = max(tally.last, at)
        if kind.per_minute:
            tally.remember(at, now)

    def replace(self, counts: Mapping[Account, DayCount], now: int) -> None:
        """Begin again from what the store says of today, and what is under way."""
        before, self._tallies = self._tallies, {}
        for account, told in counts.items():
            self._tallies[account] = _Tally(now // DAY_US, told.count, min(told.last, now))
        for account, tally in before.items():
            if tally.recent or tally.under_way:  # which the store does not tell
                kept = self._tallies.setdefault(account, _Tally(now // DAY_US, 0, tally.last))
                kept.recent = tally.recent
                for taken in tally.under_way or ():
                    kept.take(taken)

    def _of(self, account: Account, now: int) -> _Tally:
        today = now // DAY_US
        tally = self._tallies.get(account)
        if tally is None:
            self._sweep(now)
            tally = self._tallies[account] = _Tally(today)
        tally.turn_to(today)
        return tally

    def _sweep(self, now: int) -> None:
        """Forget who did nothing today, whenever twice as many are kept as after the last time."""
        if len(self._tallies) < self._swept_at:
            return
        today = now // DAY_US
        self._tallies = {
            account: tally
            for account, tally in self._tallies.items()
            if tally.day >= today or tally.under_way or now - tally.last < DAY_US
        }
        self._swept_at = max(_LEAST_SWEPT, 2 * len(self._tallies))


def _check(tally: _Tally, kind: ActionType, now: int) -> None:
    tally.last = min(tally.last, now)  # a clock that was set back locks nobody out until it is there again
    newest = tally.newest
    rest = kind.min_seconds - (now - newest) / 1e6
    if kind.min_seconds and newest and rest > 0:
        raise CapReached("too_soon", f"This action takes {kind.min_seconds:g} s at least.", rest)
    if kind.per_day and tally.today >= kind.per_day:
        rest = (DAY_US - now % DAY_US) / 1e6
        raise CapReached("cap_reached", f"This action counts {kind.per_day:,} times a day.", rest)
    recent = tally.within_a_minute(now)
    if kind.per_minute and len(recent) >= kind.per_minute:
        rest = (recent[len(recent) - kind.per_minute] + _MINUTE_US - now) / 1e6
        raise CapReached("cap_reached", f"This action counts {kind.per_minute:,} times a minute.", rest)
