"""What all addresses have in common: methods, sizes, request ids, refusals."""

from __future__ import annotations

import json
import re

import pytest

from scoreboard_server.live.reader import Reader
from scoreboard_server.web.base_handler import BODY_LIMIT

from ..conftest import Api, token
from .wire import ask, problem, request, wire

READABLE = [
    "/",
    "/livez",
    "/readyz",
    "/api/leaderboard",
    "/api/leaderboard?limit=1",
    "/api/users/ann",
    "/static/page.js",
    "/openapi.json",
]
METHODS = {
    "/": "GET, HEAD",
    "/livez": "GET, HEAD",
    "/readyz": "GET, HEAD",
    "/openapi.json": "GET, HEAD",
    "/api/leaderboard": "GET, HEAD",
    "/api/users/ann": "GET, HEAD",
    "/api/users/ann/actions": "GET, HEAD",
    "/static/page.js": "GET, HEAD",
    "/api/scores/update": "POST",
    "/api/scores/batch": "POST",
    "/ws": "GET",
}


@pytest.mark.parametrize(
    "target", ["/nope", "/api", "/api/", "/api/scores", "/API/leaderboard", "/livez/", "/%00", "//", "/ws/x"]
)
async def test_an_unknown_address_is_not_found(api: Api, target: str) -> None:
    """404 whatever the method."""
    assert (await ask(api, request(target, method="HEAD"))).code == 404
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"):
        problem(await ask(api, request(target, method=method, body=b"")), 404, "not_found")


@pytest.mark.parametrize("target", METHODS)
async def test_another_method_is_told_the_right_ones(api: Api, target: str) -> None:
    """405 with Allow for each method that the address does not take."""
    allowed = METHODS[target].split(", ")
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "FOO"} - {
        *allowed
    }:
        response = await ask(api, request(target, method=method, body=b""))
        problem(response, 405, "method_not_allowed")
        assert response.headers["allow"] == METHODS[target]


@pytest.mark.parametrize("target", METHODS)
async def test_the_methods_told_are_taken(api: Api, target: str) -> None:
    """What Allow names is never answered with 405."""
    for method in METHODS[target].split(", "):
        assert (await ask(api, request(target, method=method))).code != 405


@pytest.mark.parametrize("target", READABLE)
async def test_head_is_get_without_the_body(api: Api, target: str) -> None:
    """The same status and headers, the length of what GET would send, and nothing after them."""
    await api.act("ann", "a1")
    async with wire(api.server.port) as connection:
        await connection.send(request(target, "X-Request-Id: r1"))
        got = await connection.answer()
        await connection.send(request(target, "X-Request-Id: r1", method="HEAD") + request("/livez"))
        head = await connection.answer(head=True)
        assert json.loads((await connection.answer()).body) == {"status": "alive"}
    assert (head.code, head.headers | {"date": ""}) == (got.code, got.headers | {"date": ""})


@pytest.mark.parametrize("target", [*READABLE, "/nope", "/ws"])
async def test_no_version_is_told_and_no_type_is_guessed(api: Api, target: str) -> None:
    """Every answer says `nosniff`, none says what it was made with."""
    response = await ask(api, request(target))
    assert "server" not in response.headers
    assert response.headers["x-content-type-options"] == "nosniff"


# --- sizes ----------------------------------------------------------------------------------------


def padded(size: int) -> bytes:
    """A good claim of this many bytes."""
    body = json.dumps({"actionId": "a1", "actionType": "task.completed"}).encode()
    return body + b" " * (size - len(body))


async def test_a_body_up_to_the_limit_is_read(api: Api) -> None:
    """16 KiB are taken, one byte more is not."""
    assert (await api.post(padded(BODY_LIMIT), token())).code == 200
    problem(await api.post(padded(BODY_LIMIT + 1), token()), 413, "body_too_large")


@pytest.mark.parametrize("size", [20_000, 256 * 1024, 256 * 1024 + 1, 3_000_000])
async def test_an_oversized_body_is_refused(api: Api, size: int) -> None:
    """413, also for brackets that nest without end, and for who has no token."""
    problem(await api.post(b"[" * size, token()), 413, "body_too_large")
    problem(await api.post(b"x" * size), 413, "body_too_large")
    assert (await api.board())["totalUsers"] == 0


async def test_an_oversized_body_in_chunks_is_refused(api: Api) -> None:
    """A body that does not tell its length has the same limit."""
    chunks = b"".join(b"1000\r\n" + b"x" * 4096 + b"\r\n" for _ in range(5)) + b"0\r\n\r\n"
    response = await ask(
        api, request("/api/scores/update", "Transfer-Encoding: chunked", method="POST") + chunks
    )
    problem(response, 413, "body_too_large")


