"""The ledger: every entry once, durable when acknowledged, and doubt said as such."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from scoreboard_server.flow.ports import EntriesRefused, Recorded, StoreUnavailable
from scoreboard_server.store.opening import Store

from ..mongod import Mongod
from .conftest import OpenStore, Raw
from .given import FragileMongod, batch, entries, entry

A1 = ("ann", "a1")


async def test_all_are_added(store: Store) -> None:
    """What wasn't there is there afterwards, and nothing is called a duplicate."""
    some = entries(3)
    assert await store.ledger.append(batch(*some)) == frozenset()
    assert set(await store.ledger.look_up([(e.user, e.action) for e in some])) == {
        (e.user, e.action) for e in some
    }


async def test_duplicates_are_told_by_index_and_the_others_added(store: Store) -> None:
    """One that was there keeps none of its neighbours out."""
    await store.ledger.append(batch(entry(action="a2"), entry(action="a4")))
    some = [entry(action=f"a{i}") for i in range(1, 6)]
    assert await store.ledger.append(batch(*some, number=2)) == {1, 3}
    found = await store.ledger.look_up([("ann", f"a{i}") for i in range(1, 6)])
    assert {action: r.batch for (_, action), r in found.items()} == {
        "a1": 2,
        "a2": 1,
        "a3": 2,
        "a4": 1,
        "a5": 2,
    }


async def test_a_repeated_batch_is_all_duplicates(store: Store) -> None:
    """Repeating a call is safe: nothing is added, and it says so of each entry."""
    some = batch(*entries(5))
    await store.ledger.append(some)
    assert await store.ledger.append(some) == {0, 1, 2, 3, 4}
    assert len(await store.standings.pending("me", 100)) == 5


async def test_an_action_twice_in_one_batch_is_added_once(store: Store) -> None:
    """The second of two is the duplicate, the entry after it is not."""
    some = batch(entry(points=1), entry(points=2), entry(action="a2"))
    assert await store.ledger.append(some) == {1}
    assert (await store.ledger.look_up([A1]))[A1].points == 1


async def test_the_first_entry_stays(store: Store) -> None:
    """A duplicate with another content changes nothing of what was recorded."""
    await store.ledger.append(batch(entry(points=10)))
    await store.ledger.append(batch(entry(points=99), writer="other", number=7))
    assert await store.ledger.look_up([A1]) == {A1: Recorded("task.completed", 10, "me", 1)}


async def test_ids_are_each_users_own(store: Store) -> None:
    """Two users may call their actions the same."""
    assert await store.ledger.append(batch(entry("ann"), entry("ben"))) == frozenset()
    assert set(await store.ledger.look_up([A1, ("ben", "a1")])) == {A1, ("ben", "a1")}


async def test_a_look_up_pairs_user_and_action(store: Store) -> None:
    """A key of one user's name and another one's action is absent, like an unknown one."""
    await store.ledger.append(batch(entry("ann", "a1"), entry("ben", "b1")))
    assert await store.ledger.look_up([("ann", "b1"), ("ben", "a1"), ("cid", "a1")]) == {}
    assert await store.ledger.look_up([]) == {}


async def test_a_look_up_takes_many_keys(store: Store) -> None:
    """More keys than one query takes: each is answered, and nothing that wasn't asked for."""
    await store.ledger.append(batch(*entries(450)))
    wanted = [("ann", f"a{i}") for i in range(1, 701, 2)]
    found = await store.ledger.look_up(wanted)
    assert set(found) == {("ann", f"a{i}") for i in range(1, 451, 2)}


async def test_racing_appends_of_one_action_add_it_once(store: Store) -> None:
    """Of many writers with the same action exactly one is told that it was new."""
    answers = await asyncio.gather(
        *(store.ledger.append(batch(entry(), writer=f"w{i}", number=i)) for i in range(8))
    )
    assert sorted(map(len, answers)) == [0, *[1] * 7]
    (winner,) = (i for i, answer in enumerate(answers) if not answer)
    assert (await store.ledger.look_up([A1]))[A1].writer == f"w{winner}"


@pytest.mark.database
async def test_the_unique_index_is_what_refuses(mongo_store: Store, raw: Raw) -> None:
    """It is there, and without it the duplicate would get in."""
    (index,) = [i for i in raw["entries"].list_indexes() if i["name"] == "user_action"]
    assert index["unique"] and list(index["key"]) == ["user", "action"]
    await mongo_store.ledger.append(batch(entry()))
    assert await mongo_store.ledger.append(batch(entry(), number=2)) == {0}
    raw["entries"].drop_index("user_action")
    assert await mongo_store.ledger.append(batch(entry(), number=2)) == frozenset()
    assert raw["entries"].count_documents({"user": "ann", "action": "a1"}) == 2


