"""Limits over HTTP: floods, caps, what the answers say about them, and what no limit may refuse."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tornado.httpclient import HTTPResponse

from scoreboard_server.settings import load_settings

from ..conftest import Api, token
from .conftest import StartApi
from .test_score_handler import forged
from .wire import problem, request, submission, wire

TYPES = """
[actions]
"open" = {points = 10}
"daily" = {points = 10, per_day = 2}
"hasty" = {points = 10, per_minute = 3}
"slow" = {points = 10, min_seconds = 60}
"quiz" = {points = 50, proof = "ticket", ticket_ttl = 1}
"""
OFF = "updates_per_minute = 0\nper_ip_per_minute = 0"
TRUSTED = ["score:write:any"]

Limited = Callable[[str], Awaitable[Api]]


@pytest.fixture
def limited(start_api: StartApi, tmp_path: Path) -> Limited:
    """Start a server with these lines in its `[limits]`."""

    async def start(lines: str) -> Api:
        config = tmp_path / "limits.toml"
        config.write_text(f"[limits]\n{lines}\n{TYPES}")
        return await start_api(config=config)

    return start


async def claim(
    api: Api, action: str, kind: str = "open", bearer: str | None = None, **more: str
) -> HTTPResponse:
    """Submit as Ann."""
    return await api.post({"actionId": action, "actionType": kind} | more, bearer or token())


async def codes(api: Api, kind: str, count: int) -> list[int]:
    """The statuses of so many claims, one after the other."""
    return [(await claim(api, f"{kind}.{i}", kind)).code for i in range(count)]


async def score(api: Api, user: str = "ann") -> int:
    """What the board says."""
    rows: list[dict[str, int | str]] = (await api.board())["leaderboard"]
    return sum(int(row["score"]) for row in rows if row["userId"] == user)


def limits_of(response: HTTPResponse) -> tuple[str, int, int, int]:
    """Policy, quota, what remains, and when there is more."""
    policy = re.fullmatch(r'"(\w+)";q=(\d+);w=60', response.headers["RateLimit-Policy"])
    left = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', response.headers["RateLimit"])
    assert policy and left and policy[1] == left[1]
    return policy[1], int(policy[2]), int(left[2]), int(left[3])


def daily(bearer: str, action: str) -> bytes:
    """A claim as bytes."""
    body = json.dumps({"actionId": action, "actionType": "daily"}).encode()
    return request("/api/scores/update", f"Authorization: Bearer {bearer}", method="POST", body=body)


# --- floods ---------------------------------------------------------------------------------------


async def test_a_flood_of_one_user_is_refused(limited: Limited) -> None:
    """After the burst: 429 with the time to come back; other users go on."""
    api = await limited("updates_per_minute = 1\nburst = 3")
    answers = [await claim(api, f"a{i}") for i in range(5)]
    assert [answer.code for answer in answers] == [200, 200, 200, 429, 429]
    problem(answers[-1], 429, "rate_limited")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert (await claim(api, "a9", bearer=token("ben"))).code == 200
    assert await score(api) == 30


async def test_every_answer_says_what_is_left(limited: Limited) -> None:
    """On 200, 201, refusals of all kinds and 429 alike; of the policy that is tighter."""
    api = await limited("updates_per_minute = 1\nburst = 6")
    wish = {"method": "POST", "body": '{"actionType":"quiz"}', "bearer": token()}
    answers = [
        await claim(api, "a1"),
        await api.fetch("/api/actions", headers={"Content-Type": "application/json"}, **wish),
        await claim(api, "a1"),
        await claim(api, "a2", "nope"),
        await api.fetch("/api/actions", headers={"Content-Type": "text/plain"}, **wish),
        await api.post("{", token()),
        await claim(api, "a1"),
    ]
    assert [answer.code for answer in answers] == [200, 201, 200, 422, 415, 400, 429]
    told = [limits_of(answer) for answer in answers]
    assert [each[:3] for each in told] == [("user", 1, left) for left in (5, 4, 3, 2, 1, 0, 0)]
    assert all(0 < each[3] <= 60 for each in told)


async def test_a_flood_from_one_address_is_refused(limited: Limited) -> None:
    """Whoever they say they are: users, tokens that are no good, and none at all."""
    api = await limited("updates_per_minute = 0\nper_ip_per_minute = 6")
    bearers = [token("ann"), token("ben"), "garbage", forged(exp=1), token("cem")]
    answers = [await claim(api, "a1", bearer=bearer) for bearer in bearers]
    answers.append(await api.post({"actionId": "a1", "actionType": "open"}))
    assert [answer.code for answer in answers] == [200, 200, 401, 401, 200, 401]
    for bearer in ("garbage", token("dan")):
        refused = await claim(api, "a1", bearer=bearer)
        problem(refused, 429, "rate_limited")
        assert limits_of(refused)[:3] == ("address", 6, 0)


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Real-Ip", "Forwarded", "CF-Connecting-IP", "X-Client-IP"]
)
async def test_a_header_makes_nobody_another_address(limited: Limited, name: str) -> None:
    """Whoever connects without a proxy of ours is who connects, whatever is written there."""
    api = await limited("updates_per_minute = 0\nper_ip_per_minute = 3")
    async with wire(api.server.port) as flood:
        answers = []
        for i in range(5):
            await flood.send(submission("garbage", "a1", f"{name}: 192.0.2.{i}", f"{name}: for=192.0.2.{i}"))
            answers.append((await flood.answer()).code)
    assert answers == [401, 401, 401, 429, 429]


async def test_a_trusted_server_is_not_limited(limited: Limited) -> None:
    """Neither as a user nor by its address, and it is told of no limit."""
    api = await limited("updates_per_minute = 1\nburst = 1\nper_ip_per_minute = 1")
    game = token("game", scopes=TRUSTED)
    answers = [await claim(api, f"a{i}", "daily", game, userId="ann") for i in range(10)]
    assert {answer.code for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers
    assert await score(api) == 100


async def test_limits_are_off_at_zero(limited: Limited) -> None:
    """And then no header speaks of them."""
    api = await limited(OFF)
    assert set(await codes(api, "open", 100)) == {200}
    assert "RateLimit" not in (await claim(api, "a1")).headers


async def test_numbers_as_large_as_they_may_be_are_numbers(limited: Limited) -> None:
    """Nothing overflows, and nothing is set aside for them."""
    api = await limited("updates_per_minute = 1_000_000_000\nburst = 1_000_000_000\nper_ip_per_minute = 0")
    answer = await claim(api, "a1")
    assert limits_of(answer)[:2] == ("user", 1_000_000_000)


# --- caps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "counted", "code", "longest"),
    [("daily", 2, "cap_reached", 86_400), ("hasty", 3, "cap_reached", 60), ("slow", 1, "too_soon", 60)],
)
async def test_a_cap_is_a_cap(limited: Limited, kind: str, counted: int, code: str, longest: int) -> None:
    """By the day, by the minute, and between two: 429 with the time until there is room."""
    api = await limited(OFF)
    assert await codes(api, kind, counted + 3) == [200] * counted + [429] * 3
    refused = await claim(api, "more", kind)
    problem(refused, 429, code)
    assert 0 < int(refused.headers["Retry-After"]) <= longest
    assert await score(api) == counted * 10
    assert (await claim(api, "b1", kind, token("ben"))).code == 200


async def test_a_script_with_thousands_of_ids_gets_no_more_than_the_cap(limited: Limited) -> None:
    """A user's own ids are free to make up, so it is the cap that they are worth."""
    api = await limited(OFF)
    bearer, answers = token(), []
    async with wire(api.server.port) as script:
        for some in range(20):
            await script.send(b"".join(daily(bearer, f"a{some}.{i}") for i in range(100)))
            answers += [(await script.answer()).code for _ in range(100)]
    assert sorted(set(answers)) == [200, 429] and answers.count(200) == 2
    assert await score(api) == 20


