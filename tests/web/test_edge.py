"""Pages of other sites, proxies, and the headers that every answer has."""

from __future__ import annotations

import logging

import pytest

from scoreboard_server.rules.unnamed_proxy import ENOUGH
from scoreboard_server.web.base_handler import BaseHandler
from scoreboard_server.web.health_handler import ReadyHandler

from ..conftest import Api, token
from .conftest import StartApi
from .wire import HANDSHAKE, Answer, ask, problem, request, submission, wire

GAME = "https://game.example"
FOREIGN = [
    "https://evil.example",
    "http://game.example",
    "https://game.example:8443",
    "https://game.example.evil.example",
    "HTTPS://GAME.EXAMPLE",
    f"{GAME}, {GAME}",
    "null",
    "*",
    "",
]
EVERYWHERE = [
    "/",
    "/api/leaderboard",
    "/api/users/ann",
    "/api/users/ann/actions",
    "/api/scores/update",
    "/nope",
    "/livez",
    "/static/scoreboard.js",
    "/static/nope.js",
    "/ws",
]


@pytest.fixture
async def trusting(start_api: StartApi) -> Api:
    """A server that one other site's pages may use."""
    return await start_api(server__trusted_origins=GAME)


def is_readable(answer: Answer) -> bool:
    """Whether the game's page may read this answer, by the rules of the Fetch standard."""
    assert "access-control-allow-credentials" not in answer.headers
    return answer.headers.get("access-control-allow-origin") == GAME


# --- pages of other sites -------------------------------------------------------------------------


@pytest.mark.parametrize("target", EVERYWHERE)
async def test_a_trusted_page_may_read_every_answer(trusting: Api, target: str) -> None:
    """Also refusals, so that the page learns what was wrong, and the client module."""
    answer = await ask(trusting, request(target, f"Origin: {GAME}"))
    assert is_readable(answer)
    assert "Origin" in answer.headers["vary"]
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
        "Idempotent-Replayed",
        "ETag",
        "X-Request-Id",
    } == {*exposed}


@pytest.mark.parametrize("target", EVERYWHERE)
@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_may_read_nothing(trusting: Api, target: str, origin: str) -> None:
    """No header allows it, but caches are told that origins differ."""
    answer = await ask(trusting, request(target, f"Origin: {origin}"))
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("target", EVERYWHERE)
async def test_without_trusted_origins_nobody_is_told_anything(api: Api, target: str) -> None:
    """The default: neither headers nor preflights."""
    answer = await ask(api, request(target, f"Origin: {GAME}"))
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = await ask(
        api, request(target, f"Origin: {GAME}", "Access-Control-Request-Method: GET", method="OPTIONS")
    )
    assert preflight.code in (404, 405)


async def test_every_kind_of_answer_is_readable(trusting: Api) -> None:
    """200, 304, 401, 404, 405, 413, 415, 422, and 503 of a server that is not ready."""
    origin = f"Origin: {GAME}"
    good = await ask(trusting, submission(token("ann"), "a1", origin))
    board = await ask(trusting, request("/api/leaderboard", origin))
    seen = [good, board]
    seen += [
        await ask(trusting, request("/api/leaderboard", origin, f"If-None-Match: {board.headers['etag']}")),
        await ask(trusting, submission("nonsense", "a2", origin)),
        await ask(trusting, request("/nope", origin)),
        await ask(trusting, request("/livez", origin, method="DELETE")),
        await ask(trusting, request("/api/scores/update", origin, method="POST", body=b"x" * 20_000)),
        await ask(trusting, submission(token("ann"), "a3", origin, "Content-Type: text/plain")),
        await ask(trusting, submission(token("ann"), " ", origin)),
    ]
    trusting.server._lifecycle.services = None
    seen.append(await ask(trusting, request("/api/leaderboard", origin)))
    assert [answer.code for answer in seen] == [200, 200, 304, 401, 404, 405, 413, 415, 422, 503]
    assert all(is_readable(answer) for answer in seen)


async def test_what_depends_on_the_asker_says_both(trusting: Api) -> None:
    """A cache keys the board by origin and by token; one line says so, as some look at one only."""
    response = await trusting.fetch("/api/leaderboard")
    assert response.headers.get_list("Vary") == ["Origin, Authorization"]


@pytest.mark.parametrize("target", EVERYWHERE)
async def test_a_trusted_page_is_told_what_it_may_send(trusting: Api, target: str) -> None:
    """204 for each address, so that the real request is sent and says what is wrong with it."""
    asked = (
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization,content-type",
    )
    answer = await ask(trusting, request(target, f"Origin: {GAME}", *asked, method="OPTIONS"))
    assert (answer.code, answer.body) == (204, b"")
    assert is_readable(answer)
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-request-id", "if-none-match", "traceparent"} == set(allowed)
    assert answer.headers["access-control-max-age"] == "7200"
    assert "content-type" not in answer.headers


