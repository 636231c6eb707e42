"""The heartbeat: who is asked when, and who is given up."""

from __future__ import annotations

import gc
import random
import weakref

from scoreboard_server.live.heartbeat import Heartbeat, Pulse


class Watcher:
    """Notes when it was asked and when it was given up; answers while `is_there`."""

    def __init__(self, heartbeat: Heartbeat, clock: list[float], *, is_there: bool = True) -> None:
        self.asked: list[float] = []
        self.given_up: list[float] = []
        self.is_there = is_there
        self._clock = clock
        self.pulse: Pulse = heartbeat.join(self._ask, self._give_up)

    def _ask(self) -> None:
        self.asked.append(self._clock[0])
        self.pulse.answered = self.is_there

    def _give_up(self) -> None:
        self.given_up.append(self._clock[0])
        self.pulse.leave()


def heartbeat_at(clock: list[float]) -> Heartbeat:
    """Asks every 25 s and waits 10 s, by this clock."""
    return Heartbeat(interval=25, patience=10, clock=lambda: clock[0])


def pass_time(heartbeat: Heartbeat, clock: list[float], until: float) -> None:
    """Second by second."""
    while clock[0] < until:
        clock[0] += 1
        heartbeat.turn()


def test_who_answers_is_asked_at_every_interval() -> None:
    """And stays."""
    clock = [0.0]
    heartbeat = heartbeat_at(clock)
    watcher = Watcher(heartbeat, clock)
    pass_time(heartbeat, clock, 100)
    assert watcher.asked == [15, 40, 65, 90]
    assert not watcher.given_up


def test_who_stops_answering_is_given_up_once() -> None:
    """So many seconds after the question, and is asked no more."""
    clock = [0.0]
    heartbeat = heartbeat_at(clock)
    watcher = Watcher(heartbeat, clock)
    pass_time(heartbeat, clock, 30)
    watcher.is_there = False
    pass_time(heartbeat, clock, 200)
    assert watcher.asked == [15, 40]
    assert watcher.given_up == [50]


def test_who_has_left_is_let_go_at_once() -> None:
    """A storm of them would else hold its memory for half a minute."""
    clock = [0.0]
    heartbeat = heartbeat_at(clock)
    watcher = Watcher(heartbeat, clock)
    gone = weakref.ref(watcher)
    watcher.pulse.leave()
    del watcher
    gc.collect()
    assert gone() is None
    pass_time(heartbeat, clock, 40)


def test_nobody_is_asked_too_late_whenever_they_came() -> None:
    """A thousand who come at any time, some silent: each is asked and given up on its own time."""
    clock, chance = [0.0], random.Random(7)
    heartbeat = heartbeat_at(clock)
    watchers = []
    for _ in range(1000):
        if chance.random() < 0.1:
            pass_time(heartbeat, clock, clock[0] + 1)
        watchers.append((clock[0], Watcher(heartbeat, clock, is_there=chance.random() < 0.5)))
    pass_time(heartbeat, clock, clock[0] + 50)
    for came, watcher in watchers:
        assert watcher.asked[0] == came + 15
        assert watcher.given_up == ([] if watcher.is_there else [came + 25])
