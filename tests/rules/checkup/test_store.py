"""A store, judged by what it tells."""

from __future__ import annotations

from typing import Any

import pytest

from scoreboard_server.rules.checkup import store
from scoreboard_server.rules.checkup.finding import Finding, State
from scoreboard_server.rules.checkup.store_facts import (
    DatabaseFacts,
    Member,
    Oplog,
    ServerFacts,
    Topology,
)


def server(**told: Any) -> ServerFacts:
    """A set of three that is well, but for what is told."""
    well: dict[str, Any] = {
        "version": "8.0.4",
        "topology": Topology.REPLICA_SET,
        "ahead_s": 0.0,
        "unsure_s": 0.001,
        "name": "rs0",
        "members": members("PRIMARY", "SECONDARY", "SECONDARY"),
        "default_w": "majority",
        "oplog": Oplog(86_400, is_full=True),
    }
    return ServerFacts(**well | told)


def members(*states: str) -> list[Member]:
    """One for each; DOWN is not well."""
    return [Member(f"m{n}:27017", state, state != "DOWN") for n, state in enumerate(states)]


def database(**told: Any) -> DatabaseFacts:
    """One in which all is there, but for what is told."""
    well: dict[str, Any] = {"missing": [], "changed": [], "foreign": [], "left_behind": 0, "disk": None}
    return DatabaseFacts(
        **{"is_made": True, "has_season": True, "is_partial": False, "shape": 1, "newer": None} | well | told
    )


def version(number: str | None, *, is_embedded: bool = False) -> Finding:
    """What is said of it."""
    return store.version(server(version=number), is_embedded=is_embedded)


def test_an_old_mongodb_is_wrong() -> None:
    """4.4 can't read a snapshot."""
    found = version("4.4.29")
    assert (found.state, found.found) == (State.WRONG, "MongoDB 4.4.29, older than 5.0")
    assert "Upgrade" in (found.remedy or "")


def test_an_unmaintained_mongodb_is_a_hint_unless_private() -> None:
    """The one that comes along is on loopback only; that is said, and no more."""
    assert version("6.0.5").state is State.HINT
    private = version("6.0.5", is_embedded=True)
    assert (private.state, private.remedy) == (State.OK, None)
    assert "loopback" in private.found
    assert version("8.0.4").state is State.OK
    assert version(None).state is State.SKIPPED


def test_a_standalone_server_is_wrong() -> None:
    """The remedy is that with which a server refuses it."""
    facts = server(
        topology=Topology.STANDALONE, refusal="Start it with --replSet rs0.", name=None, members=None
    )
    found = store.topology(facts, is_embedded=False)
    assert (found.state, found.found) == (State.WRONG, "a standalone server")
    assert found.remedy == "Start it with --replSet rs0."


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (("PRIMARY", "SECONDARY", "SECONDARY"), State.OK),
        (("PRIMARY", "SECONDARY", "SECONDARY", "ARBITER"), State.OK),
        (("PRIMARY", "SECONDARY", "ARBITER"), State.HINT),
        (("PRIMARY",), State.HINT),
        (("PRIMARY", "SECONDARY", "DOWN"), State.WRONG),
    ],
)
def test_members_of_a_set(states: tuple[str, ...], state: State) -> None:
    """One that is down is wrong; fewer than three with data are a hint."""
    found = store.topology(server(members=members(*states)), is_embedded=False)
    assert found.state is state
    assert (found.remedy is None) == (state is State.OK)


def test_the_member_that_is_down_is_named() -> None:
    """As the set calls it."""
    found = store.topology(server(members=members("PRIMARY", "DOWN", "SECONDARY")), is_embedded=False)
    assert "m1:27017 (DOWN)" in found.found


def test_a_set_of_one_is_fine_where_it_is_private() -> None:
    """That is what `embedded` is."""
    assert store.topology(server(members=members("PRIMARY")), is_embedded=True).state is State.OK


def test_members_that_are_not_told_are_skipped() -> None:
    """With the role that would be told."""
    found = store.topology(server(members=None), is_embedded=False)
    assert (found.state, "clusterMonitor" in found.found) == (State.SKIPPED, True)


