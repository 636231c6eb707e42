"""What is under way: each action from its being asked for to its answer, in the order of asking."""

from __future__ import annotations

import asyncio
from collections import deque

from ..rules.entry import Entry, Receipt
from ..rules.refusals import Refusal, Unavailable
from .ports import Key

# Whose deadline is hardly sooner than the flight's is told with it.
_WORTH_WATCHING_S = 0.25


class Flight:
    """One action under way, shared by everyone who asks for it meanwhile.

    deadline: in the loop's time; whoever still waits then is told the truth so far. is_taken: a batch has it,
    so it may be written. is_recorded: the ledger has told that it has the action, so it is not the store that
    is waited for.
    """

    __slots__ = ("_answer", "_waiting", "deadline", "entry", "is_recorded", "is_taken")

    def __init__(self, entry: Entry, deadline: float) -> None:
        self.entry = entry
        self.deadline = deadline
        self.is_taken = self.is_recorded = False
        self._answer: Receipt | Refusal | None = None
        # One for each who asks, so that whoever leaves takes nobody else along.
        self._waiting: list[asyncio.Future[Receipt | Refusal]] = []

    @property
    def key(self) -> Key:
        """What the action is unique by."""
        return self.entry.user, self.entry.action

    @property
    def is_answered(self) -> bool:
        """Whether those who ask have been told something, if only that the outcome is unknown."""
        return self._answer is not None

    async def answer(self, deadline: float | None = None) -> Receipt | Refusal:
        """What those who ask are told, once it is known.

        deadline: of one who has spent some time before, None for the flight's, which is watched for all.
        """
        if self._answer is not None:
            return self._answer
        waiting: asyncio.Future[Receipt | Refusal] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        if deadline is None or deadline > self.deadline - _WORTH_WATCHING_S:
            return await waiting
        try:
            async with asyncio.timeout_at(deadline):
                return await waiting
        except TimeoutError:
            return unknown()

    def tell(self, answer: Receipt | Refusal) -> None:
        """Answer those who wait, unless they have been answered."""
        if self._answer is not None:
            return
        self._answer = answer
        for waiting in self._waiting:
            if not waiting.done():  # else it has left
                waiting.set_result(answer)


class Flights:
    """All flights by key. Those that no batch has taken yet wait in a queue.

    Both are in the order of take-off, and so of their deadlines.
    """

    def __init__(self) -> None:
        self._by_key: dict[Key, Flight] = {}
        self._queue: deque[Flight] = deque()
        self._none_left = asyncio.Event()
        self._none_left.set()

    def __len__(self) -> int:
        """How many are under way, waiting or being written."""
        return len(self._by_key)

    @property
    def waiting(self) -> int:
        """How many no batch has taken yet."""
        return len(self._queue)

    @property
    def some_wait(self) -> bool:
        """Whether the next batch has somebody to take."""
        return bool(self._queue)

    def find(self, key: Key) -> Flight | None:
        """The flight of this action, None when it isn't under way."""
        return self._by_key.get(key)

    def take_off(self, flight: Flight) -> None:
        """Queue a new one. Its key must not be under way."""
        self._by_key[flight.key] = flight
        self._queue.append(flight)
        self._none_left.clear()

    def next_batch(self, most: int) -> list[Flight]:
        """Take up to `most` out of the queue, to be written."""
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), most))]
        for flight in batch:
            flight.is_taken = True
        return batch

    async def answer(self, flight: Flight, deadline: float | None) -> Receipt | Refusal:
        """What the one is told for whom it took off. deadline: see `Flight.answer`.

        If no batch has taken it by then it lands, so that what this one is told is the end of it.
        """
        answer = await flight.answer(deadline)
        if flight.is_taken or flight.is_answered:
            return answer
        self._queue.remove(flight)
        self.land(flight, not_added())
        return not_added()

    def land(self, flight: Flight, answer: Receipt | Refusal) -> None:
        """It is over: answer it and forget it, unless it was given up before."""
        self._by_key.pop(flight.key, None)
        flight.tell(answer)
        if not self._by_key:
            self._none_left.set()

    def tell_overdue(self, now: float) -> bool:
        """Answer those who have waited long enough; whether any of them, untold so far, waits for the store.

        Who waits in the queue has added nothing and lands. What is being written stays under way, so that a
        repeat meets it.
        """
        while self._queue and self._queue[0].deadline <= now:
            self.land(self._queue.popleft(), not_added())
        some_written = False
        for flight in self._by_key.values():
            if flight.deadline > now:
                break
            some_written = some_written or not (flight.is_answered or flight.is_recorded)
            flight.tell(unknown())
        return some_written

    def give_up(self) -> None:
        """Nothing will be written any more: tell everyone the truth so far, and forget them all."""
        while self._queue:
            self.land(self._queue.popleft(), not_added())
        for flight in list(self._by_key.values()):
            self.land(flight, unknown())

    async def none_left(self) -> None:
        """Return when nothing is under way."""
        await self._none_left.wait()


def unknown() -> Refusal:
    """Its entry may be in the ledger or not."""
    return Unavailable(
        "store_unavailable",
        "The store does not answer; the action may or may not be counted. Repeat the same id to learn.",
        retry_after=2,
        may_be_done=True,
    )


def not_added() -> Refusal:
    """No entry was written for this request; an earlier one may have been counted all the same."""
    return Unavailable(
        "store_unavailable",
        "The store does not answer; this request has added nothing. Repeat the same id.",
        retry_after=2,
    )


def not_taken() -> Refusal:
    """The store refuses its entry, for good as far as it says; an admin has to look at the log."""
    return Unavailable(
        "store_unavailable", "The store does not take this action. Repeat the same id later.", retry_after=30
    )
