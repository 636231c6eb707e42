"""Reading the board over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from scoreboard_server.live.reader import Reading, View

from ..conftest import Api, token
from .conftest import StartApi
from .insides import services
from .wire import ask, problem, request

USERS = ["ann", "ben", "cat", "dan", "eve"]


@pytest.fixture
async def five(api: Api) -> Api:
    """Ann leads with 50, Eve is fifth with 10."""
    for i, user in enumerate(USERS):
        for n in range(5 - i):
            await api.act(user, f"a{n}")
    return api


def users(board: dict[str, Any]) -> list[str]:
    """Who is shown, in order."""
    return [row["userId"] for row in board["leaderboard"]]


async def test_the_default_is_the_top(start_api: StartApi) -> None:
    """As many rows as the sockets show, and the documented fields."""
    api = await start_api(live__top=3)
    for user in USERS:
        await api.act(user, "a1")
    board = await api.board()
    assert users(board) == ["ann", "ben", "cat"]
    assert set(board) == {"leaderboard", "totalUsers", "lastUpdated", "season", "epoch", "version"}
    assert board["leaderboard"][0] == {
        "userId": "ann",
        "username": "ann",
        "avatarUrl": None,
        "score": 10,
        "rank": 1,
    }
    assert (board["totalUsers"], board["season"]) == (5, "season-1")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?limit=2", ["ann", "ben"]),
        ("?limit=1000", USERS),
        ("?limit=0002", ["ann", "ben"]),
        ("?limit=1&limit=2", ["ann", "ben"]),
        ("?offset=3", ["dan", "eve"]),
        ("?offset=0", USERS),
        ("?limit=1&offset=1", ["ben"]),
        ("?offset=5", []),
        ("?offset=1000000000", []),
        ("?limit=3&around=cat", ["ben", "cat", "dan"]),
        ("?limit=1&around=eve", ["eve"]),
        ("?around=nobody", []),
        ("?users=eve,ann", ["ann", "eve"]),
        ("?users=ann,ann,nobody", ["ann"]),
        ("?users=nobody", []),
        ("?season=season-1&limit=1", ["ann"]),
        ("?something=else", USERS),
        ("?", USERS),
    ],
)
async def test_views(five: Api, query: str, expected: list[str]) -> None:
    """Pages, neighbourhoods and chosen users, in the order of ranks, with the total of the whole board."""
    board = await five.board(query)
    assert users(board) == expected
    assert board["totalUsers"] == 5
    assert [r["rank"] for r in board["leaderboard"]] == [USERS.index(user) + 1 for user in expected]


@pytest.mark.parametrize(
    "text",
    [
        "-1",
        "1e9",
        "x",
        "%D9%A1",
        "1_0",
        "%2B5",
        "+5",
        "",
        "%20",
        "1.0",
        "0x1",
        "NaN",
        "9" * 11,
        "9" * 5000,
        "%FF",
        "%00",
        "1%00",
        "²",
    ],
)
async def test_what_is_no_number_is_refused(api: Api, text: str) -> None:
    """Only the digits 0-9 make a number, and only so many."""
    for name in ("limit", "offset"):
        target = f"/api/leaderboard?{name}={text}".encode().decode("latin1")
        problem(await ask(api, request(target)), 422, "invalid_request")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=1000000000", "offset=1000000001"])
async def test_numbers_out_of_range_are_refused(api: Api, query: str) -> None:
    """A page is never bigger than what may be asked for."""
    problem(await api.fetch(f"/api/leaderboard?{query}"), 422, "invalid_request")


@pytest.mark.parametrize(
    "query",
    ["around=ann&users=ann", "around=ann&offset=1", "users=ann&offset=0", "around=a&users=b&offset=1"],
)
async def test_views_exclude_each_other(api: Api, query: str) -> None:
    """What contradicts itself is not guessed at."""
    problem(await api.fetch(f"/api/leaderboard?{query}"), 422, "invalid_request")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%20",
        "a%20b",
        "%00",
        "a%00",
        "%FF",
        "%F0%9F%8F%86",
        "a%27",
        "%22",
        "$ne",
        "a/b",
        "a" * 65,
        "%D9%A1",
    ],
)
async def test_what_is_no_user_id_is_refused(api: Api, text: str) -> None:
    """Also as one of several."""
    for query in (f"around={text}", f"users={text}", f"users=ann,{text}"):
        problem(await api.fetch(f"/api/leaderboard?{query}"), 422, "invalid_request")


async def test_a_thousand_users_may_be_chosen(api: Api) -> None:
    """And not one more."""
    chosen = ",".join(f"u{i}" for i in range(1000))
    assert (await api.board(f"?users={chosen}"))["leaderboard"] == []
    problem(await api.fetch(f"/api/leaderboard?users={chosen},x"), 422, "invalid_request")


async def test_an_unknown_season_is_not_found(api: Api) -> None:
    """404, not the current one."""
    problem(await api.fetch("/api/leaderboard?season=season-2"), 404, "season_not_found")
    problem(await api.fetch("/api/leaderboard?season=%00%FF"), 404, "season_not_found")
    problem(await api.fetch("/api/leaderboard?season="), 404, "season_not_found")


# --- the asker ------------------------------------------------------------------------------------


async def test_a_bearer_learns_its_own_rank(five: Api) -> None:
    """Beside any view, null for who isn't on the board, absent without a bearer."""
    assert (await five.board("?limit=1", token("eve")))["userRank"] == {"rank": 5, "score": 10}
    assert (await five.board("?offset=1", token("ann")))["userRank"] == {"rank": 1, "score": 50}
    nobody = await five.board("", token("nobody"))
    assert nobody["userRank"] is None
    assert "userRank" not in await five.board()


