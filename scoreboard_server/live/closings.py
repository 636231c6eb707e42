"""Closings: how many sockets this server has closed, by reason."""

from __future__ import annotations

from collections import Counter

# Who has not read for so long that no close frame could reach it, either.
NOT_READING = "not reading"


class Closings:
    """Counts them. A reason is what the close frame says, or NOT_READING."""

    def __init__(self) -> None:
        self.by_reason: Counter[str] = Counter()

    def count(self, reason: str) -> None:
        """One more."""
        self.by_reason[reason] += 1