@pytest.mark.database
async def test_the_uri_can_not_weaken_the_promises(
    replica_set: Mongod, database: str, raw: Raw, open_store: OpenStore
) -> None:
    """What goes over the wire is majority, journaled and from the primary, whatever the URI wishes."""
    weak = "&w=1&journal=false&readPreference=secondary&readConcernLevel=local&retryWrites=false"
    store = await open_store(replica_set.uri + weak, database)
    raw.command("profile", 2)
    await store.ledger.append(batch(entry()))
    await store.ledger.look_up([A1])
    raw.command("profile", 0)
    seen: dict[str, Any] = {
        op: raw["system.profile"].find_one({f"command.{op}": "entries"}) for op in ("insert", "find")
    }
    concern = seen["insert"]["command"]["writeConcern"]
    assert (concern["w"], concern["j"]) == ("majority", True)
    assert "txnNumber" in seen["insert"]["command"]  # only a write that is retried has one
    assert seen["find"]["command"]["readConcern"]["level"] == "majority"
    mode = seen["find"]["command"].get("$readPreference", {"mode": "primary"})["mode"]
    assert mode.startswith("primary")


@pytest.mark.database
@pytest.mark.usefixtures("short_deadlines")
async def test_a_paused_store_is_unavailable_within_the_deadlines(
    fragile: FragileMongod, fragile_store: Store
) -> None:
    """A server that takes the connection and never answers is given up after two tries."""
    await fragile_store.ledger.append(batch(entry()))
    fragile.pause()
    began = time.monotonic()
    outcomes = await asyncio.gather(
        fragile_store.ledger.append(batch(entry(action="a2"), number=2)),
        fragile_store.ledger.look_up([A1]),
        fragile_store.standings.pending("me", 1),
        fragile_store.profiles.load(["ann"]),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 4
    assert time.monotonic() - began < 8  # 2 × (1 s socket + 0.3 s selection + 0.3 s connection), not tenfold


@pytest.mark.database
@pytest.mark.usefixtures("short_deadlines")
async def test_a_killed_store_is_unavailable_and_works_again(
    fragile: FragileMongod, fragile_store: Store
) -> None:
    """The same open store goes on when its server is back, with everything that was acknowledged."""
    await fragile_store.ledger.append(batch(*entries(50)))
    fragile.kill()
    for _ in range(2):  # on a connection that has just died, and on none
        with pytest.raises(StoreUnavailable):
            await fragile_store.ledger.append(batch(entry(action="late"), number=2))
    fragile.heal()
    assert len(await fragile_store.ledger.look_up([("ann", f"a{i}") for i in range(1, 51)])) == 50


@pytest.mark.database
async def test_an_append_that_no_majority_confirmed_is_in_doubt(
    fragile: FragileMongod, fragile_store: Store
) -> None:
    """Even one with duplicates: what was accepted beside them is durable nowhere yet."""
    await fragile_store.ledger.append(batch(entry()))
    some = batch(entry(), entry(action="a2"), number=2)
    fragile.fail(
        "insert", times=1, writeConcernError={"code": 64, "errmsg": "waiting for replication timed out"}
    )
    with pytest.raises(StoreUnavailable):
        await fragile_store.ledger.append(some)
    assert await fragile_store.ledger.append(some) == {0, 1}  # it had been written all the same


@pytest.mark.database
async def test_a_lost_answer_is_asked_for_again_once(fragile: FragileMongod, fragile_store: Store) -> None:
    """One lost connection is the driver's to mend; when every try is lost, the outcome is in doubt."""
    fragile.fail("insert", times=1, closeConnection=True)
    assert await fragile_store.ledger.append(batch(entry())) == frozenset()
    fragile.fail("insert", closeConnection=True)
    with pytest.raises(StoreUnavailable):
        await fragile_store.ledger.append(batch(entry(action="a2"), number=2))


@pytest.mark.database
@pytest.mark.usefixtures("short_deadlines")
@pytest.mark.parametrize("code", [91, 10107, 11602])
async def test_a_server_that_steps_or_shuts_down_is_unavailable(
    fragile: FragileMongod, fragile_store: Store, code: int
) -> None:
    """A failover under way is a passing state for writing and reading, never another exception."""
    fragile.fail("insert", errorCode=code)
    with pytest.raises(StoreUnavailable):
        await fragile_store.ledger.append(batch(entry()))
    fragile.fail("find", errorCode=code)
    with pytest.raises(StoreUnavailable):
        await fragile_store.ledger.look_up([A1])


@pytest.mark.database
async def test_an_entry_that_the_database_refuses_fails_alone(mongo_store: Store, raw: Raw) -> None:
    """A rule that somebody has put on the collection names whom it hits; the others are there."""
    await mongo_store.ledger.append(batch(entry("ann")))
    raw.command("collMod", "entries", validator={"user": {"$ne": "eve"}})
    some = batch(entry("ann"), entry("eve"), entry("ben"), number=2)
    with pytest.raises(EntriesRefused, match=r"failed validation.*121") as refused:
        await mongo_store.ledger.append(some)
    assert list(refused.value.why) == [1]
    found = await mongo_store.ledger.look_up([(user, "a1") for user in ("ann", "eve", "ben")])
    assert {user: r.batch for (user, _), r in found.items()} == {"ann": 1, "ben": 2}
