"""The audit trail on the real MongoDB: what is asked for is found, newest first, by an index."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from scoreboard_server.flow.ports import StoreUnavailable, Trail, Wanted
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.store.opening import Store
from scoreboard_server.store.trail import matching

from .conftest import NOW_US, Raw
from .given import FragileMongod

pytestmark = pytest.mark.database

KINDS = ("ban", "unban", "adjust")
ACT = Act(NOW_US, "aylin", "ban", "ann", "cheats", {"before": {"score": 2**40, "of": [2**41]}, "n": None})


def trail_of(store: Store) -> Trail:
    """The trail, which a store in another process has."""
    assert store.trail is not None
    return store.trail


async def written(store: Store, *acts: Act) -> None:
    """Have these written down, each with something that is done."""
    assert store.moderation is not None
    for number, act in enumerate(acts):
        await store.moderation.put_ban(Ban(f"u{number}", "b", "x", "aylin", NOW_US), act)


async def read(store: Store, wanted: Wanted, limit: int = 1_000) -> list[Act]:
    """What is found."""
    return [act async for act in trail_of(store).acts(wanted, limit)]


async def test_an_act_is_read_as_it_was_written(mongo_store: Store) -> None:
    """With numbers of any size, of a type that every encoder takes."""
    await written(mongo_store, ACT)
    (found,) = await read(mongo_store, Wanted())
    assert found == ACT
    before = found.details["before"]
    assert isinstance(before, dict)
    assert {type(found.at), type(before["score"]), type(before["of"][0])} == {int}


async def test_what_is_asked_for_is_found_newest_first(mongo_store: Store) -> None:
    """By time, user and kind, alone and together, as many as wanted; the same as looking at each."""
    chance = random.Random(7)
    acts = [
        replace(ACT, at=NOW_US + at, what=chance.choice(KINDS), user=chance.choice(["ann", "ben", None]))
        for at in chance.sample(range(100), 60)
    ]
    await written(mongo_store, *acts)
    for since in (None, NOW_US + 20, NOW_US + 99):
        for until in (None, NOW_US + 70):
            for user in (None, "ann", "nobody"):
                for kinds in ((), ("ban",), ("ban", "unban"), ("neither",)):
                    expected = [
                        act
                        for act in sorted(acts, key=lambda act: -act.at)
                        if (since is None or act.at >= since)
                        and (until is None or act.at < until)
                        and (user is None or act.user == user)
                        and (not kinds or act.what in kinds)
                    ]
                    wanted = Wanted(since, until, user, kinds)
                    assert await read(mongo_store, wanted) == expected
                    assert await read(mongo_store, wanted, limit=4) == expected[:4]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(NOW_US),
        Wanted(user="ann"),
        Wanted(NOW_US, user="ann"),
        Wanted(kinds=("ban", "unban")),
    ],
    ids=["all", "since", "user", "user since", "kinds"],
)
async def test_each_question_has_an_index(mongo_store: Store, raw: Raw, wanted: Wanted) -> None:
    """Neither is the whole trail read nor sorted."""
    await written(mongo_store, ACT)
    plan = raw["audit"].find(matching(wanted)).sort("at", -1).explain()["queryPlanner"]["winningPlan"]
    stages = str(plan)
    assert "IXSCAN" in stages
    assert "COLLSCAN" not in stages and "'SORT'" not in stages


async def test_the_database_forgets_nothing_of_it(mongo_store: Store, raw: Raw) -> None:
    """No index of it has an expiry, as those of passing things do."""
    assert not [index for index in raw["audit"].list_indexes() if "expireAfterSeconds" in index]
    assert [index for index in raw["revoked"].list_indexes() if "expireAfterSeconds" in index]


@pytest.mark.usefixtures("short_deadlines")
async def test_a_store_that_is_away_is_unavailable(fragile: FragileMongod, fragile_store: Store) -> None:
    """As everywhere."""
    fragile.kill()
    with pytest.raises(StoreUnavailable):
        await read(fragile_store, Wanted())
