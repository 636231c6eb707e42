"""Seasons over HTTP: the list of them, and the boards of those that are sealed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import structs

from scoreboard_server.flow.archiving import archive
from scoreboard_server.rules.board import Board, Standing
from scoreboard_server.rules.seasons import Seal, Season

from ..conftest import Api, token
from ..flow.seasons import FakeArchives, FakeSeasons
from .insides import services
from .wire import ask, problem, request

SEALED = Season(1, "season-1", 1_000_000, seal=Seal(3_000_000, "root"))
CURRENT = Season(2, "spring", 3_000_000, 9_000_000)


@pytest.fixture
async def two(api: Api) -> Api:
    """A sealed season beside the current one, with an archive of its own."""
    seasons = FakeSeasons(CURRENT, SEALED)
    archives = FakeArchives(seasons, [Standing("ann", 30, 5, 1), Standing("ben", 20, 7, 2)])
    await archive(archives, SEALED)
    services(api).seasons._seasons = seasons.kept
    services(api).boards._pages._archives = archives
    return api


async def get(api: Api, path: str) -> dict[str, Any]:
    """The body of a 200."""
    answer = await ask(api, request(path))
    assert answer.code == 200, answer
    body: dict[str, Any] = json.loads(answer.body)
    return body


async def test_a_new_server_has_one_season(api: Api) -> None:
    """Its users are those on the board now."""
    await api.act("ann", "a1")
    await api.board()
    (season,) = (await get(api, "/api/seasons"))["seasons"]
    assert (season["name"], season["state"], season["totalUsers"]) == ("season-1", "current", 1)
    assert (season["endsAt"], season["sealedAt"]) == (None, None)
    assert set(season) == {"name", "state", "startedAt", "endsAt", "sealedAt", "totalUsers"}


async def test_the_current_one_comes_first(two: Api) -> None:
    """A sealed one tells its digest too."""
    current, sealed = (await get(two, "/api/seasons"))["seasons"]
    assert (current["name"], current["endsAt"]) == ("spring", "1970-01-01T00:00:09.000Z")
    assert (sealed["name"], sealed["state"], sealed["totalUsers"]) == ("season-1", "sealed", 2)
    assert sealed["sealedAt"] == sealed["endsAt"] == "1970-01-01T00:00:03.000Z"
    assert (len(sealed["digest"]), sealed["corrections"]) == (64, 0)


async def test_a_sealed_board_is_read_like_a_live_one(two: Api) -> None:
    """With an ETag that answers 304, and pages."""
    board = await get(two, "/api/leaderboard?season=season-1&limit=1&offset=1")
    assert [(row["userId"], row["rank"]) for row in board["leaderboard"]] == [("ben", 2)]
    assert board["archive"]["edition"] == "announced"
    answer = await ask(two, request("/api/leaderboard?season=season-1"))
    known = f"If-None-Match: {answer.headers['etag']}"
    again = await ask(two, request("/api/leaderboard?season=season-1", known))
    assert (again.code, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("season=nope", 404, "season_not_found"),
        ("season=season-1&edition=other", 422, "invalid_request"),
        ("season=season-1&limit=0", 422, "invalid_request"),
        ("season=%00", 404, "season_not_found"),
    ],
)
async def test_what_can_not_be_read_is_a_problem(two: Api, query: str, status: int, code: str) -> None:
    """As everywhere."""
    problem(await ask(two, request(f"/api/leaderboard?{query}")), status, code)


async def test_a_season_whose_archive_is_being_written_says_so(two: Api) -> None:
    """Try again in a second."""
    services(two).seasons._seasons = [CURRENT, SEALED]
    problem(await ask(two, request("/api/leaderboard?season=season-1")), 503, "season_closing")


async def test_nothing_is_told_of_one_season_that_is_of_the_next(two: Api) -> None:
    """The board has turned to it a moment before the list of seasons: the old one has to wait."""
    services(two).seasons._seasons = [structs.replace(SEALED, seal=None)]
    services(two).hub._live.replace(Board([("ann", 5, 1)]), CURRENT)
    for path in ("/api/leaderboard", "/api/users/ann/actions"):
        asked = request(f"{path}?season=season-1", f"Authorization: Bearer {token('ann')}")
        problem(await ask(two, asked), 503, "season_closing")


async def test_actions_that_are_read_while_their_season_is_sealed_come_with_its_final_place(
    two: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not with one on the board of the next season."""
    known = services(two)
    sealed = known.seasons.all()
    known.seasons._seasons = [structs.replace(SEALED, seal=None)]
    page = known.explaining.page

    async def page_and_seal(*asked: Any) -> Any:
        read = await page(*asked)
        known.seasons._seasons = sealed
        known.hub._live.replace(Board([("ann", 5, 1)]), CURRENT)
        return read

    monkeypatch.setattr(known.explaining, "page", page_and_seal)
    asked = request("/api/users/ann/actions?season=season-1", f"Authorization: Bearer {token('ann')}")
    told = json.loads((await ask(two, asked)).body)
    assert (told["score"], told["rank"]) == (30, 1)
