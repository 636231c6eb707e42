"""Reading from the store for clients: a few at a time, and nobody for long.

What they ask for waits in the driver's threads before the next batch of the pipeline, so a crowd, or a store
that stands still, must not fill these with reads that perhaps nobody waits for any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..rules.refusals import Unavailable
from .ports import StoreUnavailable

PATIENCE_S = 5.0
_AT_ONCE = 2


class FewReaders:
    """Lets in two at once."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Read within this. Raises Unavailable `store_unavailable`, after some seconds at the latest."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._places:
                yield
        except (TimeoutError, StoreUnavailable):
            raise Unavailable("store_unavailable", "The store does not answer.", 2) from None
