"""The pipeline: from an admitted submission to a receipt, by one writer that commits in groups.

While batches are being written the next one gathers; there is no timer. Two may be under way, so that the
processor has work while the disk has (7 % more throughput than one, measured side by side); their order does
not matter, as a standing is a commutative fold. A batch is never let go: when its outcome is unknown, its
callers are answered in time with the truth ("repeat the same id to learn"), but the writer keeps at it until
the ledger has told which entries are there. Appending is idempotent (an entry is unique by user and action
id), so keeping at it can't count anything twice, and nobody else looks after entries that may land later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from ..live.live_board import LiveBoard
from ..rules.entry import Entry, Receipt, Submission
from ..rules.refusals import Unavailable
from ..rules.sequence import Sequence as Instants
from .counts import Appends
from .flights import Flight, Flights, not_added, not_taken
from .outage import Outage
from .ports import Batch, EntriesRefused, Ledger, Recorded, StoreUnavailable
from .repeats import Fence, Repeats, received

log = logging.getLogger("scoreboard.pipeline")

BATCH_SIZE = 1000
BATCHES_UNDER_WAY = 2
QUEUE_SIZE = 20_000
# How long a caller waits for the store before being told the truth so far.
PATIENCE_S = 8.0
SWEEP_S = 0.25
_PAUSES_S = (0.05, 0.1, 0.2, 0.5)

T = TypeVar("T")


class Pipeline:
    """Counts each submission once and tells its caller the new score and rank.

    writer: names this process among all writers, ever. now_us: µs since the Unix epoch.
    """

    def __init__(
        self, ledger: Ledger, live: LiveBoard, fence: Fence, *, writer: str, now_us: Callable[[], int]
    ) -> None:
        self._ledger = ledger
        self._live = live
        self._writer = writer
        self._now_us = now_us
        self._instants = Instants()
        self._flights = Flights()
        self._repeats = Repeats(ledger, live, fence, self._flights)
        self._interludes: deque[Callable[[], Awaitable[None]]] = deque()
        self._work = asyncio.Event()
        self._slots = asyncio.Semaphore(BATCHES_UNDER_WAY)
        self._batches = 0
        self._closed = False
        self._outage = Outage()
        self._notes: list[Entry] | None = None
        self.counts = Appends()
        self._under_way = asyncio.TaskGroup()

    # --- what callers do --------------------------------------------------------------------------

    async def submit(self, submission: Submission, points: int, deadline: float | None = None) -> Receipt:
        """Have the action counted, once, however often and from wherever it is asked for.

        deadline: told by `deadline` where this road began. Raises Unacceptable `action_id_reused`;
        Unavailable `overloaded`, `stopping` or `store_unavailable`.
        """
        shared = await self._repeats.join(submission, deadline)
        if shared is not None:
            return shared
        flight = self._take_off(submission, points)
        return received(await self._flights.answer(flight, deadline))

    async def recall(self, submission: Submission, deadline: float | None = None) -> Receipt | None:
        """The answer to a repeat, None when the action was never counted; adds nothing either way.

        deadline: as there. Raises Unacceptable `action_id_reused`; Unavailable `store_unavailable`.
        """
        shared = await self._repeats.join(submission, deadline)
        if shared is not None:
            return shared
        if self.is_cut_off:
            raise not_added()
        return await self._repeats.recall(submission, deadline or self.deadline())

    def deadline(self) -> float:
        """By when somebody who asks now is answered, in the loop's time."""
        return asyncio.get_running_loop().time() + PATIENCE_S

    def _take_off(self, submission: Submission, points: int) -> Flight:
        self._check_open()
        at = self._instants.next(self._now_us())
        entry = Entry(submission.user, submission.action, submission.type, points, at)
        flight = Flight(entry, self.deadline())
        self._flights.take_off(flight)
        self._work.set()
        return flight

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("stopping", "The server is stopping; repeat the same id in a moment.", 2)
        if len(self._flights) >= QUEUE_SIZE:
            raise Unavailable("overloaded", "Too many actions are waiting; repeat the same id in a moment.")
        if self.is_cut_off:
            raise not_added()

    @property
    def under_way(self) -> int:
        """How many actions wait to be written or are being written."""
        return len(self._flights)

    @property
    def waiting(self) -> int:
        """How many of them no batch has taken yet."""
        return self._flights.waiting

    @property
    def is_cut_off(self) -> bool:
        """True when the store has been away for longer than a caller would wait."""
        return self._outage.lasts_longer_than(PATIENCE_S)

    async def between_batches(self, action: Callable[[], Awaitable[T]]) -> T:
        """Run `action` while no batch is under way, and return its result."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def interlude() -> None:
            try:
                result = await action()
            except Exception as error:
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)

        self._interludes.append(interlude)
        self._work.set()
        return await done

    @contextmanager
    def noting(self) -> Iterator[list[Entry]]:
        """Note what is counted from now on, in the list that this gives."""
        assert self._notes is None, "one at a time"  # noqa: S101 -- one part reads boards again
        self._notes = []
        try:
            yield self._notes
        finally:
            self._notes = None

    def close(self) -> None:
        """Accept nothing more. What is under way is still counted and answered."""
        self._closed = True

    async def drained(self) -> None:
        """Return when nothing is under way."""
        await self._flights.none_left()

    def give_up(self) -> None:
        """Accept nothing more, and answer everyone who still waits with the truth so far."""
        self.close()
        self._flights.give_up()

    # --- the writer -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write batches for ever. To be supervised: a batch that fails for good ends this too.

        However it ends, nobody is left waiting.
        """
        try:
            async with self._under_way:
                self._under_way.create_task(self._watch_deadlines())
                await self._write_batches()
        finally:
            self.give_up()

    async def _write_batches(self) -> None:
        while True:
            await self._work.wait()
            while self._interludes:
                await self._alone(self._interludes.popleft())
            if self._flights.some_wait:
                await self._slots.acquire()
                flights = self._flights.next_batch(BATCH_SIZE)
                self._under_way.create_task(self._write_and_free_slot(flights))
            if not self._flights.some_wait and not self._interludes:
                self._work.clear()

    async def _alone(self, interlude: Callable[[], Awaitable[None]]) -> None:
        for _ in range(BATCHES_UNDER_WAY):
            await self._slots.acquire()
        try:
            await interlude()
        finally:
            for _ in range(BATCHES_UNDER_WAY):
                self._slots.release()

    async def _write_and_free_slot(self, flights: Sequence[Flight]) -> None:
        try:
            await self._write(flights)
        finally:
            self._slots.release()

    async def _write(self, flights: Sequence[Flight]) -> None:
        self._batches += 1
        self.counts.sizes.add(len(flights))
        flights, originals = await self._persist_what_can_be(flights, self._batches)
        foreign: list[tuple[Flight, Recorded]] = []
        for index, flight in enumerate(flights):
            original = originals.get(index)
            if original is None:
                self._count(flight)
            else:
                flight.is_recorded = True
                foreign.append((flight, original))
        if foreign:
            # Beside the writer: waiting for the board to catch up must not hold up the next batch.
            self._under_way.create_task(self._repeats.land(foreign))

    async def _persist_what_can_be(
        self, flights: Sequence[Flight], number: int
    ) -> tuple[Sequence[Flight], Mapping[int, Recorded]]:
        """Those that are durable now, and the originals of some by their indexes."""
        while flights:
            batch = Batch(self._writer, number, [flight.entry for flight in flights])
            try:
                return flights, await self._persist(batch)
            except EntriesRefused as refused:
                # The store has answered. The others are there, and will be recognised as this batch's.
                self._outage.end()
                flights = self._turn_away(flights, refused)
        return [], {}

    def _turn_away(self, flights: Sequence[Flight], refused: EntriesRefused) -> Sequence[Flight]:
        counts = {"refused": len(refused.why), "entries": len(flights)}
        log.error("the store refuses %d of %d entries: %s", *counts.values(), refused, extra=counts)
        for index in refused.why:
            self._flights.land(flights[index], not_taken())
        return [flight for index, flight in enumerate(flights) if index not in refused.why]

    async def _persist(self, batch: Batch) -> Mapping[int, Recorded]:
        """Make the batch durable, however long it takes; the originals of what others had counted before."""
        attempt = 0
        while True:
            try:
                originals = await self._append(batch)
            except StoreUnavailable as error:
                await self._endure(error, attempt)
                attempt += 1
            else:
                self._outage.end()
                return originals

    async def _append(self, batch: Batch) -> Mapping[int, Recorded]:
        begun = time.perf_counter()
        duplicates = await self._ledger.append(batch)
        self.counts.seconds.add(time.perf_counter() - begun)
        if not duplicates:
            return {}
        keys = {i: (batch.entries[i].user, batch.entries[i].action) for i in duplicates}
        found = await self._ledger.look_up(keys.values())
        if len(found) < len(keys):
            raise StoreUnavailable("an entry that is there already is not majority-committed yet")
        originals = {i: found[key] for i, key in keys.items()}
        # A duplicate of this very batch is no repeat: an attempt whose answer was lost had written it.
        return {i: o for i, o in originals.items() if (o.writer, o.batch) != (batch.writer, batch.number)}

    def _count(self, flight: Flight) -> None:
        entry = flight.entry
        score, rank = self._live.apply(entry.user, entry.points, entry.at)
        self.counts.entries += 1
        if self._notes is not None:
            self._notes.append(entry)
        self._flights.land(flight, Receipt(score, rank, entry.points))

    # --- when the store is away -------------------------------------------------------------------

    async def _endure(self, error: StoreUnavailable, attempt: int) -> None:
        self.counts.failures += 1
        self._outage.begin(str(error))
        await asyncio.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])

    async def _watch_deadlines(self) -> None:
        """Tell callers in time, whatever the store does: it may also just not answer."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(SWEEP_S)
            if self._flights.tell_overdue(clock()):
                self._outage.begin(f"no answer for {PATIENCE_S:.0f} s", clock() - PATIENCE_S)
