"""Waiting: for a store that comes, and not for what doesn't end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from .flow.ports import StoreUnavailable

log = logging.getLogger("scoreboard.app")

_STORE_PATIENCE_S = 30.0
_STORE_PAUSE_S = 1.0
_CANCEL_PATIENCE_S = 0.3

T = TypeVar("T")


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` gives, tried again for a while when the store is away. Raises StoreUnavailable."""
    give_up = time.monotonic() + _STORE_PATIENCE_S
    while True:
        try:
            return await work()
        except StoreUnavailable as error:
            if time.monotonic() > give_up:
                raise
            log.warning("waiting for the store: %s", error)
            await asyncio.sleep(_STORE_PAUSE_S)


async def at_most(seconds: float, work: Awaitable[Any]) -> bool:
    """Whether the work was done in time.

    If not it is cancelled, and left behind if that doesn't end it: a thread may hang in the driver.
    """
    task = asyncio.ensure_future(work)
    await asyncio.wait([task], timeout=seconds)
    if task.done():
        await task
        return True
    task.cancel()
    await asyncio.wait([task], timeout=_CANCEL_PATIENCE_S)
    return False
