"""The order of acceptance within one process."""

from __future__ import annotations


class Sequence:
    """Strictly increasing microseconds, whatever the wall clock does."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now_us: int) -> int:
        """`now_us` (µs since the Unix epoch), or one more than the last answer if that isn't later."""
        self._last = max(self._last + 1, now_us)
        return self._last