@pytest.mark.parametrize("bearer", ["", "x", "a.b.c"])
async def test_a_bad_bearer_is_not_ignored(api: Api, bearer: str) -> None:
    """401: who thinks to be known must learn that it isn't so."""
    problem(await api.fetch("/api/leaderboard", bearer=bearer), 401, "token_invalid")
    problem(await api.fetch("/api/leaderboard", bearer=token(ttl=-1)), 401, "token_expired")


async def test_a_token_that_may_only_read_may_read(five: Api) -> None:
    """Reading needs no right to write."""
    assert (await five.board("", token("ann", scopes=["board:read"])))["userRank"]["rank"] == 1


# --- validators -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*", ' {} , "x"'])
async def test_who_has_it_already_gets_304(five: Api, form: str) -> None:
    """No body, the same validator, and the headers a cache needs."""
    first = await five.fetch("/api/leaderboard")
    etag = first.headers["ETag"]
    assert first.headers["Vary"] == "Authorization"
    again = await five.fetch("/api/leaderboard", headers={"If-None-Match": form.replace("{}", etag)})
    assert (again.code, again.body) == (304, b"")
    assert (again.headers["ETag"], again.headers["Vary"]) == (etag, "Authorization")


@pytest.mark.parametrize("query", ["", "?limit=2", "?offset=3&limit=1", "?something=else"])
async def test_what_all_see_alike_a_proxy_may_show_for_a_second(five: Api, query: str) -> None:
    """A browser always asks, and a 304 says the same as the answer itself."""
    first = await five.fetch(f"/api/leaderboard{query}")
    again = await five.fetch(f"/api/leaderboard{query}", headers={"If-None-Match": first.headers["ETag"]})
    for answer, code in ((first, 200), (again, 304)):
        assert (answer.code, answer.headers["Cache-Control"]) == (
            code,
            "max-age=0, s-maxage=1, must-revalidate",
        )


@pytest.mark.parametrize("query", ["?around=ann", "?users=ann,ben", "?season=season-1"])
async def test_what_somebody_asks_for_by_name_is_asked_for_each_time(five: Api, query: str) -> None:
    """Who names a user or a season may know of an action, or of an end, that a kept board doesn't show."""
    assert (await five.fetch(f"/api/leaderboard{query}")).headers["Cache-Control"] == "no-cache"