async def test_what_adds_nothing_gives_no_room(limited: Limited) -> None:
    """Repeats, an id of another type, and claims at once: the cap counts what was counted."""
    api = await limited(OFF)
    await claim(api, "o1", "open")
    await claim(api, "d1", "daily")
    for _ in range(5):
        assert (await claim(api, "d1", "daily")).headers["Idempotent-Replayed"] == "true"
        problem(await claim(api, "o1", "daily"), 422, "action_id_reused")
    answers = await asyncio.gather(*(claim(api, f"d{i % 7}", "daily") for i in range(70)))
    assert {answer.code for answer in answers} == {200, 429}
    assert await score(api) == 30


# --- repeats --------------------------------------------------------------------------------------


async def replayed(api: Api, action: str, kind: str, bearer: str | None = None) -> int:
    """The score that a repeat is told, after checking that it is told to be one."""
    response = await claim(api, action, kind, bearer)
    assert response.code == 200, response.body
    assert response.headers["Idempotent-Replayed"] == "true"
    told: int = json.loads(response.body)["newScore"]
    return told


@pytest.mark.parametrize("kind", ["daily", "hasty", "slow"])
async def test_a_repeat_past_a_cap_is_answered_as_counted(limited: Limited, kind: str) -> None:
    """Which nothing can refuse; another type for the id is 422 all the same."""
    api = await limited(OFF)
    counted = (await codes(api, kind, 5)).count(200)
    for _ in range(3):
        for i in range(counted):
            assert await replayed(api, f"{kind}.{i}", kind) == counted * 10
    problem(await claim(api, f"{kind}.0", "open"), 422, "action_id_reused")
    assert await score(api) == counted * 10


