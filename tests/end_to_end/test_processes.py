"""Servers and the command line on one replica set: what one does, all see."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from pathlib import Path

from scoreboard_server.flow.ports import Batch
from scoreboard_server.rules.entry import Entry
from scoreboard_server.store.opening import open_for_command

from ..conftest import Api, StartServer, token
from ..mongod import Mongod
from .watchers import Watched, python_watcher


async def test_the_same_board_after_a_restart(
    replica_set: Mongod, database: str, start_server: StartServer
) -> None:
    """Stopped and started again, the server shows the same board, names included."""
    first = await start_server(store__uri=replica_set.uri, store__database=database)
    api = Api(first)
    for user, count in (("ann", 3), ("ben", 1), ("cem", 3)):
        for i in range(count):
            bearer = token(user, name=user.title())
            await api.post({"actionId": f"a{i}", "actionType": "task.completed"}, bearer)
    before = await api.board()
    await first.stop()
    after = await Api(await start_server(store__uri=replica_set.uri, store__database=database)).board()
    for told in (before, after):
        del told["epoch"], told["version"]
    assert before == after
    assert [row["username"] for row in after["leaderboard"]] == ["Ann", "Cem", "Ben"]


async def test_a_score_beyond_32_bits_is_a_score(
    replica_set: Mongod, database: str, start_server: StartServer, tmp_path: Path
) -> None:
    """Counted, folded, read after a restart and explained, it is a number like any other."""
    config = tmp_path / "config.toml"
    config.write_text('[actions."jackpot"]\npoints = 1_000_000\n')
    flags = {"store__uri": replica_set.uri, "store__database": database, "config": config}
    first = await start_server(**flags)
    await Api(first).act("ann", "a1", "jackpot")
    await first.stop()
    with replica_set.client() as client:
        standings = client[database]["standings"]
        assert standings.update_one({}, {"$inc": {"score": 3_000_000_000}}).modified_count == 1
    api = Api(await start_server(**flags))
    async with python_watcher(api.socket_url()) as watched:
        assert (await api.act("ann", "a2", "jackpot"))["newScore"] == 3_002_000_000
        await watched.until(lambda w: w.rows["ann"]["score"] == 3_002_000_000)
    assert (await api.board())["leaderboard"][0]["score"] == 3_002_000_000
    response = await api.fetch("/api/users/ann/actions", bearer=token("ann"))
    assert [a["total"] for a in json.loads(response.body)["actions"]] == [3_002_000_000, 3_001_000_000]


async def test_a_repeat_after_a_restart_adds_nothing(
    replica_set: Mongod, database: str, start_server: StartServer
) -> None:
    """The ledger remembers what the process that counted it can't any more."""
    first = await start_server(store__uri=replica_set.uri, store__database=database)
    await Api(first).act("ann", "a1")
    await first.stop()
    second = Api(await start_server(store__uri=replica_set.uri, store__database=database))
    body = {"actionId": "a1", "actionType": "task.completed"}
    response = await second.post(body, token("ann"))
    assert response.headers["Idempotent-Replayed"] == "true"
    assert (await second.act("ann", "a2"))["newScore"] == 20


async def shows(watched: Watched, user: str) -> None:
    """The user comes within a second, and is called by name soon after."""
    await watched.until(lambda w: user in w.rows, patience=1.0)
    await watched.until(lambda w: w.rows[user]["username"] == f"Name of {user}", patience=2.0)


async def test_an_update_through_either_server_shows_on_the_others_socket(
    replica_set: Mongod, database: str, start_server: StartServer
) -> None:
    """Within a second, names too, and a repeat through the other server adds nothing."""
    one = Api(await start_server(store__uri=replica_set.uri, store__database=database))
    other = Api(await start_server(store__uri=replica_set.uri, store__database=database))
    async with python_watcher(one.socket_url()) as at_one, python_watcher(other.socket_url()) as at_other:
        for api, watched, user in ((one, at_other, "ann"), (other, at_one, "ben")):
            bearer = token(user, name=f"Name of {user}", picture="https://x.example/a.png")
            body = {"actionId": "a1", "actionType": "task.completed"}
            assert (await api.post(body, bearer)).code == 200
            await shows(watched, user)
        answer = await other.act("ann", "a1")
        assert (answer["newScore"], answer["leaderboardPosition"]) == (10, 1)
        for watched in (at_one, at_other):
            await watched.until(lambda w: [row["score"] for row in w.board()] == [10, 10])
        await at_other.until(lambda w: w.board() == at_one.board())


