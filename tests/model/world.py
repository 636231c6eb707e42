"""The whole: one store, the processes on it, and those who submit. Everything happens in single steps."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from scoreboard_server.flow import folding, pipeline
from scoreboard_server.rules.entry import Submission

from .disk import Disk, State, StoreRules
from .process import Process
from .submitters import Clock, Record, Request
from .verdict import Untrue, hold
from .virtual_loop import VirtualLoop
from .wire import Wire

# More than a retry's pause, a fold's interval and the age of what was left behind need together.
_MOST_ROUNDS = 60


class World:
    """After each step nothing moves: whoever waits, waits for the store, for time or for the feed."""

    def __init__(self, rules: StoreRules, processes: int) -> None:
        self._sizes = small_sizes()
        self.loop = VirtualLoop()
        self.disk = Disk(rules)
        self.wire = Wire(self.disk)
        self.record = Record(self.disk)
        self._clock = Clock(self.loop)
        self._lives = itertools.count(1)
        self._requests: list[tuple[Request, asyncio.Task[None]]] = []
        self.processes = [self._born() for _ in range(processes)]
        self.all_go_through()

    def _born(self) -> Process:
        return Process(
            f"life{next(self._lives)}",
            self.wire,
            loop=self.loop,
            now_us=self._clock.now_us,
            shown=self.record.shown,
        )

    # --- steps ------------------------------------------------------------------------------------

    def submit(self, process: Process, submission: Submission) -> None:
        """Somebody asks; nothing is done for it yet."""
        if process.pipeline is not None:
            request = Request(process, submission, self.record, self._clock)
            self._requests.append((request, self.loop.create_task(request.run())))

    def leave(self, which: int) -> None:
        """One of those who wait hangs up."""
        if self._requests:
            self._requests[which % len(self._requests)][1].cancel()

    def kill(self, place: int) -> None:
        """A process ends as by kill -9 and another is started in its place; its callers learn nothing."""
        dead = self.processes[place]
        for request, task in self._requests:
            if request.process is dead:
                task.cancel()
        self.run()  # they are gone before the process is, so that its last words reach nobody
        dead.kill()
        self.run()
        hold(dead.is_dead, "a killed process lives on")
        self.processes[place] = self._born()

    def stop(self, place: int) -> None:
        """A process is told to end and has no time to finish: its callers get an answer, then it is gone."""
        process = self.processes[place]
        if process.pipeline is not None:
            process.pipeline.give_up()
            self.run()
            self.submit(process, Submission("ann", "a1", "open"))
            self.run()
        self.kill(place)

    def all_go_through(self) -> None:
        """The store answers everything, also what is asked because of the answers."""
        self.run()
        for _ in range(_MOST_ROUNDS):
            if not self.wire.calls:
                return
            for call in list(self.wire.calls):
                self.wire.go_through(call)
            self.run()
        raise Untrue("somebody asks the store for ever")

    def settle(self) -> None:
        """Strays land, then nothing fails any more, until there is nothing left to do."""
        for stray in list(self.wire.strays):
            self.wire.land(stray)
        for _ in range(_MOST_ROUNDS):
            self.all_go_through()
            self.disk.replicate()
            for process in self.processes:
                process.feed.bring(len(self.disk.committed.feed))
            self.run()
            if not self._requests and self.is_quiet and not self.disk.primary.pending:
                return
            self.run(1.0)
        raise Untrue("it never comes to rest")

    def run(self, seconds: float = 0.0) -> None:
        """Let everyone do what can be done, and judge what was answered."""
        self.loop.run_for(seconds)
        done = [task for _, task in self._requests if task.done()]
        self._requests = [(request, task) for request, task in self._requests if not task.done()]
        for error in _errors(done):
            raise error

    # --- judging ----------------------------------------------------------------------------------

    @property
    def is_quiet(self) -> bool:
        """Whether every process should show the truth."""
        return all(process.is_idle for process in self.processes) and not self.wire.calls

    def check(self) -> None:
        """All that must hold at every instant."""
        for state in (self.disk.primary, self.disk.committed):
            check_state(state)
        self.record.check()
        for process in self.processes:
            process.check()
            self._check_board(process)

    def _check_board(self, process: Process) -> None:
        if process.live is None:
            return
        truth, shown = self.disk.committed.folded_ledger(), process.totals()
        for user, (score, _) in shown.items():
            hold(score <= truth.get(user, (0, 0))[0], f"{user} is shown more than the ledger has")
        if process.is_idle:
            hold(shown == truth, f"all is followed, but the board is {shown} and the ledger {truth}")

    def close(self) -> None:
        """End everything."""
        for process in self.processes:
            process.kill()
        for _, task in self._requests:
            task.cancel()
        self.loop.run_for(0)
        _errors([task for _, task in self._requests])
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
        self._sizes.undo()


def _errors(tasks: list[asyncio.Task[None]]) -> list[BaseException]:
    """What went wrong in these; of all of them, as what nobody asks for is logged at any later time."""
    return [error for task in tasks if not task.cancelled() and (error := task.exception())]


def small_sizes() -> pytest.MonkeyPatch:
    """Sizes that a handful of requests fills, so that all that is bounded meets its bound."""
    sizes = pytest.MonkeyPatch()
    sizes.setattr(pipeline, "BATCH_SIZE", 2)
    sizes.setattr(pipeline, "QUEUE_SIZE", 4)
    sizes.setattr(folding, "FOLD_SIZE", 3)
    return sizes


def check_state(state: State) -> None:
    """Each action once, and nothing between ledger and standings lost or counted twice."""
    keys = [line.key for line in state.lines]
    hold(len(keys) == len(set(keys)), "an action is in the ledger twice")
    hold(
        state.folded_ledger() == state.standings_and_pending(),
        f"the ledger adds up to {state.folded_ledger()}, the standings to {state.standings_and_pending()}",
    )
