"""What the flow has done since the start, counted: plain numbers for whoever looks at them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..rules.spread import SECONDS, SIZES, Spread


def _seconds() -> Spread:
    return Spread(SECONDS)


def _sizes() -> Spread:
    return Spread(SIZES)


@dataclass(slots=True)
class Submissions:
    """What became of those that reached the gate, on whichever road."""

    counted: int = 0
    repeated: int = 0
    refused: int = 0


@dataclass(slots=True)
class Appends:
    """Batches: their sizes, how long each attempt that the store answered took, and how many it didn't.

    entries: those that are in the ledger by this process.
    """

    sizes: Spread = field(default_factory=_sizes)
    seconds: Spread = field(default_factory=_seconds)
    failures: int = 0
    entries: int = 0


@dataclass(slots=True)
class Folds:
    """Folds: their sizes and times, and how many gave way to somebody else's.

    foreign: entries folded that another writer has left behind.
    """

    sizes: Spread = field(default_factory=_sizes)
    seconds: Spread = field(default_factory=_seconds)
    yielded: int = 0
    foreign: int = 0


@dataclass(slots=True)
class Followed:
    """What the feed has brought, by the names of the changes, and how often the board was read again, by
    why.
    """

    changes: Counter[str] = field(default_factory=Counter)
    reloads: Counter[str] = field(default_factory=Counter)
