"""Spread: how large the values of something were, counted by size."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

# Bounds of what is counted: seconds that somebody waits, and things that are done at once.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


class Spread:
    """Counts values by the smallest of the bounds that they don't exceed, the last count being of those over
    all bounds. bounds: ascending.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """One more."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def __len__(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def merge(self, other: Spread) -> None:
        """Add all that another one of the same bounds has counted."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total
