"""`GET /api/users/{userId}/actions`: where one's own points came from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..conftest import Api, token
from .conftest import StartApi
from .wire import problem

PATH = "/api/users/ann/actions"


async def told(api: Api, query: str = "", user: str = "ann") -> dict[str, Any]:
    """The user's own view."""
    response = await api.fetch(f"/api/users/{user}/actions{query}", bearer=token(user))
    assert response.code == 200, response.body
    answer: dict[str, Any] = json.loads(response.body)
    return answer


async def test_each_action_is_told_with_what_it_led_to(api: Api) -> None:
    """Newest first, with type, points, instant and running total, and score and rank of now."""
    for i in range(3):
        await api.act("ann", f"a{i}")
    await api.act("ben", "b0")
    answer = await told(api)
    assert (answer["score"], answer["rank"], answer["next"]) == (30, 1, None)
    assert [(a["actionId"], a["points"], a["total"]) for a in answer["actions"]] == [
        ("a2", 10, 30),
        ("a1", 10, 20),
        ("a0", 10, 10),
    ]
    assert {a["actionType"] for a in answer["actions"]} == {"task.completed"}
    instants = [a["at"] for a in answer["actions"]]
    assert instants == sorted(instants, reverse=True)
    assert all(len(at) == len("2026-01-01T00:00:00.000000Z") and at.endswith("Z") for at in instants)


async def test_pages_follow_their_cursor(api: Api) -> None:
    """`next` brings the page after; the last one has none."""
    for i in range(5):
        await api.act("ann", f"a{i}")
    seen, query = [], "?limit=2"
    while True:
        page = await told(api, query)
        seen.append([a["actionId"] for a in page["actions"]])
        if page["next"] is None:
            break
        query = f"?limit=2&cursor={page['next']}"
    assert seen == [["a4", "a3"], ["a2", "a1"], ["a0"]]


async def test_who_has_done_nothing_has_an_empty_story(api: Api) -> None:
    """200, no actions, no score and no rank."""
    assert await told(api, user="cem") == {"actions": [], "next": None, "score": None, "rank": None}


async def test_it_is_for_ones_own_eyes(api: Api) -> None:
    """Nobody, somebody else and a game server are refused alike, whether the user exists or not."""
    await api.act("ann", "a0")
    problem(await api.fetch(PATH), 401, "token_missing")
    problem(await api.fetch(PATH, bearer="x"), 401, "token_invalid")
    for scopes in (["score:write"], ["score:write:any"]):
        bearer = token("ben", scopes=scopes)
        problem(await api.fetch(PATH, bearer=bearer), 403, "scope_missing")
        problem(await api.fetch("/api/users/nobody/actions", bearer=bearer), 403, "scope_missing")
    response = await api.fetch(PATH, bearer=token("ann", scopes=["board:read"]))
    assert (response.code, response.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize(
    "query",
    ["?limit=0", "?limit=1001", "?limit=x", "?limit=-1", "?cursor=", "?cursor=x", "?cursor=1.2",
     "?cursor=1.2.$x", "?cursor=99999999999999999999.1.a", "?cursor=1.2.a%00"],
)  # fmt: skip
async def test_what_is_no_page_is_refused(api: Api, query: str) -> None:
    """422, never a query made of what a client wrote."""
    problem(await api.fetch(PATH + query, bearer=token("ann")), 422, "invalid_request")


async def test_another_season_is_asked_for_by_its_name(api: Api) -> None:
    """The current one has a name, too; 404 for one that there is not."""
    await api.act("ann", "a0")
    assert await told(api, "?season=season-1") == await told(api)
    response = await api.fetch(f"{PATH}?season=spring", bearer=token("ann"))
    problem(response, 404, "season_not_found")


async def test_a_negative_score_is_a_story_too(start_api: StartApi, tmp_path: Any) -> None:
    """Totals may fall below zero and their cursors come back."""
    config = tmp_path / "config.toml"
    config.write_text('[actions."task.failed"]\npoints = -5\n')
    api = await start_api(config=config)
    for i in range(3):
        await api.act("ann", f"a{i}", "task.failed")
    first = await told(api, "?limit=1")
    second = await told(api, f"?limit=1&cursor={first['next']}")
    assert [p["actions"][0]["total"] for p in (first, second)] == [-15, -10]