async def test_a_board_without_all_its_names_is_asked_for_each_time(
    five: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names will be there soon, and the board will read differently then."""

    async def incomplete(view: View) -> Reading:
        return Reading(b"{}", None)

    monkeypatch.setattr(services(five).boards, "read", incomplete)
    answer = await five.fetch("/api/leaderboard")
    assert (answer.body, answer.headers["Cache-Control"]) == (b"{}", "no-cache")


@pytest.mark.parametrize("query", ["", "?limit=2", "?users=ann"])
async def test_what_came_for_a_bearer_no_proxy_may_keep(five: Api, query: str) -> None:
    """Also a 304, and a refusal not even by a browser."""
    first = await five.fetch(f"/api/leaderboard{query}", bearer=token("ann"))
    told = {"If-None-Match": first.headers["ETag"]}
    again = await five.fetch(f"/api/leaderboard{query}", bearer=token("ann"), headers=told)
    refused = await five.fetch(f"/api/leaderboard{query}", bearer=token(ttl=-1))
    assert [answer.code for answer in (first, again, refused)] == [200, 304, 401]
    assert {answer.headers["Cache-Control"] for answer in (first, again)} == {"private, no-cache"}
    assert refused.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("told", ['"other"', "", "W/", '"', ",,,", "é", "*x"])
async def test_another_validator_gets_the_board(five: Api, told: str) -> None:
    """Whatever it looks like."""
    assert (await five.fetch("/api/leaderboard", headers={"If-None-Match": told})).code == 200


async def test_each_view_has_its_own_validator(five: Api) -> None:
    """A validator of one view never matches another, nor one asker's another's."""
    asked: list[tuple[str, str | None]] = [
        (query, None)
        for query in ("", "?limit=2", "?offset=1", "?around=ann", "?users=ann", "?users=ann,ben")
    ]
    asked += [("", token("ann")), ("", token("eve"))]
    etags = [
        (await five.fetch(f"/api/leaderboard{query}", bearer=bearer)).headers["ETag"]
        for query, bearer in asked
    ]
    assert len(set(etags)) == len(etags)


async def test_the_same_view_has_the_same_validator(five: Api) -> None:
    """As long as nothing changes, and however it is spelt."""
    etags = {
        (await five.fetch(f"/api/leaderboard{query}")).headers["ETag"] for query in ("", "?limit=10", "?x=1")
    }
    assert len(etags) == 1


async def test_any_change_changes_the_validator(start_api: StartApi) -> None:
    """A score in view, a score out of view, and a name."""
    api = await start_api(live__top=1)
    seen = [(await api.fetch("/api/leaderboard")).headers["ETag"]]
    for user, action in [("ann", "a1"), ("ann", "a2"), ("ben", "b1")]:
        await api.act(user, action)
        seen.append((await api.fetch("/api/leaderboard")).headers["ETag"])
    before = await api.board()
    named = token("ann", name="Ann", picture="https://a.example/ann")
    repeat = await api.post({"actionId": "a1", "actionType": "task.completed"}, named)
    assert repeat.headers["Idempotent-Replayed"] == "true"
    response = await api.fetch("/api/leaderboard")
    seen.append(response.headers["ETag"])
    after = json.loads(response.body)
    assert len(set(seen)) == len(seen)
    assert after["leaderboard"][0]["username"] == "Ann"
    assert after["leaderboard"][0]["avatarUrl"] == "https://a.example/ann"
    assert after["version"] == before["version"] + 1


async def test_a_name_below_the_top_is_shown_too(start_api: StartApi) -> None:
    """Beyond what the sockets have, names come from the store."""
    api = await start_api(live__top=1)
    await api.act("ann", "a1")
    named = token("ben", name="Ben")
    assert (await api.post({"actionId": "b1", "actionType": "task.completed"}, named)).code == 200
    assert [r["username"] for r in (await api.board("?limit=5"))["leaderboard"]] == ["ann", "Ben"]


@pytest.mark.parametrize(
    "name", ["<script>", "\u202eevil", "a\0b", "  ", "x" * 500, "🏆" * 40, "\ud83c\udfc6"]
)
async def test_names_are_made_fit_for_everyone(api: Api, name: str) -> None:
    """At most 32 characters that can be seen, or the id; what is markup elsewhere is plain text here."""
    answer = await api.post({"actionId": "a1", "actionType": "task.completed"}, token("ann", name=name))
    assert answer.code == 200
    shown = (await api.board())["leaderboard"][0]["username"]
    assert 1 <= len(shown) <= 32
    assert not any(c in shown for c in "\0\u202e")


# --- what was acknowledged is there ---------------------------------------------------------------


@pytest.mark.parametrize("query", ["?limit=1000", "?users={}", "?around={}", "?limit=10"])
async def test_a_get_after_a_post_contains_it(api: Api, query: str) -> None:
    """Every player sees its own acknowledged score at once, while all others play too."""

    async def play(user: str) -> None:
        for n in range(8):
            told = await api.act(user, f"a{n}")
            board = await api.board(query.format(user), token(user))
            row = next(r for r in board["leaderboard"] if r["userId"] == user)
            assert row["score"] == told["newScore"] == 10 * (n + 1)
            assert board["userRank"] == {"rank": row["rank"], "score": row["score"]}

    await asyncio.gather(*(play(user) for user in USERS))


# --- one user -------------------------------------------------------------------------------------


async def test_a_user_has_an_address(five: Api) -> None:
    """The same row as on the board."""
    response = await five.fetch("/api/users/eve")
    assert response.code == 200
    assert json.loads(response.body) == (await five.board())["leaderboard"][4]


@pytest.mark.parametrize(
    "user",
    ["nobody", "a%20b", "%00", "ann%00", "$ne", "%F0%9F%8F%86", "a" * 65, "a" * 5000, "..", "%2e%2e%2fann"],
)
async def test_who_is_not_on_the_board_is_not_found(five: Api, user: str) -> None:
    """Whatever stands in the place of an id."""
    problem(await ask(five, request(f"/api/users/{user}")), 404, "user_not_found")


@pytest.mark.parametrize("user", ["%FF", "%ED%A0%80", "%C3"])
async def test_an_address_that_is_no_text_is_refused(api: Api, user: str) -> None:
    """400 for what can't be decoded."""
    problem(await ask(api, request(f"/api/users/{user}")), 400, "bad_request")


@pytest.mark.parametrize("user", ["", "a/b", "ann/"])
async def test_addresses_beside_a_user_are_nothing(five: Api, user: str) -> None:
    """404, as for any address that no route is for."""
    problem(await ask(five, request(f"/api/users/{user}")), 404, "not_found")