def test_a_sharded_cluster_is_a_hint() -> None:
    """It works, and may lag."""
    facts = server(topology=Topology.SHARDED, name=None, members=None)
    assert store.topology(facts, is_embedded=False).state is State.HINT


def test_a_default_of_w1_is_a_hint_with_the_command() -> None:
    """We ask for a majority ourselves; others who write there don't."""
    found = store.write_concern(server(default_w="1"))
    assert (found.state, "w: 1" in found.found) == (State.HINT, True)
    assert "setDefaultRWConcern" in (found.remedy or "")
    assert store.write_concern(server()).state is State.OK
    assert store.write_concern(server(default_w=None)).state is State.SKIPPED


@pytest.mark.parametrize(
    ("ahead", "unsure", "state"),
    [
        (0.2, 0.0, State.OK),
        (-0.9, 0.0, State.OK),
        (1.5, 0.0, State.HINT),
        (10.0, 0.0, State.WRONG),
        (-10.0, 0.1, State.WRONG),
        (10.0, 9.5, State.OK),
        (6.0, 2.0, State.HINT),
    ],
)
def test_clocks_that_disagree(ahead: float, unsure: float, state: State) -> None:
    """A slow answer is no proof of a wrong clock."""
    found = store.clock(server(ahead_s=ahead, unsure_s=unsure))
    assert found.state is state
    assert state is State.OK or "NTP" in (found.remedy or "")


def test_which_clock_is_ahead() -> None:
    """So that the right one is set."""
    assert store.clock(server(ahead_s=10.001)).found == "the store's is 10.0 s ahead of this machine's"
    assert store.clock(server(ahead_s=-10.001)).found == "the store's is 10.0 s behind this machine's"


def test_a_short_oplog_is_a_hint() -> None:
    """Only once it is full does its length tell anything."""
    assert store.oplog(server(oplog=Oplog(60, is_full=False))).state is State.OK
    short = store.oplog(server(oplog=Oplog(1_800, is_full=True)))
    assert (short.state, short.found) == (State.HINT, "reaches 0.5 h back")
    assert "replSetResizeOplog" in (short.remedy or "")
    assert store.oplog(server()).state is State.OK
    assert store.oplog(server(oplog=None)).state is State.SKIPPED


def test_indexes_that_are_missing_or_changed_are_wrong() -> None:
    """What is missing is told first: it is mended by any start."""
    missing = store.indexes(database(missing=["entries.pending"], changed=["marks.forgotten"]))
    assert (missing.state, missing.found) == (State.WRONG, "missing: entries.pending")
    assert "scoreboard verify" in (missing.remedy or "")
    changed = store.indexes(database(changed=["marks.forgotten"]))
    assert (changed.state, 'db.marks.dropIndex("forgotten")' in (changed.remedy or "")) == (State.WRONG, True)


def test_indexes_of_somebody_else_are_a_hint() -> None:
    """They cost something, and may be wanted."""
    assert store.indexes(database(foreign=["users.by_name"])).state is State.HINT
    assert store.indexes(database()).state is State.OK


def test_entries_left_pending() -> None:
    """Without a server that is how it stopped; beside one, folding is stuck."""
    left = database(left_behind=1_234)
    assert store.pending(left, server_runs=False).state is State.HINT
    stuck = store.pending(left, server_runs=True)
    assert (stuck.state, stuck.found) == (State.WRONG, "entries older than a minute: 1,234")
    assert "log" in (stuck.remedy or "")
    assert store.pending(database(), server_runs=True).state is State.OK


def test_of_a_store_that_is_away_nothing_is_known() -> None:
    """Each check is named all the same; the disk of an embedded one is this machine's."""
    away = store.nothing_known("away", is_embedded=False)
    assert {each.state for each in away} == {State.SKIPPED}
    near = store.nothing_known("away", is_embedded=True)
    assert {each.name for each in away} - {each.name for each in near} == {"disk"}
