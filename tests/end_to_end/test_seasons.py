"""A season is closed while two servers count and are watched, and everything is in exactly one season."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from ..cli.invoking import Running
from ..conftest import Api, token
from ..store.conftest import Raw, raw
from .test_moderation import Place, place, until
from .watchers import Watched, python_watcher

__all__ = ["place", "raw"]

pytestmark = [pytest.mark.database, pytest.mark.timeout(300)]

SUBMITTERS = 200
# Two cores that others use, too, for two servers, their database, two hundred clients and the command.
EMPTY_WITHIN_S = 5.0


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
        assert server.ended() == -signal.SIGKILL
    told = await place.command("season", "reset", "--yes")
    assert told["closed"]["totalUsers"] == 4
    last = raw["entries"].find_one({"user": "dan"})
    assert last is not None and last["season"] == 1 and "pending" not in last
