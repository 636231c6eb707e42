"""The example of an nginx before several servers, played with the real nginx."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time

import pytest
from tornado.httpclient import HTTPResponse
from websockets.exceptions import InvalidStatus

from scoreboard_server import app
from scoreboard_server.app import Server
from scoreboard_server.web import base_handler, live_socket, long_bodies
from scoreboard_server.web.refusal_status import code_of
from scoreboard_server.web.refusal_status import problem as problem_of

from ..conftest import Api, StartServer, token
from ..end_to_end.watchers import Watched
from ..metrics.reading import told
from .conftest import StartNginx
from .nginx import EXAMPLE, HOST, Nginx

BOARD = "/api/leaderboard"
BEHIND_PROXY = {"server__trusted_proxies": ["127.0.0.1"], "live__interval_ms": 10}


async def asked(server: Server, route: str = BOARD, **labels: str) -> int:
    """How many requests for a route have reached the server."""
    samples = (await told(Api(server))).samples
    wanted = {"route": route, **labels}
    counted = (s for s in samples if s.name == "scoreboard_http_requests_total")
    return int(sum(s.value for s in counted if wanted.items() <= s.labels.items()))


async def act(nginx: Nginx, user: str, action: str) -> HTTPResponse:
    """A user's action by the public address."""
    body = json.dumps({"actionId": action, "actionType": "task.completed"})
    headers = {"Content-Type": "application/json"}
    return await nginx.fetch("/api/scores/update", "POST", body=body, headers=headers, bearer=token(user))


def settings(name: str, where: str = "") -> list[str]:
    """What a directive is set to in the example, in the block that begins so (the first is its own)."""
    text = EXAMPLE.read_text()
    block = text[text.index(where) :]
    return re.findall(rf"^\s*{name}\s+(.*?);", block, re.MULTILINE)


