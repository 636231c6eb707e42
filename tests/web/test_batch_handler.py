"""`POST /api/scores/batch`: many actions at once, each counted or refused for itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tornado.httpclient import HTTPResponse

from ..conftest import Api, token
from .wire import problem

TRUSTED = token("game", scopes=["score:write:any"])


def item(user: str, action: str, kind: str = "match.won") -> dict[str, Any]:
    """An item as it should be."""
    return {"userId": user, "actionId": action, "actionType": kind}


async def post(api: Api, body: object, bearer: str | None = TRUSTED, **options: Any) -> HTTPResponse:
    """Submit a batch; text and bytes are sent as they are."""
    raw = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = {"Content-Type": "application/json"} | options.pop("headers", {})
    return await api.fetch("/api/scores/batch", "POST", body=raw, bearer=bearer, headers=headers, **options)


async def results(api: Api, body: object) -> list[dict[str, Any]]:
    """The results of a batch that is taken."""
    response = await post(api, body)
    assert response.code == 200, response.body
    told: list[dict[str, Any]] = json.loads(response.body)["results"]
    return told


async def test_each_item_has_a_result_in_order(api: Api) -> None:
    """Score and rank as the single answer gives them, for users whom the server names."""
    assert await results(
        api, [item("ann", "a1"), item("ben", "b1", "task.completed"), item("ann", "a2")]
    ) == [
        {
            "success": True,
            "message": "+100 points",
            "newScore": 100,
            "leaderboardPosition": 1,
            "replayed": False,
        },
        {
            "success": True,
            "message": "+10 points",
            "newScore": 10,
            "leaderboardPosition": 2,
            "replayed": False,
        },
        {
            "success": True,
            "message": "+100 points",
            "newScore": 200,
            "leaderboardPosition": 1,
            "replayed": False,
        },
    ]


async def test_a_repeat_counts_once_within_and_across_batches(api: Api) -> None:
    """The same id twice in a batch, in the next batch and alone: one entry, and repeats say so."""
    first = await results(api, [item("ann", "a1"), item("ann", "a1")])
    again = await results(api, [item("ann", "a1")])
    assert [r["replayed"] for r in (*first, *again)] == [False, True, True]
    assert {r["newScore"] for r in (*first, *again)} == {100}
    single = await api.post(item("ann", "a1"), TRUSTED)
    assert single.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("poison", "status", "code"),
    [
        (item("ann", "a" * 65), 422, "invalid_request"),
        (item("a b", "a1"), 422, "invalid_request"),
        (item("ann", "a1", "nope"), 422, "unknown_action_type"),
        (item("ann", "a1", "!adjusted"), 422, "unknown_action_type"),
        ({"actionId": "a1", "actionType": "match.won"}, 422, "invalid_request"),
        (item("ann", "a1") | {"points": 1_000_000}, 422, "invalid_request"),
        (item("ann", "a1") | {"userId": {"$ne": None}}, 422, "invalid_request"),
        (None, 422, "invalid_request"),
        ("ann", 422, "invalid_request"),
        ([], 422, "invalid_request"),
    ],
)
async def test_a_poisoned_item_fails_none_of_its_neighbours(
    api: Api, poison: object, status: int, code: str
) -> None:
    """It is refused with status and code of the single answer; those around it are counted."""
    told = await results(api, [item("ann", "n1"), poison, item("ann", "n2")])
    assert [r["success"] for r in told] == [True, False, True]
    assert (told[1]["status"], told[1]["code"]) == (status, code)
    assert "newScore" not in told[1]
    assert told[2]["newScore"] == 200


async def test_an_id_belongs_to_one_type_here_too(api: Api) -> None:
    """The second of two types for an id is refused, the first is counted."""
    told = await results(api, [item("ann", "a1"), item("ann", "a1", "task.completed")])
    assert [r["success"] for r in told] == [True, False]
    assert told[1]["code"] == "action_id_reused"


async def test_a_key_twice_is_refused_in_its_item(api: Api) -> None:
    """An item that says two things is malformed, and alone in that."""
    twice = '{"userId":"ann","userId":"ben","actionId":"a1","actionType":"match.won"}'
    told = await results(api, f"[{twice},{json.dumps(item('ben', 'b1'))}]")
    assert [(r["success"], r.get("status")) for r in told] == [(False, 400), (True, None)]


async def test_a_thousand_are_taken_and_one_more_is_not(api: Api) -> None:
    """The limit refuses the batch whole, before anything is counted."""
    full = [item(f"u{i % 50}", f"a{i}") for i in range(1000)]
    problem(await post(api, [*full, item("x", "x")]), 422, "invalid_request")
    assert (await api.board())["totalUsers"] == 0
    told = await results(api, full)
    assert len(told) == 1000 and all(r["success"] for r in told)
    assert (await api.board())["totalUsers"] == 50
    assert await results(api, []) == []


@pytest.mark.parametrize("scopes", [["score:write"], ["board:read"]])
async def test_only_a_trusted_server_may(api: Api, scopes: list[str]) -> None:
    """A player's token is out of scope, also for the player's own actions."""
    problem(await post(api, [item("ann", "a1")], token("ann", scopes=scopes)), 403, "scope_missing")
    problem(await post(api, [item("ann", "a1")], None), 401, "token_missing")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "invalid_json"),
        ("[", 400, "invalid_json"),
        ('[{"a":1},]', 400, "invalid_json"),
        (b"\xff", 400, "invalid_json"),
        ("{", 400, "invalid_json"),
        ('"x', 400, "invalid_json"),
        ("7 7", 400, "invalid_json"),
        ("[" * 20_000, 400, "invalid_json"),
        ("{}", 422, "invalid_request"),
        ('"x"', 422, "invalid_request"),
        ("null", 422, "invalid_request"),
    ],
)
async def test_what_is_no_list_is_refused_whole(api: Api, body: str | bytes, status: int, code: str) -> None:
    """Not JSON is 400, other JSON 422."""
    problem(await post(api, body), status, code)


async def test_its_body_may_be_larger_than_others(api: Api) -> None:
    """200 KiB are read here; a media type that is not JSON is refused as everywhere."""
    padded = json.dumps([item("ann", "a1")]) + " " * 200_000
    assert (await results(api, padded))[0]["success"]
    problem(await post(api, "[]", headers={"Content-Type": "text/plain"}), 415, "unsupported_media_type")
