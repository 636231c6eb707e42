"""Checking the books: what the ledger adds up to, against what the standings say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from .entry import is_correction

Account = tuple[int, str]
"""(season's number, user)."""


class Total(Struct):
    """A fold over entries. actions: without corrections. reached_at: µs since the Unix epoch, 0 for none."""

    score: int = 0
    actions: int = 0
    reached_at: int = 0

    def add(self, action_type: str, points: int, at: int) -> None:
        """Fold one entry in."""
        self.score += points
        if not is_correction(action_type):
            self.actions += 1
            self.reached_at = max(self.reached_at, at)


class Difference(Struct, frozen=True):
    """A standing that isn't the fold of its entries. None: there are no entries, or there is no standing."""

    season: int
    user: str
    ledger: Total | None
    standing: Total | None


def differences(ledger: Mapping[Account, Total], standings: Mapping[Account, Total]) -> Iterator[Difference]:
    """Every account on which the two disagree, in order."""
    for season, user in sorted(ledger.keys() | standings.keys()):
        folded, kept = ledger.get((season, user)), standings.get((season, user))
        if folded != kept:
            yield Difference(season, user, folded, kept)