async def test_a_preflight_is_answered_while_the_server_starts(trusting: Api) -> None:
    """Else the page would learn nothing of the 503 that follows."""
    trusting.server._lifecycle.services = None
    asked = (f"Origin: {GAME}", "Access-Control-Request-Method: GET")
    assert (await ask(trusting, request("/api/leaderboard", *asked, method="OPTIONS"))).code == 204


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_may_send_nothing(trusting: Api, origin: str) -> None:
    """Its preflight is an OPTIONS like any other: 405."""
    asked = (f"Origin: {origin}", "Access-Control-Request-Method: POST")
    response = await ask(trusting, request("/api/scores/update", *asked, method="OPTIONS"))
    problem(response, 405, "method_not_allowed")


async def test_an_options_that_is_no_preflight_is_refused(trusting: Api) -> None:
    """Also from a trusted page."""
    response = await ask(trusting, request("/api/leaderboard", f"Origin: {GAME}", method="OPTIONS"))
    problem(response, 405, "method_not_allowed")


@pytest.mark.parametrize("origin", [GAME, "https://evil.example"])
async def test_what_a_page_can_send_unasked_counts_nothing(trusting: Api, origin: str) -> None:
    """A form or text needs no preflight, and has no bearer: there is no cookie that could stand for one."""
    body = b'{"actionId":"a1","actionType":"task.completed"}'
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = (f"Origin: {origin}", f"Content-Type: {media_type}", "Cookie: session=1")
        answer = await ask(trusting, request("/api/scores/update", *headers, method="POST", body=body))
        assert answer.code in (401, 415)
    assert (await trusting.board())["totalUsers"] == 0


@pytest.mark.parametrize(("origin", "status"), [(GAME, 101), ("https://evil.example", 403), ("null", 403)])
async def test_sockets_have_the_same_origins(trusting: Api, origin: str, status: int) -> None:
    """Whose page may read the board may watch it."""
    assert (await ask(trusting, request("/ws", *HANDSHAKE, f"Origin: {origin}"))).code == status


# --- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", EVERYWHERE)
async def test_every_answer_keeps_browsers_strict(api: Api, target: str) -> None:
    """No sniffing, no referrer, no frames, nothing loaded unmeant, nothing given to other sites."""
    headers = (await ask(api, request(target))).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert not any("unsafe" in part or "*" in part for part in policy)


# --- proxies --------------------------------------------------------------------------------------


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who asked, as the handlers of `/readyz` see it."""
    seen: list[str] = []

    def get(self: BaseHandler) -> None:
        seen.append(self.client_address())
        self.answer(b"{}")

    monkeypatch.setattr(ReadyHandler, "get", get)
    return seen


async def test_headers_of_a_named_proxy_count(start_api: StartApi, clients: list[str]) -> None:
    """Each client is itself, whatever it writes into the header."""
    api = await start_api(server__trusted_proxies="127.0.0.0/8")
    await ask(api, request("/readyz", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 203.0.113.9"))
    await ask(api, request("/readyz", "X-Forwarded-For: 6.6.6.6, 203.0.113.9"))
    await ask(api, request("/readyz"))
    assert clients == ["203.0.113.9", "203.0.113.9", "127.0.0.1"]


@pytest.mark.parametrize("named", ["", "203.0.113.0/24"])
async def test_headers_of_anybody_else_do_not(start_api: StartApi, clients: list[str], named: str) -> None:
    """The peer is the client; no other header is looked at, by us or by the framework."""
    api = await start_api(server__trusted_proxies=named)
    for header in ("X-Forwarded-For: 203.0.113.9", "X-Real-Ip: 203.0.113.9", "Forwarded: for=203.0.113.9"):
        await ask(api, request("/readyz", header))
    assert clients == ["127.0.0.1"] * 3


async def forwarded(api: Api, count: int, *headers: str) -> None:
    """So many requests that say they were forwarded."""
    async with wire(api.server.port) as connection:
        for n in range(count):
            await connection.send(
                request("/api/leaderboard", f"X-Forwarded-For: 203.0.113.{n % 250}", *headers)
            )
            await connection.answer()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was warned of proxies."""
    return [r.getMessage() for r in caplog.records if r.name == "scoreboard.edge"]


async def test_a_proxy_that_nobody_named_is_noticed_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """One loud line that names the setting; probes from beside the proxy change nothing."""
    caplog.set_level(logging.WARNING)
    for part in (ENOUGH - 1, 1, ENOUGH * 2):
        assert len(warnings(caplog)) == (part > ENOUGH)
        await forwarded(api, part)
        await ask(api, request("/livez"))
    [line] = warnings(caplog)
    assert "127.0.0.1" in line and "server.trusted_proxies" in line


async def test_clients_that_come_by_themselves_warn_of_nothing(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    """One that was not forwarded is enough to see that there is no proxy."""
    for _ in range(2):
        await forwarded(api, ENOUGH - 1)
        await ask(api, request("/api/leaderboard"))
    assert warnings(caplog) == []


async def test_a_named_proxy_warns_of_nothing(start_api: StartApi, caplog: pytest.LogCaptureFixture) -> None:
    """Its clients are told apart."""
    await forwarded(await start_api(server__trusted_proxies="127.0.0.1"), ENOUGH + 1)
    assert warnings(caplog) == []