async def test_a_repeat_past_its_tickets_expiry_is_answered_as_counted(limited: Limited) -> None:
    """What was claimed in time stays counted; a ticket that wasn't is expired."""
    api = await limited(OFF)
    tickets = []
    for _ in range(2):
        response = await api.fetch(
            "/api/actions",
            "POST",
            bearer=token(),
            body='{"actionType":"quiz"}',
            headers={"Content-Type": "application/json"},
        )
        tickets.append(json.loads(response.body)["actionId"])
    assert (await claim(api, tickets[0], "quiz")).code == 200
    await asyncio.sleep(1.1)
    assert await replayed(api, tickets[0], "quiz") == 50
    problem(await claim(api, tickets[1], "quiz"), 422, "ticket_expired")
    assert await score(api) == 50


async def test_a_repeat_of_a_removed_type_is_answered_as_counted(limited: Limited, tmp_path: Path) -> None:
    """It is not on offer any more, and was when it was counted."""
    api = await limited(OFF)
    await claim(api, "a1", "daily")
    only = tmp_path / "only.toml"
    only.write_text("[actions.open]\npoints = 1\n")
    api.server.reload(lambda: load_settings(environ={}, config=only))
    assert await replayed(api, "a1", "daily") == 10
    problem(await claim(api, "a2", "daily"), 422, "unknown_action_type")
    assert json.loads((await claim(api, "a3", "open")).body)["newScore"] == 11


async def test_nobody_burns_anothers_id(limited: Limited) -> None:
    """The same id is another action for another user: counted for each, and no way to take it away."""
    api = await limited(OFF)
    assert (await claim(api, "a1", "daily", token("eve"))).code == 200
    first = await claim(api, "a1", "daily")
    assert first.code == 200 and "Idempotent-Replayed" not in first.headers
    problem(await claim(api, "a2", "open", token("eve"), userId="ann"), 403, "scope_missing")
    assert (await score(api), await score(api, "eve")) == (10, 10)