async def test_a_repeat_elsewhere_is_never_told_less_than_was_acknowledged(
    replica_set: Mongod, database: str, start_server: StartServer
) -> None:
    """Repeated at the other server the moment it was acknowledged, an action has that score there."""
    one = Api(await start_server(store__uri=replica_set.uri, store__database=database))
    other = Api(await start_server(store__uri=replica_set.uri, store__database=database))
    for i in range(40):
        here, there = (one, other) if i % 2 else (other, one)
        acknowledged = await here.act("ann", f"a{i}")
        repeated = await there.act("ann", f"a{i}")
        assert repeated["newScore"] >= acknowledged["newScore"]
        assert repeated["newScore"] == 10 * (i + 1)


async def test_reading_the_board_again_under_load_loses_and_doubles_nothing(
    replica_set: Mongod, database: str, start_server: StartServer
) -> None:
    """While two servers count and their feeds break, every acknowledged action counts once."""
    servers = [await start_server(store__uri=replica_set.uri, store__database=database) for _ in range(2)]
    apis = [Api(server) for server in servers]
    counted: dict[str, int] = dict.fromkeys((f"u{i}" for i in range(8)), 0)
    done = asyncio.Event()

    async def play(user: str, api: Api) -> None:
        while not done.is_set():
            answer = await api.act(user, f"a{counted[user]}")
            counted[user] += 1
            assert answer["newScore"] == 10 * counted[user]

    players = [asyncio.create_task(play(user, apis[i % 2])) for i, user in enumerate(counted)]
    epochs = set()
    with replica_set.client() as client:
        for _ in range(8):
            epochs.add((await apis[0].board())["epoch"])
            marks = client[database]["marks"]
            await asyncio.to_thread(marks.insert_one, {})
            await asyncio.to_thread(marks.drop)  # the feed can't tell what that meant
            await asyncio.sleep(0.15)
    done.set()
    await asyncio.gather(*players)
    assert len(epochs) > 3, "the board was hardly read again"
    expected = {user: 10 * count for user, count in counted.items()}
    for api in apis:
        async with asyncio.timeout(20):
            while {row["userId"]: row["score"] for row in (await api.board())["leaderboard"]} != expected:
                await asyncio.sleep(0.05)


async def test_what_the_command_line_writes_the_server_follows(
    replica_set: Mongod, database: str, start_server: StartServer, tmp_path: Path
) -> None:
    """An entry appended through a command's own session is on a running server's socket within a second."""
    api = Api(await start_server(store__uri=replica_set.uri, store__database=database))
    async with python_watcher(api.socket_url()) as watched:
        now = time.time_ns() // 1000
        store = await open_for_command(replica_set.uri, database, tmp_path, now_us=now)
        try:
            entry = Entry("ann", "by-hand", "task.completed", 10, now)
            await store.ledger.append(Batch(secrets.token_hex(8), 1, [entry]))
            await watched.until(lambda w: "ann" in w.rows, patience=1.0)
        finally:
            await store.close()
    assert (await api.act("ann", "a1"))["newScore"] == 20


async def test_folding_and_following_never_count_twice(
    replica_set: Mongod, database: str, start_server: StartServer
) -> None:
    """Two servers that fold and follow each other's entries end with the ledger's sum, restarted or not."""
    one = await start_server(store__uri=replica_set.uri, store__database=database)
    other = await start_server(store__uri=replica_set.uri, store__database=database)
    for i in range(30):
        await Api(one if i % 2 else other).act("ann", f"a{i}")
        if i == 15:
            await one.stop()
            one = await start_server(store__uri=replica_set.uri, store__database=database)
    async with python_watcher(Api(one).socket_url()) as watched:
        await watched.until(lambda w: bool(w.rows) and w.rows["ann"]["score"] == 300)
    await one.stop()
    await other.stop()
    with replica_set.client() as client:
        ledger = client[database]["entries"]
        assert ledger.count_documents({}) == 30
        assert ledger.count_documents({"pending": True}) == 0
        standing = client[database]["standings"].find_one({"_id": {"season": 1, "user": "ann"}})
        assert standing is not None and (standing["score"], standing["actions"]) == (300, 30)
