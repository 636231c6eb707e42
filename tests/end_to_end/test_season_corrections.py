"""What is decided about a sealed season: both boards are whole for whoever looks, and one never changes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from scoreboard_server.flow import season_keeper

from ..conftest import Api, token
from ..store.conftest import Raw, raw
from .test_moderation import Place, place, until

__all__ = ["place", "raw"]

pytestmark = [pytest.mark.database, pytest.mark.timeout(300)]


async def test_a_server_writes_the_board_that_a_killed_command_left(
    place: Place, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, by itself, as corrected; the announced one stays as it was, byte for byte."""
    monkeypatch.setattr(season_keeper, "_LEFT_AFTER_S", 0.5)
    monkeypatch.setattr(season_keeper, "_LONGEST_WAIT_S", 0.2)
    await place.command("season", "reset", "--yes")
    announced = "/api/leaderboard?season=season-1&edition=announced"
    await until(lambda: past_is_told(place.apis[0]))
    before = await until(lambda: told_by(place.apis[0], announced))
    async with place.store() as store:
        assert store.moderation is not None
        ban = {"_id": "ann", "v": 1, "id": "b1", "reason": "x", "by": "root", "since": 1, "until": None}
        raw["bans"].insert_one(ban | {"taken_back_from": 1, "lifted_at": None})
        raw["seasons"].update_one({"_id": 1}, {"$inc": {"corrections": 1}})

    async def both_are_corrected() -> bool:
        boards = [await api.board("?season=season-1") for api in place.apis]
        return [[row["userId"] for row in b["leaderboard"]] for b in boards] == [["ben", "cem"]] * 2

    await until(both_are_corrected, patience=20)
    after = await until(lambda: told_by(place.apis[1], announced))
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
        assert await final_totals(api, [user for user, _ in expected]) == dict(expected)
        board = await api.board("?season=season-1&edition=announced&limit=1000")
        assert board["leaderboard"] == announced
    assert await place.adds_up()


async def test_only_lifting_a_ban_brings_back_whom_it_hid(place: Place) -> None:
    """A later one takes nobody off the final board who was pardoned, and puts nobody on who was taken off."""
    api = place.apis[0]
    await place.command("ban", "ann", "--reason", "a mistake")
    await place.command("season", "reset", "--yes")
    await until(lambda: past_is_told(api))
    expected = ["ben", "cem"]

    async def is_shown() -> bool:
        return [row["userId"] for row in (await api.board("?season=season-1"))["leaderboard"]] == expected

    await until(is_shown)
    await place.command("unban", "ann")
    expected = ["ann", "ben", "cem"]
    await until(is_shown)
    await place.command("ban", "ann", "--reason", "a rude name")
    await place.command("ban", "ben", "--reason", "cheats", "--from", "1d", "--until", "1s")
    expected = ["ann", "cem"]
    await until(is_shown)
    await asyncio.sleep(1.1)
    await place.command("ban", "ben", "--reason", "cheats again")
    await place.command("adjust", "cem", "1", "--reason", "x", "--season", "season-1")
    await until(is_shown)
    assert await place.adds_up()
    await place.command("unban", "ben")
    expected = ["ann", "ben", "cem"]
    await until(is_shown)
    assert await place.adds_up()


async def final_totals(api: Api, users: list[str]) -> dict[str, int]:
    """What the users' own histories of the first season end at, which must be what their board says."""
    totals: dict[str, int] = {}
    for user in users:
        answer = await api.fetch(f"/api/users/{user}/actions?season=season-1", bearer=token(user))
        told = json.loads(answer.body)
        assert told["actions"][0]["total"] == told["score"], told
        totals[user] = told["score"]
    return totals


async def told_by(api: Api, path: str) -> Any:
    """A past board; nothing while the server must be asked again, or thinks the season current."""
    answer = await api.fetch(path)
    assert answer.code in (200, 503)
    told = json.loads(answer.body)
    return told if "archive" in told else None


async def past_is_told(api: Api) -> bool:
    """Whether the server has learnt that the first season's board is written."""
    return await told_by(api, "/api/leaderboard?season=season-1") is not None


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