def seconds(text: str) -> float:
    """A time as nginx writes it."""
    return float(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def kilobytes(text: str) -> int:
    """A size as nginx writes it."""
    assert text.endswith("k")
    return int(text[:-1]) * 1024


# --- the file itself ------------------------------------------------------------------------------


async def test_nginx_has_nothing_to_say_about_the_file(
    start_server: StartServer, start_nginx: StartNginx
) -> None:
    """`nginx -t` passes, without a warning."""
    nginx = start_nginx(await start_server())
    said = nginx.check()
    assert "test is successful" in said
    assert not re.search(r"\[(warn|error|emerg|alert)\]", said + nginx.errors)


def test_it_waits_longer_than_the_servers_do() -> None:
    """A quiet socket outlasts a ping and the wait for its answer, an action the longest wait for a store."""
    beat = live_socket.PING_INTERVAL_S + live_socket.PING_PATIENCE_S
    assert seconds(settings("proxy_read_timeout", "location = /ws")[0]) > beat
    assert seconds(settings("proxy_send_timeout", "location = /ws")[0]) > beat
    assert seconds(settings("proxy_read_timeout")[0]) > 8  # `flow.pipeline` has an answer by then
    # What hangs up first on an idle connection is the one that doesn't send requests on it.
    assert seconds(settings("keepalive_timeout", "upstream")[0]) < app._HEADER_PATIENCE_S


def test_its_limits_of_bodies_are_the_servers() -> None:
    """16 KiB, and 256 KiB for a batch."""
    assert kilobytes(settings("client_max_body_size")[0]) == base_handler.BODY_LIMIT
    batch = settings("client_max_body_size", "location = /api/scores/batch")[0]
    assert kilobytes(batch) == long_bodies.BODY_LIMIT


# --- what passes ----------------------------------------------------------------------------------


async def test_a_socket_over_tls_shows_what_happens(
    start_server: StartServer, start_nginx: StartNginx
) -> None:
    """The snapshot, then the changes; and what the client says is answered."""
    nginx = start_nginx(await start_server(**BEHIND_PROXY))
    watched = Watched()
    async with nginx.socket() as socket, asyncio.timeout(20):
        watched.take(json.loads(await socket.recv()))
        assert (watched.version, watched.rows) == (1, {})
        assert (await act(nginx, "ann", "a1")).code == 200
        watched.take(json.loads(await socket.recv()))
        assert watched.rows["ann"]["score"] == 10
        await socket.send('{"type": "ping"}')
        assert json.loads(await socket.recv()) == {"type": "pong"}
        pong = await socket.ping()
        await pong


async def test_limits_count_the_clients_address_not_the_proxys(
    start_server: StartServer, start_nginx: StartNginx
) -> None:
    """Each client has its own places, whatever it says of itself."""
    nginx = start_nginx(await start_server(**BEHIND_PROXY, limits__sockets_per_ip=1))
    async with nginx.socket("127.0.0.2"), nginx.socket("127.0.0.3"):
        with pytest.raises(InvalidStatus) as refused:
            async with nginx.socket(
                "127.0.0.2", **{"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1"}
            ):
                pass
        assert refused.value.response.status_code == 429


async def test_only_the_proxy_says_whose_a_request_is(
    start_server: StartServer, start_nginx: StartNginx
) -> None:
    """Around the proxy, forwarding headers count for nothing: made-up addresses share one allowance."""
    server = await start_server(
        **{**BEHIND_PROXY, "server__trusted_proxies": ["127.0.0.9"]}, limits__per_ip_per_minute=3
    )
    for i in range(4):
        made_up = {"X-Forwarded-For": f"192.0.2.{i}"}
        body = {"actionId": f"a{i}", "actionType": "task.completed"}
        answer = await Api(server).post(body, "no token", headers=made_up)
        assert answer.code == (401 if i < 3 else 429)


# --- the micro-cache ------------------------------------------------------------------------------


async def test_the_board_reaches_its_server_once_a_second(
    start_server: StartServer, start_nginx: StartNginx
) -> None:
    """However many ask for it, one after the other and at once."""
    server = await start_server(**BEHIND_PROXY)
    nginx = start_nginx(server)
    began = time.monotonic()
    for _ in range(5):
        answers = await asyncio.gather(*(nginx.fetch(BOARD) for _ in range(20)))
        assert {answer.code for answer in answers} == {200}
    took = time.monotonic() - began
    assert 1 <= await asked(server) <= 2 + took < 100


async def test_every_answer_names_its_own_request(start_server: StartServer, start_nginx: StartNginx) -> None:
    """By the id that came or one that was made, once: also one that was kept, a refusal, and nginx's own."""
    nginx = start_nginx(await start_server(**BEHIND_PROXY))
    for number, path in enumerate((BOARD, BOARD, BOARD, "/api/users/nobody", "/metrics", "/")):
        named = await nginx.fetch(path, headers={"X-Request-Id": f"r{number}"})
        assert named.headers.get_list("X-Request-Id") == [f"r{number}"], path
        made = await nginx.fetch(path)
        assert re.fullmatch("[0-9a-f]{32}", made.headers["X-Request-Id"]), path
    large = await nginx.fetch("/api/scores/update", "POST", body="x" * 20_000)
    assert large.headers["X-Request-Id"] == json.loads(large.body)["requestId"]


async def test_who_has_it_already_gets_304(start_server: StartServer, start_nginx: StartNginx) -> None:
    """From the cache; and nginx itself asks its server whether what has got old is still the same."""
    server = await start_server(**BEHIND_PROXY)
    nginx = start_nginx(server)
    first = await nginx.fetch(BOARD)
    async with asyncio.timeout(20):
        while await asked(server, status="304") == 0:
            again = await nginx.fetch(BOARD, headers={"If-None-Match": first.headers["ETag"]})
            assert (again.code, again.body) == (304, b"")
            assert again.headers["ETag"] == first.headers["ETag"]
            await asyncio.sleep(0.05)
    assert (await nginx.fetch(BOARD)).body == first.body
    assert await asked(server, status="200") == 1


async def test_what_is_for_a_bearer_is_neither_kept_nor_taken_from_what_is(
    start_server: StartServer, start_nginx: StartNginx
) -> None:
    """Each such request reaches a server, a bad token is refused, and nobody else is shown the answer."""
    server = await start_server(**BEHIND_PROXY)
    nginx = start_nginx(server)
    await act(nginx, "ann", "a1")
    for n in range(1, 6):
        before = await asked(server)
        own = await nginx.fetch(BOARD, bearer=token("ann"))
        assert json.loads(own.body)["userRank"] == {"rank": 1, "score": 10}
        assert await asked(server) == before + 1
        assert "userRank" not in json.loads((await nginx.fetch(BOARD)).body)
        for bad in ("nonsense", token(ttl=-1)):
            assert (await nginx.fetch(BOARD, bearer=bad)).code == 401
        assert await asked(server, status="401") == 2 * n
    # A scheme of one digit is no bearer, and no way around it either.
    assert (await nginx.fetch(BOARD, headers={"Authorization": "0"})).code == 401


async def test_what_is_asked_by_name_is_asked_each_time(
    start_server: StartServer, start_nginx: StartNginx
) -> None:
    """Whoever has seen an action acknowledged sees it there."""
    nginx = start_nginx(await start_server(**BEHIND_PROXY))
    for n in range(1, 6):
        assert (await act(nginx, "ann", f"a{n}")).code == 200
        [row] = json.loads((await nginx.fetch(f"{BOARD}?users=ann")).body)["leaderboard"]
        assert row["score"] == 10 * n


async def test_pages_of_two_sites_get_each_its_own(
    start_server: StartServer, start_nginx: StartNginx
) -> None:
    """What may be read by one trusted page is not handed to another one that could not read it."""
    sites = ["https://one.example", "https://two.example"]
    nginx = start_nginx(await start_server(**BEHIND_PROXY, server__trusted_origins=sites))
    for _ in range(3):
        for site in sites:
            answer = await nginx.fetch(BOARD, headers={"Origin": site})
            assert answer.headers["Access-Control-Allow-Origin"] == site
        assert "Access-Control-Allow-Origin" not in (await nginx.fetch(BOARD)).headers


async def test_a_refusal_is_not_kept(start_server: StartServer, start_nginx: StartNginx) -> None:
    """503 while the server can't, 404 for a season that isn't there: the next request asks again."""
    server = await start_server(**BEHIND_PROXY)
    nginx = start_nginx(server)
    services, server._lifecycle.services = server._lifecycle.services, None
    for _ in range(3):
        refused = await nginx.fetch(BOARD)
        assert (refused.code, refused.headers["Retry-After"]) == (503, "1")
    server._lifecycle.services = services
    assert (await nginx.fetch(BOARD)).code == 200
    before = await asked(server, status="404")
    for _ in range(3):
        assert (await nginx.fetch(f"{BOARD}?season=none")).code == 404
    assert await asked(server, status="404") == before + 3


async def test_without_any_server_the_answer_is_a_problem(
    start_server: StartServer, start_nginx: StartNginx
) -> None:
    """As a server's own 503, and not what was kept before."""
    server = await start_server(**BEHIND_PROXY)
    nginx = start_nginx(server)
    kept = await nginx.fetch(BOARD)
    await server.stop()
    async with asyncio.timeout(20):
        while (answer := await nginx.fetch(BOARD)).code == 200:
            assert answer.body == kept.body
            await asyncio.sleep(0.05)
    for refused in (answer, await act(nginx, "ann", "a1")):
        problem = json.loads(refused.body)
        assert (refused.code, refused.headers["Content-Type"]) == (503, "application/problem+json")
        assert (problem["status"], problem["success"]) == (503, False)
        assert (refused.headers["Retry-After"], refused.headers["Cache-Control"]) == ("2", "no-store")


# --- several servers ------------------------------------------------------------------------------


async def test_a_client_keeps_to_one_server(start_server: StartServer, start_nginx: StartNginx) -> None:
    """With all its requests; and a page of the board comes from one server, whoever asks."""
    servers = [await start_server(**BEHIND_PROXY) for _ in range(3)]
    nginx = start_nginx(*servers)
    for i in range(10):
        assert (await act(nginx, f"u{i}", "a1")).code == 200
        await nginx.fetch(f"{BOARD}?users=u{i % 2}")
    updates = [await asked(server, "/api/scores/update") for server in servers]
    assert sorted(updates) == [0, 0, 10]
    views = [await asked(server) for server in servers]
    assert all(count % 5 == 0 for count in views)


@pytest.mark.parametrize("cause", ["starting", "gone"])
async def test_a_server_that_can_not_is_passed_over(
    start_server: StartServer, start_nginx: StartNginx, cause: str
) -> None:
    """Clients of a server that starts or is gone notice nothing: all they do goes to the other."""
    servers = [await start_server(**BEHIND_PROXY) for _ in range(2)]
    nginx = start_nginx(*servers)
    assert (await act(nginx, "ann", "a0")).code == 200
    [home] = [server for server in servers if await asked(server, "/api/scores/update")]
    [other] = [server for server in servers if server is not home]
    if cause == "gone":
        await home.stop()
    else:
        home._lifecycle.services = None
    for n in range(3):
        assert (await act(nginx, "ann", f"a{n}")).code == 200
        assert (await nginx.fetch(f"{BOARD}?users=u{n}")).code == 200
    async with nginx.socket() as socket, asyncio.timeout(20):
        assert json.loads(await socket.recv())["snapshot"]
    assert await asked(other, "/api/scores/update", status="200") == 3


# --- what doesn't pass ----------------------------------------------------------------------------


@pytest.mark.parametrize("spelt", ["/metrics", "/%6detrics", "//metrics", "/x/../metrics", "/metrics?x=1"])
async def test_the_public_gets_no_metrics(
    start_server: StartServer, start_nginx: StartNginx, spelt: str
) -> None:
    """However it spells them."""
    nginx = start_nginx(await start_server(**BEHIND_PROXY))
    answer = await nginx.fetch(spelt)
    assert answer.code == 404
    assert b"scoreboard_" not in answer.body


@pytest.mark.parametrize(
    ("path", "fits"), [("/api/scores/update", 16 * 1024), ("/api/scores/batch", 256 * 1024)]
)
async def test_a_body_that_is_too_large_is_refused_as_a_server_would(
    start_server: StartServer, start_nginx: StartNginx, path: str, fits: int
) -> None:
    """The largest passes, a larger one gets the same problem without reaching a server."""
    server = await start_server(**BEHIND_PROXY)
    nginx = start_nginx(server)
    headers = {"Content-Type": "application/json"}
    passed = await nginx.fetch(
        path, "POST", body=b" " * fits, headers=headers, bearer=token(scopes=["score:write:any"])
    )
    assert passed.code == 400
    refused = await nginx.fetch(path, "POST", body=b" " * (fits + 1), headers=headers)
    problem = json.loads(refused.body)
    assert (refused.code, problem["code"], problem["status"]) == (413, "body_too_large", 413)
    theirs = problem_of(413, *code_of(413), problem["requestId"])
    assert problem == theirs
    assert await asked(server, path) == 1


async def test_without_tls_there_is_only_the_way_to_it(
    start_server: StartServer, start_nginx: StartNginx
) -> None:
    """A page is sent on, a token is not listened to, and who names another host is not answered."""
    server = await start_server(**BEHIND_PROXY)
    nginx = start_nginx(server)
    plain = f"http://{HOST}:{nginx.plain_port}"
    page = await nginx.fetch(f"{plain}/?wall")
    assert (page.code, page.headers["Location"]) == (308, f"https://{HOST}/?wall")
    api = await nginx.fetch(f"{plain}{BOARD}", bearer=token())
    assert (api.code, await asked(server)) == (403, 0)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(ssl.SSLError):
        await asyncio.open_connection("127.0.0.1", nginx.port, ssl=trusting, server_hostname="other.example")
