"""Tickets over HTTP: given out, claimed once, and refused in words."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

from scoreboard_server.rules.identifiers import is_action_id

from ..conftest import Api, token
from .conftest import StartApi
from .wire import problem

QUIZ = {"actionType": "quiz"}
CONFIG = """
[limits]
updates_per_minute = 0
per_ip_per_minute = 0
[actions]
"open" = {points = 1}
"quiz" = {points = 50, proof = "ticket", min_seconds = 0.2, ticket_ttl = "10m"}
"short" = {points = 50, proof = "ticket", ticket_ttl = 0.001}
"long" = {points = 50, proof = "ticket", min_seconds = 60}
"match" = {points = 100, proof = "trusted"}
"""


@pytest.fixture
async def api(start_api: StartApi, tmp_path: Path) -> Api:
    """A server with types of every proof, and no rates."""
    config = tmp_path / "tickets.toml"
    config.write_text(CONFIG)
    return await start_api(config=config)


async def wish(api: Api, body: object, bearer: str | None, **headers: str) -> HTTPResponse:
    """Ask for a ticket."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | headers
    return await api.fetch("/api/actions", "POST", body=raw, bearer=bearer, headers=headers)


async def given(api: Api, user: str = "ann", kind: str = "quiz") -> str:
    """The text of a ticket."""
    response = await wish(api, {"actionType": kind}, token(user))
    assert response.code == 201, response.body
    text: str = json.loads(response.body)["actionId"]
    return text


async def claim(api: Api, action: str, user: str = "ann", kind: str = "quiz", **more: Any) -> HTTPResponse:
    """Submit, as soon as the least time is over."""
    while True:
        response = await api.post({"actionId": action, "actionType": kind} | more, token(user))
        if response.code != 429 or kind == "long":
            return response
        await asyncio.sleep(0.05)


async def test_a_ticket_says_what_it_is_good_for(api: Api) -> None:
    """An id, its type, and its two times; nobody keeps the answer."""
    response = await wish(api, QUIZ, token())
    assert (response.code, response.headers["Cache-Control"]) == (201, "no-store")
    told = json.loads(response.body)
    assert set(told) == {"actionId", "actionType", "notBefore", "expiresAt"}
    assert is_action_id(told["actionId"]) and told["actionType"] == "quiz"
    begin, end = (datetime.fromisoformat(told[name]) for name in ("notBefore", "expiresAt"))
    assert (end - begin).total_seconds() == pytest.approx(599.8)


async def test_a_ticket_is_claimed_once(api: Api) -> None:
    """Its points are the catalogue's; a repeat adds nothing, at once or later."""
    ticket = await given(api)
    first = await claim(api, ticket)
    assert (first.code, json.loads(first.body)["newScore"]) == (200, 50)
    for _ in range(3):
        again = await claim(api, ticket)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert json.loads(again.body)["newScore"] == 50


async def test_a_ticket_is_claimed_neither_early_nor_late(api: Api) -> None:
    """Early is 429 with the time to come back, late is 422."""
    early = await claim(api, await given(api, kind="long"), kind="long")
    problem(early, 429, "too_soon")
    assert early.headers["Retry-After"] in ("59", "60")
    late = await given(api, kind="short")
    await asyncio.sleep(0.01)
    problem(await claim(api, late, kind="short"), 422, "ticket_expired")


async def test_a_ticket_is_for_its_user_and_type(api: Api) -> None:
    """Somebody else, another type and an id of one's own are refused; the ticket is still good."""
    ticket = await given(api)
    for user, kind, action in (("ben", "quiz", ticket), ("ann", "long", ticket), ("ann", "quiz", "a1")):
        problem(await claim(api, action, user, kind), 422, "ticket_invalid")
    assert (await claim(api, ticket)).code == 200
    assert [r["score"] for r in (await api.board())["leaderboard"]] == [50]


@pytest.mark.parametrize("spelling", ["{}=", "{}==", " {}", "{}\n", "{}A"])
async def test_a_ticket_has_one_spelling(api: Api, spelling: str) -> None:
    """What a decoder would read alike is another id, and no ticket."""
    ticket = await given(api)
    assert (await claim(api, ticket)).code == 200
    assert (await claim(api, spelling.format(ticket))).code == 422
    assert [r["score"] for r in (await api.board())["leaderboard"]] == [50]


async def test_the_last_character_has_no_second_form(api: Api) -> None:
    """Base64 leaves bits over in some lengths; a ticket's has none."""
    ticket = await given(api)
    others = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".replace(ticket[-1], "")
    for other in others:
        problem(await claim(api, ticket[:-1] + other), 422, "ticket_invalid")


async def test_tickets_are_not_farmed_in_parallel(api: Api) -> None:
    """Of ten that were waited for together, one counts now and each other its least time later."""
    tickets = [await given(api) for _ in range(10)]
    await asyncio.sleep(0.3)
    bodies = [{"actionId": ticket, "actionType": "quiz"} for ticket in tickets]
    answers = await asyncio.gather(*(api.post(body, token()) for body in bodies))
    counted = sum(answer.code == 200 for answer in answers)
    for answer in answers:
        if answer.code != 200:
            problem(answer, 429, "too_soon")
    assert 1 <= counted < 10
    response = await api.fetch("/api/users/ann/actions", bearer=token())
    instants = sorted(datetime.fromisoformat(a["at"]) for a in json.loads(response.body)["actions"])
    gaps = [(b - a).total_seconds() for a, b in pairwise(instants)]
    assert all(gap > 0.19 for gap in gaps)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("open", 422, "ticket_not_needed"),
        ("match", 403, "scope_missing"),
        ("nope", 422, "unknown_action_type"),
        ("", 422, "unknown_action_type"),
    ],
)
async def test_other_types_have_no_tickets(api: Api, kind: str, status: int, code: str) -> None:
    """And say why."""
    problem(await wish(api, {"actionType": kind}, token()), status, code)


async def test_who_may_not_claim_gets_none(api: Api) -> None:
    """Without a token, or with one that may only read."""
    problem(await wish(api, QUIZ, None), 401, "token_missing")
    problem(await wish(api, QUIZ, token(scopes=["board:read"])), 403, "scope_missing")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b'{"actionType":"quiz","actionType":"quiz"}', 400, "invalid_json"),
        (b'{"actionType":"quiz","userId":"ben"}', 422, "invalid_request"),
        (b'{"actionType":{"$ne":""}}', 422, "invalid_request"),
        (b"[]", 422, "invalid_request"),
    ],
)
async def test_another_body_is_refused(api: Api, body: bytes, status: int, code: str) -> None:
    """A wish names a type, once, and nothing else."""
    problem(await wish(api, body, token()), status, code)


async def test_a_form_is_refused(api: Api) -> None:
    """415, as everywhere."""
    problem(await wish(api, QUIZ, token(), **{"Content-Type": "text/plain"}), 415, "unsupported_media_type")
