"""The state machine: any order of requests, answers, failures, failovers, kills and passing time."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scoreboard_server.rules.entry import Submission

from .disk import StoreRules
from .process import Process
from .verdict import hold
from .wire import Call
from .world import World

USERS = ("ann", "ben")
ACTIONS = ("a1", "a2", "a3")
# Few users and ids, so that repeats and meetings are the rule and not the exception.
SUBMISSIONS = st.builds(
    Submission,
    st.sampled_from(USERS),
    st.sampled_from(ACTIONS),
    st.sampled_from(("open", "open", "open", "other")),
)
WHICH = st.integers(0, 5)
PLACES = st.integers(0, 1)


class ScoreBoard(RuleBasedStateMachine):
    """Processes of real parts over a store that does at every turn what a store may do.

    rules_of_the_store: what it keeps; a negative control takes one of them out.
    """

    rules_of_the_store = StoreRules()

    @initialize(processes=st.sampled_from([1, 2, 2]))
    def begin(self, processes: int) -> None:
        """One process, or two that follow one another."""
        self.world = World(self.rules_of_the_store, processes)

    # --- submitters -------------------------------------------------------------------------------

    @rule(place=PLACES, submissions=st.lists(SUBMISSIONS, min_size=1, max_size=5))
    def submit(self, place: int, submissions: list[Submission]) -> None:
        """Some ask at once."""
        for submission in submissions:
            self.world.submit(self._process(place), submission)
        self.world.run()

    @precondition(lambda self: bool(self.world.record.acknowledged))
    @rule(place=PLACES, which=WHICH, kind=st.sampled_from((None, None, "open", "other")))
    def repeat(self, place: int, which: int, kind: str | None) -> None:
        """One who was answered asks once more, mostly for the same."""
        answered = list(self.world.record.acknowledged.items())
        (user, action), told = answered[which % len(answered)]
        self.world.submit(self._process(place), Submission(user, action, kind or told.type))
        self.world.run()

    @rule(which=WHICH)
    def leave(self, which: int) -> None:
        """One who waits hangs up."""
        self.world.leave(which)
        self.world.run()

    # --- the store --------------------------------------------------------------------------------

    def _call(self, which: int) -> Call:
        calls = self.world.wire.calls
        return calls[which % len(calls)]

    def _some_calls(self) -> bool:
        return bool(self.world.wire.calls)

    def _writes(self) -> list[Call]:
        return [call for call in self.world.wire.calls if call.is_write]

    def _batches(self) -> list[Call]:
        return [call for call in self.world.wire.calls if call.batch is not None and not call.has_happened]

    @precondition(_some_calls)
    @rule(which=WHICH)
    def answer(self, which: int) -> None:
        """One call goes through."""
        self.world.wire.go_through(self._call(which))
        self.world.run()

    @rule()
    def answer_all(self) -> None:
        """Everything goes through."""
        self.world.all_go_through()

    @precondition(_some_calls)
    @rule(which=WHICH)
    def do(self, which: int) -> None:
        """One call has its effect, and its answer is on the way for long."""
        self._call(which).happen()
        self.world.run()

    @precondition(_some_calls)
    @rule(which=WHICH, may_land=st.booleans())
    def lose(self, which: int, may_land: bool) -> None:
        """The connection of one call breaks, before or after its effect, or the effect comes later."""
        self.world.wire.lose(self._call(which), may_land=may_land)
        self.world.run()

    @precondition(lambda self: bool(self._writes()))
    @rule(which=WHICH, pause=st.sampled_from((0.0, 0.2)))
    def do_and_lose(self, which: int, pause: float) -> None:
        """One write has its effect, and its answer is lost; soon it may be tried again."""
        writes = self._writes()
        call = writes[which % len(writes)]
        call.happen()
        self.world.wire.lose(call, may_land=False)
        self.world.run(pause)

    @precondition(lambda self: bool(self._batches()))
    @rule(which=WHICH, most=st.integers(0, 2))
    def do_partly_and_lose(self, which: int, most: int) -> None:
        """Some entries of a batch are written when the connection breaks."""
        batches = self._batches()
        call = batches[which % len(batches)]
        assert call.batch is not None
        self.world.disk.append(call.batch, most)
        self.world.wire.lose(call, may_land=False)
        self.world.run()

    @precondition(lambda self: bool(self.world.wire.strays))
    @rule(which=WHICH)
    def land(self, which: int) -> None:
        """A write that nobody waits for any more is done all the same."""
        strays = self.world.wire.strays
        self.world.wire.land(strays[which % len(strays)])

    @rule()
    def replicate(self) -> None:
        """A majority has everything."""
        self.world.disk.replicate()

    @rule(answers=st.integers(0, 3))
    def fail_over(self, answers: int) -> None:
        """A few calls still go through, then what was on no majority is gone."""
        for _ in range(answers):
            if self.world.wire.calls:
                self.world.wire.go_through(self.world.wire.calls[-1])
                self.world.run()
        self.world.wire.fail_over()
        self.world.run()

    # --- processes and time -----------------------------------------------------------------------

    def _process(self, place: int) -> Process:
        return self.world.processes[place % len(self.world.processes)]

    @rule(place=PLACES, most=st.integers(1, 5))
    def follow(self, place: int, most: int) -> None:
        """The feed brings some of what it has."""
        self._process(place).feed.bring(most)
        self.world.run()

    @rule(place=PLACES)
    def follow_all(self, place: int) -> None:
        """The feed brings everything that it has."""
        process = self._process(place)
        process.feed.bring(len(self.world.disk.committed.feed))
        self.world.run()

    @rule(place=PLACES)
    def lose_history(self, place: int) -> None:
        """A process must read its board again."""
        self._process(place).feed.lose_history()
        self.world.run()

    @rule(place=PLACES, is_up_at_once=st.booleans())
    def kill(self, place: int, is_up_at_once: bool) -> None:
        """A process dies and another takes its place, with another writer id."""
        self.world.kill(place % len(self.world.processes))
        self.world.run()
        if is_up_at_once:
            self.world.all_go_through()

    @rule(place=PLACES)
    def stop(self, place: int) -> None:
        """A process gives up in good order, and another takes its place."""
        self.world.stop(place % len(self.world.processes))
        self.world.all_go_through()

    @rule(seconds=st.sampled_from([0.1, 0.3, 1.1, 5.5, 9.0]))
    def wait(self, seconds: float) -> None:
        """Time passes: pauses end, folds are due, callers are overdue."""
        self.world.run(seconds)

    # --- what must hold ---------------------------------------------------------------------------

    @invariant()
    def is_true(self) -> None:
        """Between any two steps."""
        self.world.check()

    def teardown(self) -> None:
        """When all is quiet every board shows the truth, and every action is answered as counted."""
        if not hasattr(self, "world"):
            return
        try:
            self._end()
        finally:
            self.world.close()

    def _end(self) -> None:
        self.world.settle()
        self.world.check()
        size = len(self.world.disk.primary.lines)
        for process in self.world.processes:
            process.shown = dict(self.world.record.shown)  # now that nothing is left to be followed
            for (user, action), told in self.world.record.acknowledged.items():
                self.world.submit(process, Submission(user, action, told.type))
        answered = dict(self.world.record.acknowledged)
        self.world.settle()
        self.world.check()
        hold(len(self.world.disk.primary.lines) == size, "a repeat was counted")
        hold(answered.keys() == self.world.record.acknowledged.keys(), "something else was answered")
