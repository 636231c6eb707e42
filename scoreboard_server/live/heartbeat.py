"""The heartbeat: asks each watcher now and then whether it is there, and gives up who does not answer.

One loop for all watchers, as a task for each would take more memory than its place does. Everybody waits
the same times, so whoever was asked first is due first, and nobody is looked at before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

_STEP_S = 0.5


class Pulse:
    """One watcher's. Set `answered` when an answer comes; call `leave` when the watcher goes."""

    __slots__ = ("answered", "ask", "due", "give_up")

    def __init__(self, ask: Callable[[], object], give_up: Callable[[], object], due: float) -> None:
        self.ask: Callable[[], object] | None = ask
        self.give_up: Callable[[], object] | None = give_up
        self.due = due
        self.answered = False

    def leave(self) -> None:
        """Be asked no more. Lets go of the watcher at once, however long the next turn is off."""
        self.ask = self.give_up = None


class Heartbeat:
    """All of them.

    interval: seconds from one question to the next. patience: seconds for the answer, less than that. clock:
    in seconds, monotonic.
    """

    def __init__(self, *, interval: float, patience: float, clock: Callable[[], float]) -> None:
        self._rest = interval - patience
        self._patience = patience
        self._clock = clock
        self._resting: deque[Pulse] = deque()
        self._asked: deque[Pulse] = deque()

    def join(self, ask: Callable[[], object], give_up: Callable[[], object]) -> Pulse:
        """A new watcher. ask: sends a question. give_up: called when none of them is answered."""
        pulse = Pulse(ask, give_up, self._clock() + self._rest)
        self._resting.append(pulse)
        return pulse

    async def run(self) -> None:
        """For ever. To be supervised."""
        while True:
            self.turn()
            await asyncio.sleep(_STEP_S)

    def turn(self) -> None:
        """Give up who has not answered in time, and ask who is due."""
        now = self._clock()
        for pulse in _due(self._asked, now):
            if pulse.answered:
                pulse.due = now + self._rest
                self._resting.append(pulse)
            elif pulse.give_up is not None:
                pulse.give_up()
        for pulse in _due(self._resting, now):
            if pulse.ask is not None:
                pulse.answered = False
                pulse.due = now + self._patience
                self._asked.append(pulse)
                pulse.ask()


def _due(queue: deque[Pulse], now: float) -> list[Pulse]:
    """Those whose time has come and who have not left, taken off the queue."""
    due = []
    while queue and queue[0].due <= now:
        pulse = queue.popleft()
        if pulse.ask is not None:
            due.append(pulse)
    return due
