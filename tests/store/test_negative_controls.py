"""Whether the check would notice on the real MongoDB: with any one rule taken out it must find what is wrong.

Each scenario is played twice: with all rules, when everything must agree, and without the one it is about.
The model's controls search for an example; here the one that matters is brought about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pytest
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import ASCENDING, IndexModel

from scoreboard_server.flow import pipeline as pipeline_module
from scoreboard_server.flow.flights import Flight, Flights, not_added
from scoreboard_server.flow.folding import FOREIGN_AGE_US
from scoreboard_server.flow.pipeline import Pipeline
from scoreboard_server.flow.ports import NO_DAYS, Day, Key, PendingEntry, Standings, StoreUnavailable, Sum
from scoreboard_server.rules.tallies import DayCount
from scoreboard_server.store import changes, mongo, standings
from scoreboard_server.store.documents import ENTRIES, INDEXES
from scoreboard_server.store.mongo import Database
from scoreboard_server.store.standings import Fold, additions

from ..chaos.checking import Findings
from ..chaos.in_thread import in_thread
from ..mongod import Mongod
from .conftest import OpenStore
from .given import FragileMongod
from .parting_set import PartingSet
from .processes import Stage, stage_on

pytestmark = pytest.mark.database

PATIENCE_S = 20.0

TakeOut = Callable[[pytest.MonkeyPatch], None]
ALL_AGREES = Findings()


@pytest.fixture(params=[True, False], ids=["kept", "taken_out"])
def is_kept(request: pytest.FixtureRequest) -> bool:
    """Whether the rule is in place."""
    return bool(request.param)


@pytest.fixture
async def stage(fragile: FragileMongod, database: str, open_store: OpenStore) -> AsyncIterator[Stage]:
    """On one mongod."""
    async with stage_on(fragile, database, open_store) as made:
        yield made


# --- the rules, each taken out -----------------------------------------------------------------------


def without_unique_index(patch: pytest.MonkeyPatch) -> None:
    """The index is there for those who read by it, but lets everything in."""
    weak = IndexModel([("user", ASCENDING), ("action", ASCENDING)], name="user_action")
    others = [index for index in INDEXES[ENTRIES] if index.document["name"] != "user_action"]
    patch.setattr(mongo, "INDEXES", {**INDEXES, ENTRIES: [weak, *others]})


def without_pending_guard(patch: pytest.MonkeyPatch) -> None:
    """A fold takes its entries to be as pending as they were when it read them.

    Within a season the count of what was changed does it alone, as nothing changes twice; that the filter is
    needed for folds across a change of seasons is shown beside the standings' other tests.
    """

    async def fold_into(
        season: int, fold: Fold, database: Database, session: AsyncIOMotorClientSession
    ) -> bool:
        stamp = {"$set": {"season": season}, "$unset": {"pending": ""}}
        await database[ENTRIES].update_many({"_id": {"$in": list(fold.ids)}}, stamp, session=session)
        await database["standings"].bulk_write(additions(season, fold.sums), ordered=False, session=session)
        return True

    patch.setattr(standings, "fold_into", fold_into)


def without_read_back(patch: pytest.MonkeyPatch) -> None:
    """An attempt whose outcome is unknown is taken for one that has written nothing, and let go."""
    write = Pipeline._write

    async def write_once(pipeline: Pipeline, flights: Sequence[Flight]) -> None:
        try:
            await write(pipeline, flights)
        except StoreUnavailable:
            for flight in flights:
                pipeline._flights.land(flight, not_added())

    patch.setattr(Pipeline, "_persist", Pipeline._append)
    patch.setattr(Pipeline, "_write", write_once)


def without_majority(patch: pytest.MonkeyPatch) -> None:
    """What the primary alone has written is acknowledged."""
    patch.setitem(mongo._PROMISES, "w", 1)


def without_sharing(patch: pytest.MonkeyPatch) -> None:
    """Nobody joins a flight; each who asks takes off."""

    def finds_nothing(flights: Flights, key: Key) -> Flight | None:
        return None

    patch.setattr(Flights, "find", finds_nothing)


def _less(kind: Mapping[str, Any], field: str) -> dict[str, Any]:
    return {name: told for name, told in kind.items() if name != field}


def without_skipping_own(patch: pytest.MonkeyPatch) -> None:
    """The feed brings everybody's entries, its own writer's too."""
    wanted = changes._wanted

    def wants_all(writer: str) -> list[Mapping[str, Any]]:
        *matches, project = wanted(writer)
        less = (
            {"$match": {"$or": [_less(kind, "fullDocument.writer") for kind in stage["$match"]["$or"]]}}
            for stage in matches
        )
        return [*less, project]

    patch.setattr(changes, "_wanted", wants_all)


# --- the scenarios -----------------------------------------------------------------------------------


async def repeated_at_another_process(stage: Stage, mongod: FragileMongod) -> None:
    """The yes was lost on its way to ann, so she asks elsewhere."""
    one, other = await stage.process("one"), await stage.process("other")
    await stage.act(one, "a1")
    await stage.act(other, "a1")


class HeldStandings:
    """Standings of a process that stands still between reading its pending entries and folding them."""

    def __init__(self, standings: Standings) -> None:
        self._standings = standings
        self.has_read = asyncio.Event()
        self.go_on = asyncio.Event()

    async def pending(self, writer: str, limit: int) -> list[PendingEntry]:
        """See `Standings.pending`; returns when it may go on."""
        found = await self._standings.pending(writer, limit)
        self.has_read.set()
        await self.go_on.wait()
        return found

    async def left_behind(self, writer: str, before: int, limit: int) -> list[PendingEntry]:
        """See `Standings.left_behind`."""
        return await self._standings.left_behind(writer, before, limit)

    async def fold(
        self, ids: Sequence[object], sums: Mapping[str, Sum], days: Mapping[Day, DayCount] = NO_DAYS
    ) -> bool:
        """See `Standings.fold`."""
        return await self._standings.fold(ids, sums, days)


async def folded_by_another_process_meanwhile(stage: Stage, mongod: FragileMongod) -> None:
    """A process that was frozen in the middle of a fold finds it done by who took it for dead."""
    made: list[HeldStandings] = []

    def held(standings: Standings) -> Standings:
        made.append(HeldStandings(standings))
        return made[-1]

    one = await stage.process("one", folding_into=held)
    other = await stage.process("other", ahead_us=2 * FOREIGN_AGE_US)
    await stage.act(one, "a1")
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as meanwhile:
        meanwhile.create_task(one.fold())
        await made[0].has_read.wait()
        await other.fold()
        made[0].go_on.set()


async def written_but_not_confirmed(stage: Stage, mongod: FragileMongod) -> None:
    """The entry is there, but the store could not say so."""
    one = await stage.process("one")
    doubt = {"code": 64, "errmsg": "waiting for replication timed out"}
    await in_thread(lambda: mongod.fail("insert", times=1, writeConcernError=doubt))
    await stage.act(one, "a1")


async def asked_twice_at_once(stage: Stage, mongod: FragileMongod) -> None:
    """Both come before the writer looks, so they are for the same batch."""
    one = await stage.process("one")
    await asyncio.gather(stage.act(one, "a1"), stage.act(one, "a1"))


async def followed_by_its_writer(stage: Stage, mongod: FragileMongod) -> None:
    """What a process has counted comes along its own feed, too."""
    one = await stage.process("one")
    await stage.process("other")
    await stage.act(one, "a1")


class Control(NamedTuple):
    """A rule, what it is for, and what is found without it."""

    take_out: TakeOut
    scenario: Callable[[Stage, FragileMongod], Awaitable[None]]
    found: Findings


CONTROLS = [
    Control(
        without_unique_index,
        repeated_at_another_process,
        Findings(doubled={("ann", "a1")}, wrong={"ann": "20 by the ledger, 10 by the users"}),
    ),
    Control(without_pending_guard, folded_by_another_process_meanwhile, Findings(unfolded={(1, "ann")})),
    Control(
        without_read_back,
        written_but_not_confirmed,
        Findings(wrong={"ann": "10 by the ledger, 0 by one"}),
    ),
    Control(
        without_sharing,
        asked_twice_at_once,
        Findings(wrong={"ann": "10 by the ledger, 20 by one"}),
    ),
    Control(
        without_skipping_own,
        followed_by_its_writer,
        Findings(wrong={"ann": "10 by the ledger, 20 by one"}),
    ),
]


@pytest.mark.parametrize(
    "control", CONTROLS, ids=lambda control: control.take_out.__name__.removeprefix("without_")
)
async def test_without_a_rule_the_check_finds_what_it_is_for(
    control: Control, is_kept: bool, stage: Stage, fragile: FragileMongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same events and the same check, with the rule and without."""
    if not is_kept:
        control.take_out(monkeypatch)
    await control.scenario(stage, fragile)
    assert await stage.findings() == (ALL_AGREES if is_kept else control.found)


