"""Captcha answers that have been used."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC

import pytest

from scoreboard_server.flow.ports import StoreUnavailable
from scoreboard_server.store.opening import Store

from ..mongod import Mongod
from .conftest import OpenStore, Raw
from .given import FragileMongod

ANN, BEN = ("ann", "a1"), ("ben", "a1")


def soon() -> float:
    """A while from now, by the clock that the database has as well."""
    return time.time() + 300


async def test_a_mark_is_spent_on_one_key(store: Store) -> None:
    """Again on the same one is no second time; another user's or another action is refused."""
    assert await store.spent.spent_on("m") is None
    assert await store.spent.spend("m", ANN, soon())
    assert await store.spent.spent_on("m") == ANN
    assert await store.spent.spend("m", ANN, soon())
    assert not await store.spent.spend("m", BEN, soon())
    assert not await store.spent.spend("m", ("ann", "a2"), soon())
    assert await store.spent.spent_on("m") == ANN


async def test_marks_know_nothing_of_each_other(store: Store) -> None:
    """One user may spend many, and what reads like an operator is a text like any other."""
    for mark in ("m1", "m2", "$ne", "a.b", "é"):
        assert await store.spent.spend(mark, ANN, soon())
        assert await store.spent.spent_on(mark) == ANN


async def test_of_many_at_once_one_wins(store: Store) -> None:
    """Whoever it is, everyone is told the same."""
    keys = [(f"u{i}", "a1") for i in range(20)]
    won = await asyncio.gather(*(store.spent.spend("m", key, soon()) for key in keys))
    assert sum(won) == 1
    assert await store.spent.spent_on("m") == keys[won.index(True)]


@pytest.mark.database
async def test_of_two_servers_one_wins(
    replica_set: Mongod, database: str, mongo_store: Store, open_store: OpenStore
) -> None:
    """A hundred times: the same answer goes to two servers at the same moment, for two actions."""
    other = await open_store(replica_set.uri, database)
    for i in range(100):
        won = await asyncio.gather(
            mongo_store.spent.spend(f"m{i}", ANN, soon()), other.spent.spend(f"m{i}", BEN, soon())
        )
        assert sorted(won) == [False, True]
        assert await other.spent.spent_on(f"m{i}") == (ANN if won[0] else BEN)


@pytest.mark.database
async def test_marks_are_forgotten_by_the_database(mongo_store: Store, raw: Raw) -> None:
    """At the instant that each of them names."""
    until = float(int(soon()))
    await mongo_store.spent.spend("m", ANN, until)
    index = raw["spent"].index_information()["forgotten"]
    assert (index["key"], index["expireAfterSeconds"]) == ([("until", 1)], 0)
    kept = raw["spent"].find_one()
    assert kept is not None
    assert kept["until"].replace(tzinfo=UTC).timestamp() == until


@pytest.mark.usefixtures("short_deadlines")
@pytest.mark.database
async def test_a_store_that_is_away_is_unavailable(fragile: FragileMongod, fragile_store: Store) -> None:
    """So that nobody passes with an answer that might have been used."""
    fragile.kill()
    for call in (fragile_store.spent.spent_on("m"), fragile_store.spent.spend("m", ANN, soon())):
        with pytest.raises(StoreUnavailable):
            await call
