"""What is done to a stage while users act. Each fault strikes and returns; `Stage.bring_back` comes after."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence

from .chronicle import Chronicle
from .stage import Stage

Fault = Callable[[Stage, random.Random, Chronicle], None]
Strike = Sequence[Fault]
"""Faults that strike at once, from several threads."""

# Longer than an election takes to be called, so that a frozen primary wakes up in a set that has another.
_FREEZE_S = (0.3, 2.5)


def kill_server(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """kill -9 of one server; the embedded store's mongod goes with it."""
    rng.choice(stage.servers).kill()
    chronicle.killed()


def kill_in_turn(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """kill -9 of one server after the other; each is back before the next one dies, so one always serves."""
    for server in stage.servers:
        server.kill()
        chronicle.killed()
        time.sleep(rng.uniform(0, 1.0))
        server.start()
        server.wait_until_ready()


def kill_mongod(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """kill -9 of the mongod that takes the writes."""
    stage.mongod().kill()
    chronicle.killed()
    _note_failover(stage, chronicle)
    time.sleep(rng.uniform(0, 1.0))


def kill_both(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """kill -9 of the mongod and of a server, in either order."""
    victims: list[Fault] = [kill_server, _kill_mongod_at_once]
    if stage.embedded is not None:
        victims.reverse()  # after its server there would be no mongod to kill
    elif rng.random() < 0.5:
        victims.reverse()
    for kill in victims:
        kill(stage, rng, chronicle)


def _kill_mongod_at_once(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    stage.mongod().kill()
    chronicle.killed()
    _note_failover(stage, chronicle)


def freeze_server(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """SIGSTOP of a server, and later SIGCONT."""
    server = rng.choice(stage.servers)
    server.pause()
    time.sleep(rng.uniform(*_FREEZE_S))
    server.resume()


def change_season(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """A season ends and the next one begins, while every server is at work."""
    stage.change_season()
    chronicle.changed_season()


def freeze_server_across_seasons(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """SIGSTOP of a server, another season, and later SIGCONT: it wakes up believing in the old one."""
    server = rng.choice(stage.servers)
    server.pause()
    try:
        time.sleep(rng.uniform(0, 1.0))
        change_season(stage, rng, chronicle)
        time.sleep(rng.uniform(*_FREEZE_S))
    finally:
        server.resume()


def freeze_mongod(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """SIGSTOP of the only mongod, and later SIGCONT."""
    mongod = stage.mongod()
    mongod.pause()
    try:
        time.sleep(rng.uniform(*_FREEZE_S))
    finally:
        mongod.resume()


def freeze_primary(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """SIGSTOP of the primary until another one is elected; then it wakes up and believes it still is one."""
    assert stage.replica_set is not None
    primary = stage.replica_set.primary()
    primary.pause()
    chronicle.failed_over()
    try:
        stage.replica_set.await_other_primary(primary)
        time.sleep(rng.uniform(0, 1.0))
    finally:
        primary.resume()


def step_down(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """The primary gives way to another member."""
    assert stage.replica_set is not None
    if stage.replica_set.step_down():
        chronicle.failed_over()


def lose_replies(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """For a while every write arrives and no reply to it does: each connection dies with its first reply."""
    assert stage.proxy is not None
    stage.proxy.loss = 1.0
    _misbehave_for(stage, rng.uniform(0.3, 1.5))


def lose_some_replies(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """Now and then a reply is lost, and its connection: also those of what was done to find out."""
    assert stage.proxy is not None
    stage.proxy.loss = rng.uniform(0.05, 0.4)
    _misbehave_for(stage, rng.uniform(1.0, 2.5))


def mute_replies(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """Requests arrive, replies don't, connections stay; at last they are cut."""
    assert stage.proxy is not None
    stage.proxy.mute = True
    _misbehave_for(stage, rng.uniform(0.5, 2.5))


def delay_replies(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """Every piece of a reply takes its time."""
    assert stage.proxy is not None
    stage.proxy.delay = rng.uniform(0.05, 0.5)
    time.sleep(rng.uniform(1.0, 2.5))
    stage.proxy.behave()


def cut_connections(stage: Stage, rng: random.Random, chronicle: Chronicle) -> None:
    """All connections are reset, several times, with the door shut in between."""
    assert stage.proxy is not None
    for _ in range(rng.randint(2, 5)):
        stage.proxy.closed = rng.random() < 0.5
        stage.proxy.cut()
        time.sleep(rng.uniform(0.01, 0.4))
    stage.proxy.behave()


def _misbehave_for(stage: Stage, seconds: float) -> None:
    assert stage.proxy is not None
    time.sleep(seconds)
    stage.proxy.cut()
    time.sleep(0.01)  # the cut is made in the event loop: nothing held back may slip through before it
    stage.proxy.behave()


def _note_failover(stage: Stage, chronicle: Chronicle) -> None:
    if stage.replica_set is not None and len(stage.replica_set.members) > 1:
        chronicle.failed_over()


_KILLS: Sequence[Fault] = (kill_server, kill_mongod, kill_both)
_SERVER_FAULTS: Sequence[Fault] = (freeze_server, change_season, freeze_server_across_seasons)

FAULTS: Mapping[str, Sequence[Fault]] = {
    "embedded": (*_KILLS, *_SERVER_FAULTS, freeze_mongod),
    "proxied": (
        *_KILLS,
        *_SERVER_FAULTS,
        freeze_mongod,
        lose_replies,
        lose_some_replies,
        mute_replies,
        delay_replies,
        cut_connections,
    ),
    "replicated": (*_KILLS, *_SERVER_FAULTS, freeze_primary, step_down),
    "balanced": (kill_in_turn, change_season),
}
"""The faults of each stage, by its name."""


# Two of these at once would meet at the same server.
_ALONE: Sequence[Fault] = (kill_server, kill_in_turn, kill_both, freeze_server, freeze_server_across_seasons)


def some_strike(stage: str, rng: random.Random) -> Strike:
    """A fault of this stage, and now and then another one together with it."""
    fault = rng.choice(FAULTS[stage])
    if fault in _ALONE or rng.random() < 0.6:
        return [fault]
    return [fault, rng.choice(_companions(stage, fault))]


def _companions(stage: str, fault: Fault) -> Sequence[Fault]:
    if stage == "embedded":
        return [freeze_server]  # killed, it would take the other fault's victim along
    if fault is change_season or (stage == "proxied" and fault is kill_mongod):
        return [kill_server, freeze_server]  # without its only mongod no season can be changed
    return [kill_server, freeze_server, change_season]
