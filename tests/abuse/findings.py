"""What an attack did, and what it found."""

from __future__ import annotations

from collections import Counter

_TOLD = 40
_LENGTH = 600


class Findings:
    """Counts inputs by kind and how they were answered, and keeps what went wrong."""

    def __init__(self) -> None:
        self.inputs: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.violations: list[str] = []

    @property
    def total(self) -> int:
        """How many inputs were sent."""
        return sum(self.inputs.values())

    def violation(self, words: str) -> None:
        """Something that must never happen; beyond some forty they are the same over and over."""
        if len(self.violations) < _TOLD:
            self.violations.append(words[:_LENGTH])
