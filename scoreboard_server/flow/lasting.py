"""Work that goes on when those who wait for it have left: a thread of the driver can't be called back.

Whoever lets others in must know when it is really over, so it is a task of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..rules.refusals import Refusal
from .ports import StoreUnavailable

log = logging.getLogger("scoreboard.app")

T = TypeVar("T")


class Lasting:
    """Holds such tasks until they are done."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()  # the event loop alone would forget them

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin it. Whatever nobody expects of it is told in the log, as perhaps nobody waits any more."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Refusal | StoreUnavailable | TimeoutError):
            log.error("what goes on for those who have left has failed", exc_info=error)


async def until(deadline: float, task: asyncio.Task[T]) -> T:
    """What comes of the task, which goes on in any case. Raises TimeoutError.

    deadline: in the loop's time.
    """
    async with asyncio.timeout_at(deadline):
        return await asyncio.shield(task)
