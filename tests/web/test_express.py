"""The short road of plain actions: nobody can tell it from the long one, except by its speed."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterable
from typing import Any

import pytest

from scoreboard_server.flow.submitting import Submitting
from scoreboard_server.web import express
from scoreboard_server.web.base_handler import BODY_LIMIT
from scoreboard_server.web.score_handler import ScoreHandler

from ..conftest import Api, token
from .conftest import StartApi
from .test_score_handler import forged
from .wire import Answer, ask, problem, request, submission, wire

GAME = "https://game.example"
ANN = token("ann")
GOOD = {"actionId": "a1", "actionType": "task.completed"}
PLAIN, WITH_PARAMETERS = "application/json", "application/json; charset=utf-8"


class Roads:
    """How many took the short road, and how many the long one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.short = self.long = 0
        start, post = express.Express.start, ScoreHandler.post

        def counted_start(road: express.Express, update: Any) -> None:
            self.short += 1
            start(road, update)

        async def counted_post(handler: ScoreHandler) -> None:
            self.long += 1
            await post(handler)

        monkeypatch.setattr(express.Express, "start", counted_start)
        monkeypatch.setattr(ScoreHandler, "post", counted_post)


@pytest.fixture
def roads(monkeypatch: pytest.MonkeyPatch) -> Roads:
    return Roads(monkeypatch)


def posted(body: object, *headers: str, bearer: str | None = ANN) -> tuple[bytes, tuple[str, ...]]:
    """A body and the headers that go with it, whatever it says of its type."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = () if bearer is None else (f"Authorization: Bearer {bearer}",)
    return data, ("X-Request-Id: r1", *given, *headers)


CONVERSATIONS: dict[str, Iterable[tuple[bytes, tuple[str, ...]]]] = {
    "counted, and again": [posted(GOOD), posted(GOOD)],
    "an id used for something else": [posted(GOOD), posted(GOOD | {"actionType": "daily.checkin"})],
    "a type that nobody offers": [posted(GOOD | {"actionType": "nope"})],
    "no JSON": [posted(b"{")],
    "a key twice": [posted(b'{"actionId":"a1","actionId":"a2","actionType":"task.completed"}')],
    "a field that is none": [posted(GOOD | {"points": 100})],
    "nothing": [posted(b"")],
    "no token": [posted(GOOD, bearer=None)],
    "a token of somebody else's": [posted(GOOD, bearer=forged(key="another secret, of more than 32 bytes"))],
    "another scheme": [posted(GOOD, "Authorization: Basic YTpi", bearer=None)],
    "two tokens": [posted(GOOD, f"Authorization: Bearer {ANN}")],
    "for another": [posted(GOOD | {"userId": "bob"})],
    "a trusted server": [posted(GOOD | {"userId": "bob"}, bearer=token("shop", scopes=["score:write:any"]))],
    "too many": [posted(GOOD | {"actionId": f"a{n}"}) for n in range(5)],
    "a trusted page": [posted(GOOD, f"Origin: {GAME}"), posted(b"{", f"Origin: {GAME}")],
    "another page": [posted(GOOD, "Origin: https://evil.example")],
    "as large as it may be": [posted(json.dumps(GOOD).encode().ljust(BODY_LIMIT))],
    "no host that can be": [posted(GOOD, "Host: a,b")],
    "a page's connection": [posted(GOOD, "Connection: keep-alive")],
}


async def talk(api: Api, conversation: Iterable[tuple[bytes, tuple[str, ...]]], kind: str) -> list[Answer]:
    answers = []
    for body, headers in conversation:
        said = (f"Content-Type: {kind}", *headers)
        answer = await ask(api, request("/api/scores/update", *said, method="POST", body=body))
        answer.headers["date"] = ""
        # Seconds until later, which pass between the two roads.
        answer.headers["ratelimit"] = re.sub(r"t=\d+", "t=", answer.headers.get("ratelimit", ""))
        if "retry-after" in answer.headers:
            answer.headers["retry-after"] = ""
        answers.append(answer)
    return answers


@pytest.mark.parametrize("conversation", CONVERSATIONS.values(), ids=list(CONVERSATIONS))
async def test_both_roads_say_the_same(start_api: StartApi, roads: Roads, conversation: Any) -> None:
    """Status, headers and body are equal, whatever is asked, and each road was taken."""
    settings = {"limits__updates_per_minute": 4, "server__trusted_origins": GAME}
    short, long = await start_api(**settings), await start_api(**settings)
    said = await talk(short, conversation, PLAIN)
    taken = roads.short
    assert said == await talk(long, conversation, WITH_PARAMETERS)
    assert roads.short == taken  # the other server's were all by the long one
    assert taken == sum(answer.body != b"" for answer in said)  # bodiless is what Tornado has refused
    boards = [await api.board() for api in (short, long)]
    assert boards[0]["leaderboard"] == boards[1]["leaderboard"]


ELSEWISE = {
    "HTTP/1.0": submission(ANN, "a1").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a connection to close": submission(ANN, "a1", "Connection: close"),
    "parameters": submission(ANN, "a1").replace(PLAIN.encode(), WITH_PARAMETERS.encode()),
    "no type": submission(ANN, "a1").replace(b"Content-Type", b"X-Type"),
    "in pieces": request(
        "/api/scores/update", f"Authorization: Bearer {ANN}", "Transfer-Encoding: chunked", method="POST"
    )
    + b"%x\r\n%s\r\n0\r\n\r\n" % (len(json.dumps(GOOD)), json.dumps(GOOD).encode()),
}


@pytest.mark.parametrize("sent", ELSEWISE.values(), ids=list(ELSEWISE))
async def test_what_is_not_plain_goes_the_long_road(api: Api, roads: Roads, sent: bytes) -> None:
    """It is counted all the same."""
    assert (await ask(api, sent)).code == 200
    assert (roads.short, roads.long) == (0, 1)


@pytest.mark.parametrize("length", ["²", "-1", "+5", "0x10", "5,5", "5, 6", "", "1e2", "99999", "999999"])
async def test_a_length_that_is_none_is_refused_without_a_word_in_the_log(
    api: Api, roads: Roads, length: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Where Tornado refuses it, it does so on the short road's address, too."""
    said = (f"Content-Type: {PLAIN}", f"Authorization: Bearer {ANN}", f"Content-Length: {length}")
    async with wire(api.server.port) as connection:
        await connection.send(request("/api/scores/update", *said, method="POST"))
        connection.writer.write_eof()
        assert (await connection.rest()).partition(b"\r\n")[0] in (b"HTTP/1.1 400 Bad Request", b"")
    assert roads.short == 0
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_one_byte_too_many_is_too_large(api: Api, roads: Roads) -> None:
    """The long road says 413 to what the short one would not have read."""
    body = json.dumps(GOOD).encode().ljust(BODY_LIMIT + 1)
    said = (f"Content-Type: {PLAIN}", f"Authorization: Bearer {ANN}")
    problem(await ask(api, request("/api/scores/update", *said, method="POST", body=body)), 413)
    assert roads.short == 0