@pytest.mark.parametrize(
    "data",
    [
        request("/api/scores/update", "Content-Length: 16777217", method="POST"),
        request("/api/scores/update", "Content-Length: 99999999999999999999", method="POST"),
        request("/api/scores/update", "Content-Length: -1", method="POST"),
        request("/api/scores/update", "Content-Length: 1, 2", method="POST"),
        request("/api/scores/update", "Content-Length: 1", "Transfer-Encoding: chunked", method="POST"),
        request("/api/scores/update", "Transfer-Encoding: gzip, chunked", method="POST"),
        request("/api/scores/update", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n",
        request("/api/scores/update", "Transfer-Encoding: chunked", method="POST") + b"fffffff\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET  /livez\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        request("/livez", "X : y"),
        request("/livez", "X: \x00"),
        request("/api/leaderboard?" + "&".join(["a=1"] * 3000)),
    ],
)
async def test_what_is_no_request_ends_the_connection(api: Api, data: bytes) -> None:
    """A bare 400 before any handler is asked, then the connection closes and the server goes on."""
    async with wire(api.server.port) as connection:
        await connection.send(data)
        assert (await connection.rest()).startswith(b"HTTP/1.1 400 ")
    assert (await api.fetch("/livez")).code == 200


async def test_headers_without_end_close_the_connection(api: Api) -> None:
    """Beyond 16 KiB of headers nobody listens."""
    async with wire(api.server.port) as connection:
        await connection.send(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000)
        assert b" 200 " not in await connection.rest()
    assert (await api.fetch("/livez")).code == 200


async def test_a_body_on_a_get_is_nobodys_business(api: Api) -> None:
    """It is read past, and the connection goes on."""
    async with wire(api.server.port) as connection:
        await connection.send(request("/livez", body=b"[[[[") + request("/livez"))
        assert [(await connection.answer()).code for _ in range(2)] == [200, 200]


# --- request ids ----------------------------------------------------------------------------------


@pytest.mark.parametrize("told", ["a", "7f3c-11", "A.b_c:d-9", "x" * 64])
async def test_a_sane_request_id_comes_back(api: Api, told: str) -> None:
    """In the header and in the document, so that logs can be joined."""
    assert problem(await ask(api, request("/nope", f"X-Request-Id: {told}")), 404)["requestId"] == told


@pytest.mark.parametrize("told", ["", "a b", "x" * 65, "é", '"', "<script>", "a,b", "${jndi}", "a\tb"])
async def test_another_request_id_is_replaced(api: Api, told: str) -> None:
    """Nothing that could break a log line or a header is repeated."""
    given = problem(await ask(api, request("/nope", f"X-Request-Id: {told}")), 404)["requestId"]
    assert given != told
    assert len(given) == 16


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "NONSENSE"])
async def test_every_answer_names_its_request(api: Api, method: str) -> None:
    """Good or bad, with the id that came or one that was made."""
    for target in (*READABLE, "/nope", "/ws", "/api/users/ann/actions", "/metrics", "/docs"):
        told = await ask(api, request(target, "X-Request-Id: r1", method=method))
        made = await ask(api, request(target, method=method))
        assert told.headers["x-request-id"] == "r1"
        assert re.fullmatch("[0-9a-f]{16}", made.headers["x-request-id"])


async def test_request_ids_differ(api: Api) -> None:
    """Two requests without one get two."""
    assert (
        problem(await api.fetch("/nope"), 404)["requestId"]
        != problem(await api.fetch("/nope"), 404)["requestId"]
    )


async def test_what_nobody_foresaw_is_logged_and_not_told(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug is a problem document without a word about it, and its trace stands in the log."""

    async def broken(self: Reader, view: object) -> None:
        raise KeyError("a secret of the inside")

    monkeypatch.setattr(Reader, "read", broken)
    first = problem(await api.fetch("/api/leaderboard"), 500, "internal_error")
    second = problem(await api.fetch("/api/leaderboard"), 500, "internal_error")
    assert "a secret of the inside" not in str(first)
    assert "a secret of the inside" in caplog.text
    assert "Traceback" in caplog.text
    failed = [record for record in caplog.records if record.name == "scoreboard.web"]
    assert [vars(record)["requestId"] for record in failed] == [first["requestId"], second["requestId"]]
    caplog.clear()


async def test_refusals_are_not_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """A client can't fill the log by asking for nonsense."""
    for response in (
        await api.fetch("/nope"),
        await api.post("x", token()),
        await api.post("x"),
        await api.fetch("/livez", "DELETE"),
        await api.post(b"x" * 20_000, token()),
    ):
        assert 400 <= response.code < 500
    assert [r for r in caplog.records if r.name.startswith("scoreboard.web")] == []
