"""An event loop in which time passes only when it is told to, and in which nothing else is left to chance."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable

from .verdict import Untrue

# Far more than any step of the model takes: whoever spins for ever is caught instead of waited for.
_MOST_ROUNDS = 100_000


class _StillSelector(selectors.SelectSelector):
    """No file ever becomes ready; whoever would wait is told how long instead."""

    def __init__(self) -> None:
        super().__init__()
        self.on_wait: Callable[[float | None], None] = lambda seconds: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is ready. A timeout of 0 means that the loop has callbacks to run."""
        self.on_wait(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs what can run, then stands still. Threads are replaced by running at once."""

    def __init__(self) -> None:
        self._still = _StillSelector()
        self._now = 0.0
        self._until = 0.0
        self._rounds = 0
        super().__init__(self._still)
        self._still.on_wait = self._wait

    def time(self) -> float:
        """Seconds since the loop was made, in its own time."""
        return self._now

    def run_for(self, seconds: float) -> None:
        """Let so much time pass; with 0 run only what needs no time."""
        self._until = self._now + seconds
        self._rounds = 0
        self.run_forever()

    def _wait(self, timeout: float | None) -> None:
        self._rounds += 1
        if self._rounds > _MOST_ROUNDS:
            raise Untrue("somebody spins for ever")
        if timeout is not None and timeout <= 0:
            return
        if timeout is None or self._now + timeout > self._until:
            self._now = self._until
            self.stop()
        else:
            self._now += timeout

    def run_in_executor(self, executor: object, func: Callable[..., object], *args: object) -> asyncio.Future:  # type: ignore[type-arg]
        """Run it here and now: a thread would make the order of things depend on the machine."""
        done: asyncio.Future[object] = self.create_future()
        done.set_result(func(*args))
        return done