# --- what needs a majority to be shown ---------------------------------------------------------------


@pytest.fixture(scope="module")
def _parting_set(replica_set: Mongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PartingSet]:
    # After the shared one, which says what to do where there is no mongod at all.
    members = PartingSet(tmp_path_factory.mktemp("parting"))
    try:
        members.start()
        yield members
    finally:
        members.stop()


@pytest.fixture
def parting_set(_parting_set: PartingSet) -> Iterator[PartingSet]:
    """A replica set of three; well again for the next test."""
    yield _parting_set
    _parting_set.heal()


@pytest.fixture
async def stage_of_three(
    parting_set: PartingSet, database: str, open_store: OpenStore
) -> AsyncIterator[Stage]:
    """On three mongods."""
    async with stage_on(parting_set, database, open_store) as made:
        yield made


async def written_by_a_primary_that_is_lost(stage: Stage, members: PartingSet) -> None:
    """Only the primary has heard of the action when it dies, and forgets it when it comes back."""
    one = await stage.process("one")
    primary = await in_thread(members.leave_primary_alone)
    acknowledged = await stage.is_acknowledged(one, "a1")
    assert await in_thread(lambda: stage.entries_at(primary)) == 1
    await in_thread(lambda: members.lose(primary))
    if not acknowledged:
        await stage.act(one, "a1")
    await in_thread(members.bring_back)


async def test_without_a_majority_an_acknowledged_action_is_lost(
    is_kept: bool, stage_of_three: Stage, parting_set: PartingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same events and the same check, with the rule and without."""
    # Who asks while there is no majority is told that the outcome is unknown, and needn't be told late.
    monkeypatch.setattr(pipeline_module, "PATIENCE_S", 2.0)
    if not is_kept:
        without_majority(monkeypatch)
    await written_by_a_primary_that_is_lost(stage_of_three, parting_set)
    lost = Findings(lost={("ann", "a1")}, wrong={"ann": "0 by the ledger, 10 by one"})
    assert await stage_of_three.findings() == (ALL_AGREES if is_kept else lost)
