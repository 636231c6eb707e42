"""Calls of the store for clients: a few at once, and nobody waits for long.

They wait in the driver's threads before the next batch of the pipeline, so a crowd, or a store that stands
still, must not fill these. A thread is blocked for longer than a client waits: so a place is free again when
its call is over, not when its caller has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

from ..rules.refusals import Unavailable
from .lasting import Lasting, until
from .ports import StoreUnavailable

T = TypeVar("T")


class NotReached(Unavailable):
    """The store was asked in vain: it does not answer, or more is asked of it than it answers in time."""


class FewAtOnce:
    """Lets in so many at once.

    patience: seconds of silence after which nobody waits for a place any more. away, crowded: what those are
    told who were not answered in time, when the store answers nobody and when it answers others.
    """

    def __init__(
        self,
        at_once: int,
        patience: float,
        *,
        away: Callable[[], NotReached],
        crowded: Callable[[], NotReached],
    ) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._patience = patience
        self._away = away
        self._crowded = crowded
        self._lasting = Lasting()
        self._inside = 0
        self._silent_since = self._failed_at = -inf

    async def call(self, work: Callable[[], Awaitable[T]], deadline: float) -> T:
        """What comes of `work`. deadline: in the loop's time. Raises NotReached, and what `work` raises."""
        return await self.result(self.start(work, deadline), deadline)

    def start(self, work: Callable[[], Awaitable[T]], deadline: float) -> asyncio.Task[T]:
        """Begin it, as soon as there is a place; several may wait for the result. Raises NotReached.

        deadline: until when it may wait for its place.
        """
        if self._places.locked() and self._silent_for() > self._patience:
            raise self._away()
        return self._lasting.start(self._in_a_place(work, deadline))

    async def result(self, task: asyncio.Task[T], deadline: float) -> T:
        """What comes of a task, which goes on after the deadline. Raises as `call`."""
        try:
            return await until(deadline, task)
        except TimeoutError:
            raise self._crowded() if self._silent_for() < self._patience / 2 else self._away() from None
        except StoreUnavailable:
            raise self._away() from None

    def _silent_for(self) -> float:
        return _now() - self._silent_since

    async def _in_a_place(self, work: Callable[[], Awaitable[T]], deadline: float) -> T:
        async with asyncio.timeout_at(deadline):
            await self._places.acquire()
        self._enter()
        is_answered = True
        try:
            return await work()
        except StoreUnavailable:
            is_answered = False
            raise
        finally:
            self._leave(is_answered=is_answered)

    def _enter(self) -> None:
        # When nobody has asked for long, silence is no sign; when it has just failed, it goes on.
        if not self._inside and _now() - self._failed_at > self._patience:
            self._silent_since = _now()
        self._inside += 1

    def _leave(self, *, is_answered: bool) -> None:
        self._inside -= 1
        self._places.release()
        if is_answered:
            self._silent_since, self._failed_at = _now(), -inf
        else:
            self._failed_at = _now()


def timed_out(task: asyncio.Task[T]) -> bool:
    """Whether it found no place in its time."""
    return task.done() and not task.cancelled() and isinstance(task.exception(), TimeoutError)


def _now() -> float:
    return asyncio.get_running_loop().time()
