"""What an admin decides at a terminal is in force on every running server, and undone without a trace."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scoreboard_server.flow.verifying import verify
from scoreboard_server.store.opening import Store, open_for_command

from ..cli.invoking import SCOREBOARD, Running, environment, run
from ..conftest import SECRET, Api, StartServer, token
from ..mongod import Mongod
from ..web.watching import Watcher, watch

pytestmark = pytest.mark.database


async def until(check: Callable[[], Awaitable[Any]], patience: float = 5.0) -> Any:
    """What `check` gives as soon as it is true of anything."""
    async with asyncio.timeout(patience):
        while not (result := await check()):
            await asyncio.sleep(0.02)
    return result


@dataclass
class Place:
    """Two servers on one database, and a terminal beside them."""

    apis: list[Api]
    mongod: Mongod
    database: str
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """What the terminal's commands are told."""
        return {
            "SCOREBOARD_STORE": self.mongod.uri,
            "SCOREBOARD_STORE_DATABASE": self.database,
            "SCOREBOARD_JWT_SECRET": SECRET,
        }

    async def command(self, *arguments: str) -> Any:
        """Run a command; what it answers as JSON."""
        ended = await asyncio.to_thread(
            run, *arguments, "--json", cwd=self.folder, environ=self.environ, timeout=60
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """The database, as a command sees it."""
        now_us = time.time_ns() // 1000
        store = await open_for_command(self.mongod.uri, self.database, self.folder, now_us=now_us)
        try:
            yield store
        finally:
            await store.close()

    async def score(self, user: str) -> int:
        """What the user's entries add up to."""
        async with self.store() as store:
            return (await store.history.past(user, None, 1)).total

    async def adds_up(self) -> bool:
        """Whether every standing is the fold of its entries."""
        async with self.store() as store:
            assert store.books is not None
            spans = verify(store.books, store.history, now_us=lambda: time.time_ns() // 1000)
            return not any([span.standings async for span in spans])

    async def shows(self, *users: str) -> bool:
        """Whether both boards show exactly these, in this order."""
        boards = [await api.board() for api in self.apis]
        told = [([row["userId"] for row in b["leaderboard"]], b["totalUsers"]) for b in boards]
        return told == [(list(users), len(users))] * len(self.apis)

    async def rows(self) -> list[list[dict[str, Any]]]:
        """Both boards."""
        return [(await api.board())["leaderboard"] for api in self.apis]


@pytest.fixture
async def place(replica_set: Mongod, database: str, start_server: StartServer, tmp_path: Path) -> Place:
    """Ann before ben before cem."""
    servers = [await start_server(store__uri=replica_set.uri, store__database=database) for _ in range(2)]
    place = Place([Api(server) for server in servers], replica_set, database, tmp_path)
    for user, count in (("ann", 3), ("ben", 2), ("cem", 1)):
        for number in range(count):
            await place.apis[number % 2].act(user, f"a{number}")

    async def both_know() -> bool:
        return [[row["score"] for row in rows] for rows in await place.rows()] == [[30, 20, 10]] * 2

    await until(both_know)
    return place


async def code_of(api: Api, bearer: str, action: str = "late") -> tuple[int, str | None]:
    """How a submission is answered."""
    response = await api.post({"actionId": action, "actionType": "task.completed"}, bearer)
    return response.code, json.loads(response.body).get("code")


@asynccontextmanager
async def watched_as(api: Api, bearer: str) -> AsyncIterator[Watcher]:
    """An open socket of that token's user."""
    async with watch(api) as watcher:
        await watcher.say({"type": "auth", "token": bearer})
        await watcher.next_of("auth.ok")
        yield watcher


async def test_a_ban_takes_effect_on_every_server_within_a_second(place: Place) -> None:
    """Refused, told and closed, off the board; the ranks below close up and the total falls, live."""
    one, other = place.apis
    bearer = token("ann")
    async with (
        watched_as(one, bearer) as ann_here,
        watched_as(other, bearer) as ann_there,
        watch(one) as here,
        watch(other) as there,
    ):
        await place.command("ban", "ann", "--reason", "a script")
        for api in place.apis:
            assert await until(lambda api=api: _is(code_of(api, bearer), (403, "banned")))  # type: ignore[misc]
        for watcher in (ann_here, ann_there):
            close_code, last = await watcher.closed()
            assert (close_code, [f["code"] for f in last if f["type"] == "error"]) == (4403, ["banned"])
            assert last[-1]["type"] == "error"
        for watcher in (here, there):
            update = await watcher.next("leaderboard.update")
            assert (update["snapshot"], update["data"]["removed"]) == (False, ["ann"])
            assert update["data"]["totalUsers"] == 2
            assert [(r["userId"], r["rank"]) for r in watcher.watched.rows] == [("ben", 1), ("cem", 2)]
    assert await place.shows("ben", "cem")
    async with watch(one) as watcher:
        await watcher.say({"type": "auth", "token": bearer})
        assert (await watcher.next_of("error"))["code"] == "banned"
        await watcher.quiet()


async def _is(work: Awaitable[object], wanted: object) -> bool:
    return await work == wanted


async def test_a_ban_ends_by_itself(place: Place) -> None:
    """Refused and hidden until then, and nobody has to do anything."""
    told = await place.command("ban", "ann", "--reason", "a script", "--until", "4s")
    assert told["until"] is not None
    await until(lambda: place.shows("ben", "cem"))
    await until(lambda: place.shows("ann", "ben", "cem"), patience=10)
    for number, api in enumerate(place.apis):
        await api.act("ann", f"after{number}")


async def test_a_ban_outlives_reloads_and_restarts(place: Place, start_server: StartServer) -> None:
    """A board that is read again leaves the user out, as does a server that starts."""
    await place.command("ban", "ann", "--reason", "a script")
    await until(lambda: place.shows("ben", "cem"))
    epochs = [(await api.board())["epoch"] for api in place.apis]
    async with place.store() as store:
        assert store.books is not None
        await store.books.repaired(1)

    async def both_reloaded() -> bool:
        now = [(await api.board())["epoch"] for api in place.apis]
        return all(epoch != before for epoch, before in zip(now, epochs, strict=True))

    await until(both_reloaded)
    flags = {"store__uri": place.mongod.uri, "store__database": place.database}
    place.apis.append(Api(await start_server(**flags)))
    assert await place.shows("ben", "cem")
    for api in place.apis:
        assert await code_of(api, token("ann")) == (403, "banned")
    await place.command("unban", "ann")
    await until(lambda: place.shows("ann", "ben", "cem"))


async def test_racing_entries_do_not_escape(place: Place) -> None:
    """A cheater who submits to both servers all the time has exactly nothing left afterwards."""
    numbers = itertools.count()
    bearer = token("ann")
    counted = 0

    async def cheat(api: Api) -> None:
        nonlocal counted
        while True:
            code, _ = await code_of(api, bearer, f"c{next(numbers)}")
            if code == 403:
                return
            assert code == 200
            counted += 1

    async def it_goes_on() -> bool:
        return counted > 40

    cheating = [asyncio.create_task(cheat(api)) for api in place.apis for _ in range(8)]
    await until(it_goes_on)
    told = await place.command("ban", "ann", "--reason", "a script", "--from", "1d")
    await asyncio.wait_for(asyncio.gather(*cheating), 10)

    async def nothing_left() -> bool:
        return await place.score("ann") == 0

    await until(nothing_left, patience=10)
    assert told["takenBack"] > 0
    assert await place.adds_up()
    assert await place.shows("ben", "cem")
    assert (await place.command("unban", "ann"))["givenBack"] == counted + 3
    await until(lambda: place.shows("ann", "ben", "cem"))

    async def has_all() -> bool:
        return all(rows[0]["score"] == 10 * (counted + 3) for rows in await place.rows())

    await until(has_all)


async def test_an_undone_ban_leaves_no_trace(place: Place) -> None:
    """Scores, instants and ranks are exactly as before, in the boards and in the store."""
    await place.apis[0].act("ben", "a2")  # as many points as ann, and later

    async def followed() -> bool:
        here, there = await place.rows()
        return here == there

    await until(followed)
    before = await place.rows()
    await place.command("ban", "ann", "--reason", "a script", "--from", "1d")
    await until(lambda: place.shows("ben", "cem"))
    await place.command("unban", "ann", "--reason", "was none")

    async def as_before() -> bool:
        return await place.rows() == before

    await until(as_before)
    assert [row["userId"] for row in before[0]] == ["ann", "ben", "cem"]
    assert await place.score("ann") == 30 and await place.adds_up()


@pytest.mark.usefixtures("short_transactions")
@pytest.mark.parametrize("stage", ["taking", "giving"])
async def test_a_killed_command_is_run_again(place: Place, stage: str) -> None:
    """kill -9 in the middle of some thousand corrections: run again, it ends as if nothing had happened."""
    count = 4_000
    await _give_entries(place, "ben", count)
    ban = ("ban", "ben", "--reason", "a script", "--from", "1d")
    if stage == "giving":
        await place.command(*ban)
    await _killed_in_the_middle(place, *(ban if stage == "taking" else ("unban", "ben")))
    if stage == "giving":
        await place.command("unban", "ben")
        assert await place.score("ben") == count + 20
        await until(lambda: place.shows("ben", "ann", "cem"))
    else:
        await place.command(*ban)
        assert await place.score("ben") == 0
        await place.command("unban", "ben")
        assert await place.score("ben") == count + 20
    assert await place.adds_up()


async def _give_entries(place: Place, user: str, count: int) -> None:
    now = time.time_ns() // 1000
    common = {"v": 1, "user": user, "type": "task.completed", "points": 1, "writer": "past", "batch": 1}
    entries = [common | {"action": f"e{i}", "at": now - i, "pending": True} for i in range(count)]
    with place.mongod.client() as client:
        await asyncio.to_thread(client[place.database]["entries"].insert_many, entries)


async def _killed_in_the_middle(place: Place, *arguments: str) -> None:
    kind = "!taken-back" if arguments[0] == "ban" else "!given-back"
    process = await asyncio.create_subprocess_exec(
        *SCOREBOARD,
        *arguments,
        cwd=place.folder,
        env=environment(**place.environ),
        stdout=asyncio.subprocess.DEVNULL,
    )
    with place.mongod.client() as client:
        corrections = client[place.database]["entries"]
        async with asyncio.timeout(30):
            while await asyncio.to_thread(corrections.count_documents, {"type": kind}) == 0:
                await asyncio.sleep(0.005)
        process.kill()
        await process.wait()
        assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("which", ["user", "jti"])
async def test_a_revoked_token_is_refused_everywhere_within_a_second(place: Place, which: str) -> None:
    """It was verified and remembered a moment ago; its sockets are told and closed, others' stay."""
    one, other = place.apis
    bearer, another = token("ann"), token("ben")
    for api in place.apis:
        assert await code_of(api, bearer) == (200, None)
    async with (
        watched_as(one, bearer) as here,
        watched_as(other, bearer) as there,
        watched_as(one, another) as stays,
    ):
        shown = await place.command("token", "inspect", bearer)
        revoked = ["--user", "ann"] if which == "user" else [shown["claims"]["jti"]]
        await place.command("token", "revoke", *revoked, "--reason", "stolen")
        for api in place.apis:
            assert await until(lambda api=api: _is(code_of(api, bearer), (401, "token_revoked")))  # type: ignore[misc]
        for watcher in (here, there):
            close_code, last = await watcher.closed()
            assert close_code == 4401
            assert last[-1] == {"type": "error", "code": "token_revoked", "message": "The token was revoked."}
        await stays.say({"type": "ping"})
        while (await stays.frame())["type"] != "pong":
            pass
    response = await one.fetch("/api/leaderboard", bearer=bearer)
    assert response.code == 401
    await asyncio.sleep(1.0)  # tokens tell when they were issued in whole seconds
    assert await code_of(other, token("ann"), "again") == (200, None)


async def test_a_paused_server_keeps_nothing_from_a_ban(place: Place) -> None:
    """What it had admitted when it was stopped it counts when it goes on; that too is taken back."""
    environ = place.environ | {"SCOREBOARD_LIMITS_UPDATES_PER_MINUTE": "0"}
    with Running("serve", "--port", "0", "--json", cwd=place.folder, environ=environ) as server:
        await asyncio.to_thread(server.ready)
        paused = Api(SimpleNamespace(address=server.url))  # type: ignore[arg-type]
        held = [asyncio.create_task(code_of(paused, token("ann"), f"held{i}")) for i in range(8)]
        await asyncio.wait(held, return_when=asyncio.FIRST_COMPLETED)
        server.signal(signal.SIGSTOP)
        try:
            told = await place.command("ban", "ann", "--reason", "a script", "--from", "1d")
        finally:
            server.signal(signal.SIGCONT)
        counted = [code for code, _ in await asyncio.gather(*held)].count(200)
        assert counted + 3 >= told["takenBack"]

        async def nothing_left() -> bool:
            return await place.score("ann") == 0

        await until(nothing_left, patience=10)
        await until(lambda: _is(code_of(paused, token("ann"), "later"), (403, "banned")))
    assert await place.score("ann") == 0 and await place.adds_up()