async def test_a_connection_is_used_again_in_order(api: Api, roads: Roads) -> None:
    """Both roads take turns on one connection, with all requests sent at once."""
    async with wire(api.server.port) as connection:
        plain, other = submission(ANN, "a1"), submission(ANN, "a2").replace(b"Content-Type", b"X-Type")
        refused = submission("x", "a3")
        await connection.send(plain + other + refused + plain + request("/livez"))
        answers = [await connection.answer() for _ in range(5)]
    assert [answer.code for answer in answers] == [200, 200, 401, 200, 200]
    assert answers[3].headers["idempotent-replayed"] == "true"
    assert (roads.short, roads.long) == (3, 1)


async def test_it_is_counted_and_logged_like_any_other(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """In the metrics by route and status, in the access log with the request's id."""
    caplog.set_level(logging.INFO, "scoreboard.access")
    await ask(api, submission(ANN, "a1", "X-Request-Id: mine"))
    await ask(api, submission("x", "a1", "X-Request-Id: bad"))
    answered = api.server._lifecycle.traffic.answered
    update = "/api/scores/update"
    assert [len(answered[update, "POST", status]) for status in (200, 401)] == [1, 1]
    assert api.server._lifecycle.traffic.refusals["http", "token_invalid"] == 1
    lines = [vars(r) for r in caplog.records if r.name == "scoreboard.access"]
    told = [(line["path"], line["method"], line["status"], line["requestId"]) for line in lines]
    assert told == [(update, "POST", 200, "mine"), (update, "POST", 401, "bad")]


async def test_what_nobody_has_foreseen_is_logged_whole(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500 with the request's id, which the log has with the trace; the connection goes on."""

    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Submitting, "submit", fail)
    async with wire(api.server.port) as connection:
        await connection.send(submission(ANN, "a1", "X-Request-Id: mine") + request("/livez"))
        problem(await connection.answer(), 500, "internal_error")
        assert (await connection.answer()).code == 200
    (failure,) = (r for r in caplog.records if r.name == "scoreboard.web")
    assert failure.exc_info is not None
    assert (failure.exc_info[0], vars(failure)["requestId"]) == (ZeroDivisionError, "mine")
    caplog.clear()


async def test_who_leaves_is_counted_and_troubles_nobody(api: Api) -> None:
    """A client that has gone before its answer: the action counts, nothing is logged."""
    async with wire(api.server.port) as connection:
        await connection.send(submission(ANN, "a1"))
    for _ in range(200):
        if (board := await api.board())["totalUsers"]:
            break
        await asyncio.sleep(0.01)
    assert board["leaderboard"][0]["score"] == 10
    assert (await ask(api, request("/livez"))).code == 200


async def test_a_server_that_stops_says_so(api: Api, roads: Roads) -> None:
    """503 with when to come again, as by the long road."""
    lifecycle = api.server._lifecycle
    services, lifecycle.services = lifecycle.services, None
    lifecycle.is_stopping = True
    try:
        answer = await ask(api, submission(ANN, "a1"))
    finally:
        lifecycle.services = services
    problem(answer, 503, "stopping")
    assert (answer.headers["retry-after"], roads.short) == ("2", 1)
