"""A season is closed while two servers count and are watched, and everything is in exactly one season."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from scoreboard_server.flow import season_keeper

from ..cli.invoking import Running
from ..conftest import Api, StartServer, token
from ..mongod import Mongod
from ..store.conftest import Raw
from .test_moderation import Place, place, until
from .watchers import Watched, python_watcher

__all__ = ["place"]

pytestmark = [pytest.mark.database, pytest.mark.timeout(300)]

SUBMITTERS = 200
# Two cores that others use, too, for two servers, their database, two hundred clients and the command.
EMPTY_WITHIN_S = 5.0
US = 1_000_000


@pytest.fixture
def raw(replica_set: Mongod, database: str) -> Any:
    """What is stored, past the store."""
    with replica_set.client() as client:
        yield client[database]


async def submit(api: Api, user: str, stop: asyncio.Event, acked: list[tuple[str, str]]) -> None:
    """Act until told to stop; only what was acknowledged is noted."""
    bearer, number = token(user), 0
    while not stop.is_set():
        action = f"{user}-{number}"
        answer = await api.post({"actionId": action, "actionType": "task.completed"}, bearer)
        if answer.code == 200:
            acked.append((user, action))
            number += 1
        else:
            await asyncio.sleep(0.05)


def socket_of(api: Api) -> str:
    """Where its sockets are."""
    return f"{api.server.address.replace('http', 'ws', 1)}/ws"


def new_epoch(watched: Watched, before: str) -> bool:
    """Whether the board that was watched is another one now."""
    return watched.epoch != before


async def test_a_reset_under_two_hundred_submitters(place: Place, raw: Raw) -> None:
    """Each acknowledged action is in one season, both boards begin anew, the archive is its ledger's fold."""
    stop, acked = asyncio.Event(), list[tuple[str, str]]()
    async with (
        python_watcher(socket_of(place.apis[0])) as here,
        python_watcher(socket_of(place.apis[1])) as there,
    ):
        epochs = [here.epoch, there.epoch]
        crowd = [
            asyncio.create_task(submit(place.apis[n % 2], f"u{n}", stop, acked)) for n in range(SUBMITTERS)
        ]
        await asyncio.sleep(2)
        told = await place.command("season", "reset", "--yes")
        ended = time.monotonic()
        for watched, epoch in zip((here, there), epochs, strict=True):
            await watched.until(lambda w, epoch=epoch: new_epoch(w, epoch), EMPTY_WITHIN_S)  # type: ignore[misc]
        assert time.monotonic() - ended < EMPTY_WITHIN_S
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.gather(*crowd)
    await check_seasons(place, raw, told, acked)


async def check_seasons(place: Place, raw: Raw, told: dict[str, Any], acked: list[tuple[str, str]]) -> None:
    """By hand, from what is stored."""

    async def all_folded() -> bool:
        return await asyncio.to_thread(raw["entries"].count_documents, {"pending": True}) == 0

    await until(all_folded, patience=30)
    entries = list(raw["entries"].find())
    times = Counter((e["user"], e["action"]) for e in entries)
    assert [key for key in acked if key not in times] == [], "lost"
    assert max(times.values()) == 1, "counted twice"
    assert {e["season"] for e in entries} == {1, 2}
    fold = Counter[str]()
    for entry in entries:
        fold[entry["user"]] += entry["points"] if entry["season"] == 1 else 0
    scored = {user: score for user, score in fold.items() if score}
    rows = {d["user"]: d["score"] for d in raw["archive"].find({"_id.season": 1, "_id.edition": 0})}
    assert rows == scored
    assert (told["closed"]["totalUsers"], told["closed"]["entries"]) == (
        len(scored),
        sum(e["season"] == 1 for e in entries),
    )
    for api in place.apis:
        board = await api.board("?season=season-1&limit=1000")
        assert {row["userId"]: row["score"] for row in board["leaderboard"]} == scored
    assert await place.adds_up()


async def test_a_paused_server_wakes_up_in_the_new_season(place: Place) -> None:
    """Its board, its sockets and its next receipts are of that one."""
    with Running("serve", "--port", "0", "--json", cwd=place.folder, environ=place.environ) as server:
        await asyncio.to_thread(server.ready)
        paused = Api(SimpleNamespace(address=server.url))  # type: ignore[arg-type]
        assert (await paused.act("ann", "before"))["newScore"] == 40
        async with python_watcher(socket_of(paused)) as watched:
            epoch = watched.epoch
            server.signal(signal.SIGSTOP)
            try:
                await place.command("season", "reset", "--yes")
            finally:
                server.signal(signal.SIGCONT)
            await watched.until(lambda w: new_epoch(w, epoch))
            assert watched.total == 0
            assert (await paused.act("ann", "after"))["newScore"] == 10
            await watched.until(lambda w: w.total == 1)
        assert (await paused.board("?season=season-1"))["leaderboard"][0]["score"] == 40


async def test_what_a_killed_server_left_is_of_the_season_that_ends(place: Place, raw: Raw) -> None:
    """Acknowledged and not folded by anybody yet."""
    with Running("serve", "--port", "0", "--json", cwd=place.folder, environ=place.environ) as server:
        await asyncio.to_thread(server.ready)
        dying = Api(SimpleNamespace(address=server.url))  # type: ignore[arg-type]
        assert (await dying.act("dan", "last"))["newScore"] == 10
        server.signal(signal.SIGKILL)
        with contextlib.suppress(Exception):  # it has ended as it was told to
            server.stop()
    told = await place.command("season", "reset", "--yes")
    assert told["closed"]["totalUsers"] == 4
    last = raw["entries"].find_one({"user": "dan"})
    assert last is not None and last["season"] == 1 and "pending" not in last


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


async def test_a_server_writes_the_board_that_a_killed_command_left(
    place: Place, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, by itself, as corrected; the announced one stays as it was, byte for byte."""
    monkeypatch.setattr(season_keeper, "_LEFT_AFTER_S", 0.5)
    monkeypatch.setattr(season_keeper, "_LONGEST_WAIT_S", 0.2)
    await place.command("season", "reset", "--yes")
    announced = "/api/leaderboard?season=season-1&edition=announced"

    async def is_told() -> bool:
        return (await place.apis[0].fetch(announced)).code == 200

    await until(is_told)
    before = json.loads((await place.apis[0].fetch(announced)).body)
    async with place.store() as store:
        assert store.moderation is not None
        ban = {"_id": "ann", "v": 1, "id": "b1", "reason": "x", "by": "root", "since": 1, "until": None}
        raw["bans"].insert_one(ban | {"taken_back_from": 1, "lifted_at": None})
        raw["seasons"].update_one({"_id": 1}, {"$inc": {"corrections": 1}})

    async def both_are_corrected() -> bool:
        boards = [await api.board("?season=season-1") for api in place.apis]
        return [[row["userId"] for row in b["leaderboard"]] for b in boards] == [["ben", "cem"]] * 2

    await until(both_are_corrected, patience=20)
    after = json.loads((await place.apis[1].fetch(announced)).body)
    assert after["leaderboard"] == before["leaderboard"]
    assert after["archive"]["digest"] == before["archive"]["digest"]
