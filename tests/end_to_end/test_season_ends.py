"""A season ends by itself while several servers run: once, when it was said last, and again and again."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from ..conftest import Api, StartServer
from ..mongod import Mongod
from ..store.conftest import Raw, raw
from .test_moderation import Place, place, until

__all__ = ["place", "raw"]

pytestmark = [pytest.mark.database, pytest.mark.timeout(300)]

US = 1_000_000


async def test_a_season_ends_once_by_itself(place: Place, raw: Raw) -> None:
    """Though two servers see it end; both show the next one, and the trail has one line of it."""
    await place.command("season", "ends", "1s")

    async def both_show_the_next() -> bool:
        return [(await api.board())["season"] for api in place.apis] == ["season-2"] * 2

    await until(both_show_the_next, patience=20)

    async def is_archived() -> bool:
        return bool(await asyncio.to_thread(raw["seasons"].find_one, {"_id": 1, "archive.users": 3}))

    await until(is_archived, patience=20)
    await asyncio.sleep(1)
    assert raw["seasons"].count_documents({}) == 2
    lines = list(raw["audit"].find({"what": "season reset"}))
    assert [(line["by"], line["details"]["next"]) for line in lines] == [("schedule", "season-2")]


async def test_the_end_of_a_running_season_is_moved(place: Place, raw: Raw) -> None:
    """Put off, taken back and brought forward again, and each server goes by what was said last."""

    async def both_say(name: str, end: str | None) -> bool:
        told = [json.loads((await api.fetch("/api/seasons")).body)["seasons"][0] for api in place.apis]
        return [(each["name"], each["endsAt"]) for each in told] == [(name, end)] * 2

    for wanted in ("8s", "1h", "8s", "never"):
        end = (await place.command("season", "ends", wanted))["endsAt"]
        assert (end is None) == (wanted == "never")
        await until(lambda end=end: both_say("season-1", end))  # type: ignore[misc]
    await asyncio.sleep(8.5)
    assert raw["seasons"].count_documents({}) == 1
    await place.command("season", "ends", "1s")
    await until(lambda: both_say("season-2", None), patience=20)


async def test_a_schedule_closes_season_after_season(place: Place, raw: Raw) -> None:
    """Each begins with the end that the schedule says; that is brought forward here, to save the waiting."""
    await place.command("season", "schedule", "0 0 1 1 *")
    ends = set()
    for number in (2, 3, 4):
        raw["seasons"].update_one({"_id": number - 1}, {"$set": {"ends_at": 1_000}})

        async def both_show_it(number: int = number) -> bool:
            return [(await api.board())["season"] for api in place.apis] == [f"season-{number}"] * 2

        await until(both_show_it, patience=20)
        current = raw["seasons"].find_one({"state": "current"})
        assert current is not None and (current["_id"], current["schedule"]["cron"]) == (number, "0 0 1 1 *")
        ends.add(current["ends_at"])
    assert len(ends) == 1 and ends.pop() > time.time() * US
    assert raw["audit"].count_documents({"what": "season reset", "by": "schedule"}) == 3


async def test_an_end_that_was_missed_is_made_at_the_start(
    replica_set: Mongod, database: str, start_server: StartServer, raw: Raw
) -> None:
    """Once for all that were missed; the next one is ahead of now."""
    store = {"store__uri": replica_set.uri, "store__database": database}
    first = await start_server(**store)
    await Api(first).act("ann", "a1")
    await first.stop()
    schedule = {"cron": "0 * * * *", "zone": "UTC"}
    raw["seasons"].update_one({"_id": 1}, {"$set": {"ends_at": 1_000, "schedule": schedule}})
    apis = [Api(await start_server(**store)) for _ in range(2)]

    async def both_show_the_next() -> bool:
        return [(await api.board())["season"] for api in apis] == ["season-2"] * 2

    await until(both_show_the_next, patience=20)
    current = raw["seasons"].find_one({"state": "current"})
    assert current is not None and current["ends_at"] > time.time() * US
    assert raw["seasons"].count_documents({}) == 2
    told = json.loads((await apis[0].fetch("/api/seasons")).body)["seasons"]
    assert [(s["name"], s["state"]) for s in told] == [("season-2", "current"), ("season-1", "sealed")]
