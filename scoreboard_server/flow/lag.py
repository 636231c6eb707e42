"""Lag: how far this board is behind what is durable.

Measured by marks of our own, each written through the store and awaited on the feed: so by one clock,
whatever those of other hosts show, and also while nobody does anything. While a mark does not come back the
lag grows, from when it was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .repeats import Fence

INTERVAL_S = 5.0
# A mark that is missing for so long has been lost with a store that was away; another one is sent.
_PATIENCE_S = 15.0


class Lag:
    """clock: seconds, monotonic."""

    def __init__(self, fence: Fence, clock: Callable[[], float]) -> None:
        self._fence = fence
        self._clock = clock
        self._awaited_since: float | None = None
        self._last = 0.0

    @property
    def seconds(self) -> float:
        """What the last mark took there and back, or the one that is awaited so far, whichever is longer."""
        if self._awaited_since is None:
            return self._last
        return max(self._last, self._clock() - self._awaited_since)

    async def run(self) -> None:
        """Measure for ever. To be supervised."""
        while True:
            await self.measure()
            await asyncio.sleep(INTERVAL_S)

    async def measure(self) -> None:
        """Send one mark, or go on waiting where the last one is missing."""
        sent = self._clock()
        if self._awaited_since is None:
            self._awaited_since = sent
        if await self._fence.passed(_PATIENCE_S):
            self._last = self._clock() - sent
            self._awaited_since = None
