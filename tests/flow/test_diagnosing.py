"""Diagnosing: which checks are made of a store, and what is left out when it can't be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scoreboard_server.flow import diagnosing
from scoreboard_server.flow.diagnosing import Circumstances, diagnose
from scoreboard_server.flow.ports import Span
from scoreboard_server.rules.books import Total
from scoreboard_server.rules.checkup.finding import Finding, State
from scoreboard_server.rules.checkup.machine import Disk
from scoreboard_server.rules.checkup.store_facts import DatabaseFacts, ServerFacts, Topology

from ..rules.checkup.test_store import database, server
from .test_verifying import FakeBooks, FakeHistory

NOW_US = 1_000_000_000
ORDER = [
    "version",
    "topology",
    "write concern",
    "clock",
    "oplog",
    "disk",
    "documents",
    "indexes",
    "pending",
    "ledger",
]


class FakeDiagnosis:
    """Facts as given."""

    def __init__(self, server: ServerFacts, database: DatabaseFacts) -> None:
        self._server, self._database = server, database
        self.before_us: int | None = None

    async def server(self, now_us: Callable[[], int]) -> ServerFacts:
        return self._server

    async def database(self, before_us: int) -> DatabaseFacts:
        self.before_us = before_us
        return self._database


def span(user: str, last: str | None, *, standing: int = 5) -> Span:
    """One user with an entry of 5 points."""
    return Span(
        season=1,
        last=last,
        entries=1,
        folded={(1, user): Total(5, 1, 7)},
        pending={},
        standings={(1, user): Total(standing, 1, 7)},
    )


async def examined(
    diagnosis: FakeDiagnosis, *spans: Span, is_embedded: bool = False, **more: Any
) -> dict[str, Finding]:
    """The findings by name, in their order."""
    circumstances = Circumstances(is_embedded=is_embedded, server_runs=False)
    books, history = FakeBooks(*spans), FakeHistory(lambda _: 5)
    found = await diagnose(diagnosis, books, history, circumstances, now_us=lambda: NOW_US, **more)
    assert len({each.name for each in found}) == len(found)
    return {each.name: each for each in found}


async def test_a_store_that_is_well() -> None:
    """Every check is made, in one order; pending is what is older than a minute."""
    diagnosis = FakeDiagnosis(server(), database(disk=Disk(1 << 40, 1 << 41)))
    found = await examined(diagnosis, span("ann", None))
    assert list(found) == ORDER
    assert {each.state for each in found.values()} == {State.OK}
    assert diagnosis.before_us == NOW_US - 60_000_000
    assert found["ledger"].found == "1 entries of 1 users: standings agree"


async def test_the_disk_of_an_embedded_store_is_looked_at_by_the_machine() -> None:
    """It isn't asked for twice."""
    found = await examined(FakeDiagnosis(server(), database()), span("ann", None), is_embedded=True)
    assert list(found) == [name for name in ORDER if name != "disk"]


async def test_a_store_that_can_t_be_used_is_not_asked_further() -> None:
    """Its topology says what to do; all else that needs it is skipped, and its database left alone."""
    facts = ServerFacts("8.0.4", Topology.STANDALONE, 0.0, 0.0, "Initiate it.")
    diagnosis = FakeDiagnosis(facts, database())
    found = await examined(diagnosis)
    assert diagnosis.before_us is None
    assert set(found) == set(ORDER)
    assert found["topology"].remedy == "Initiate it."
    unknown = {name for name, each in found.items() if each.state is State.SKIPPED}
    assert unknown == {"write concern", "oplog", "disk", "documents", "indexes", "pending", "ledger"}


async def test_a_database_that_nobody_has_used() -> None:
    """Nothing is missing in it yet."""
    found = await examined(FakeDiagnosis(server(), database(is_made=False, missing=["entries"])))
    assert set(found) == set(ORDER)
    assert found["indexes"].state is State.SKIPPED
    assert "no server has used" in found["ledger"].found


async def test_a_store_of_a_newer_version_is_not_judged_further() -> None:
    """What is there may be right in a way that this version doesn't know."""
    facts = database(shape=2, newer="Upgrade.", foreign=["entries.newer"], left_behind=7)
    found = await examined(FakeDiagnosis(server(), facts))
    assert set(found) == set(ORDER)
    assert (found["documents"].state, found["documents"].remedy) == (State.WRONG, "Upgrade.")
    assert {found[name].state for name in ("indexes", "pending", "ledger")} == {State.SKIPPED}


async def test_standings_that_differ_are_wrong() -> None:
    """Counted over all spans, with the command that shows whose and the one that mends."""
    diagnosis = FakeDiagnosis(server(), database())
    found = await examined(diagnosis, span("ann", "ann", standing=6), span("ben", None, standing=4))
    ledger = found["ledger"]
    assert (ledger.state, ledger.found) == (
        State.WRONG,
        "2 entries of 2 users; standings that differ from their entries: 2",
    )
    assert "scoreboard verify --repair" in (ledger.remedy or "")


async def test_a_large_ledger_is_read_as_far_as_there_is_time() -> None:
    """Then it says how far, and what reads all; a difference found by then is told."""
    diagnosis = FakeDiagnosis(server(), database())
    two = (span("ann", "ann"), span("ben", None))
    part = (await examined(diagnosis, *two, ledger_patience_s=-1.0))["ledger"]
    assert part.state is State.OK
    assert part.found == "the first 1 of about 2 entries: standings agree; `scoreboard verify` reads all"
    bad = (span("ann", "ann", standing=6), span("ben", None))
    assert (await examined(diagnosis, *bad, ledger_patience_s=-1.0))["ledger"].state is State.WRONG
    assert diagnosing.LEDGER_PATIENCE_S > 0


@pytest.mark.parametrize(
    ("facts", "more", "state", "words"),
    [
        ({}, {"ledger_patience_s": None}, State.SKIPPED, "as asked"),
        ({"missing": ["entries.user_action"]}, {}, State.SKIPPED, "index"),
        ({"has_season": False}, {}, State.WRONG, "no season"),
        ({"is_partial": True}, {}, State.WRONG, "an import is not finished"),
    ],
)
async def test_a_ledger_that_is_not_read(
    facts: dict[str, Any], more: dict[str, Any], state: State, words: str
) -> None:
    """Because nobody wants it, or because it can't be; the books aren't even opened."""
    ledger = (await examined(FakeDiagnosis(server(), database(**facts)), **more))["ledger"]
    assert (ledger.state, words in ledger.found) == (state, True)
