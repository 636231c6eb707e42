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
            await watched.until(lambda w, epoch=epoch: new_epoch(w, epoch), 30)  # type: ignore[misc]
        took = time.monotonic() - ended
        assert took < EMPTY_WITHIN_S, f"the new board was there {took:.2f} s after the command's end"
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


async def test_a_server_that_is_frozen_within_a_fold_is_waited_for(place: Place, raw: Raw) -> None:
    """It holds the season with its transaction. Meanwhile actions are counted, in the season that ends."""
    with raw.client.start_session() as session:
        session.start_transaction()
        raw["seasons"].update_one({"state": "current"}, {"$inc": {"folds": 1}}, session=session)
        reset = asyncio.create_task(place.command("season", "reset", "--yes"))
        await asyncio.sleep(3)
        assert not reset.done()
        assert (await place.apis[0].act("ann", "meanwhile"))["newScore"] == 40
        session.abort_transaction()
        told = await reset
    entry = raw["entries"].find_one({"action": "meanwhile"})
    assert entry is not None and (entry["season"], told["closed"]["entries"]) == (1, 7)


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


async def test_the_end_of_a_running_season_is_moved(place: Place, raw: Raw) -> None:
    """Put off, taken back and brought forward again, and each server goes by what was said last."""

    async def both_say(name: str, end: str | None) -> bool:
        told = [json.loads((await api.fetch("/api/seasons")).body)["seasons"][0] for api in place.apis]
        return [(each["name"], each["endsAt"]) for each in told] == [(name, end)] * 2

    for wanted in ("2s", "1h", "2s", "never"):
        end = (await place.command("season", "ends", wanted))["endsAt"]
        assert (end is None) == (wanted == "never")
        await until(lambda end=end: both_say("season-1", end))  # type: ignore[misc]
    await asyncio.sleep(2.5)
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


async def test_a_server_writes_the_board_that_a_killed_command_left(
    place: Place, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, by itself, as corrected; the announced one stays as it was, byte for byte."""
    monkeypatch.setattr(season_keeper, "_LEFT_AFTER_S", 0.5)
    monkeypatch.setattr(season_keeper, "_LONGEST_WAIT_S", 0.2)
    await place.command("season", "reset", "--yes")
    announced = "/api/leaderboard?season=season-1&edition=announced"
    await until(lambda: past_is_told(place.apis[0]))
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
    assert after["archive"].pop("corrections") > before["archive"].pop("corrections")
    assert after == before


async def test_corrections_at_once_leave_one_board(
    place: Place, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From several terminals and two servers; and whoever looks meanwhile sees a whole board each time."""
    monkeypatch.setattr(season_keeper, "_LEFT_AFTER_S", 0.0)
    monkeypatch.setattr(season_keeper, "_LONGEST_WAIT_S", 0.01)
    for number in range(30):
        await place.apis[number % 2].act(f"u{number:02}", "a")
    await place.command("season", "reset", "--yes")
    for api in place.apis:
        await until(lambda api=api: past_is_told(api))  # type: ignore[misc]
    announced = (await place.apis[0].board("?season=season-1&edition=announced&limit=1000"))["leaderboard"]
    done = asyncio.Event()
    looking = [asyncio.create_task(look_until(api, done)) for api in place.apis for _ in range(2)]
    adjustments = [("ann", "5"), ("ben", "-7"), ("u07", "40"), ("u08", "-3"), ("u09", "1")]
    for user, points in adjustments:
        await asyncio.gather(
            place.command("adjust", user, points, "--reason", "x", "--season", "season-1"),
            place.command("ban", f"u2{points[-1]}", "--reason", "x", "--from", "1d"),
        )
    await asyncio.gather(place.command("unban", "u25"), place.command("unban", "u27"))
    done.set()
    assert sum([await each for each in looking]) > 100
    expected = corrected_by_hand(raw, hidden={"u20", "u23", "u21"})

    async def both_show_it() -> bool:
        boards = [await api.board("?season=season-1&limit=1000") for api in place.apis]
        return [[(row["userId"], row["score"]) for row in b["leaderboard"]] for b in boards] == [expected] * 2

    await until(both_show_it)
    for api in place.apis:
        board = await api.board("?season=season-1&edition=announced&limit=1000")
        assert board["leaderboard"] == announced
    assert await place.adds_up()


async def past_is_told(api: Api) -> bool:
    """Whether the server has learnt that the first season's board is written."""
    return (await api.fetch("/api/leaderboard?season=season-1")).code == 200


async def look_until(api: Api, done: asyncio.Event) -> int:
    """Look at the past board again and again; how often it was there."""
    looks = 0
    while not done.is_set():
        told = await api.board("?season=season-1&limit=1000")
        rows = told["leaderboard"]
        assert [row["rank"] for row in rows] == list(range(1, told["totalUsers"] + 1)) and rows
        assert len({row["userId"] for row in rows}) == len(rows)
        around = (await api.board("?season=season-1&around=cem&limit=3"))["leaderboard"]
        assert "cem" in [row["userId"] for row in around]
        looks += 1
    return looks


def corrected_by_hand(raw: Raw, hidden: set[str]) -> list[tuple[str, int]]:
    """What all entries of the first season add up to, late ones too."""
    scores, reached = Counter[str](), Counter[str]()
    for entry in raw["entries"].find({"season": 1}):
        scores[entry["user"]] += entry["points"]
        if not entry["type"].startswith("!"):
            reached[entry["user"]] = max(reached[entry["user"]], entry["at"])
    order = sorted((-scores[user], at, user) for user, at in reached.items() if user not in hidden)
    return [(user, -score) for score, _at, user in order]
