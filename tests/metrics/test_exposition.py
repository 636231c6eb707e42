"""What `/metrics` tells, against what was really done."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from tornado.websocket import websocket_connect

from ..conftest import Api, StartServer, token
from ..mongod import Mongod
from ..web.openapi_routes import routes
from ..web.wire import HANDSHAKE, ask, request, wire
from .reading import Told, told

JSON = {"Content-Type": "application/json"}
_HOSTILE = 'x"} 1\nscoreboard_forged{a="b'


@pytest.fixture
async def api(start_server: StartServer) -> Api:
    """A server with nothing in it."""
    return Api(await start_server(live__interval_ms=10))


async def test_the_answer_is_one_that_prometheus_reads(api: Api) -> None:
    """The media type of its text format, every sample with words, and not to be kept."""
    response = await api.fetch("/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    families = Told(response.body.decode()).families
    assert len(families) > 30
    assert [family.name for family in families.values() if not family.documentation] == []
    head = await api.fetch("/metrics", "HEAD")
    assert (head.code, head.body) == (200, b"")


async def test_names_are_as_prometheus_wants_them(api: Api) -> None:
    """Ours begin alike; counters end in _total, histograms in what they are of."""
    await api.act("ann", "a1")
    for family in (await told(api)).families.values():
        assert re.fullmatch(r"(scoreboard|process)_[a-z_]+", family.name), family.name
        if family.type == "counter":
            assert all(s.name.endswith("_total") for s in family.samples)
        if family.type == "histogram":
            assert family.name.endswith(("_seconds", "_entries"))


async def test_requests_are_told_apart_by_route_method_and_status(api: Api) -> None:
    """By the address's template, so that the number of users is not the number of samples."""
    for user in ("ann", "ben", "cem"):
        await api.act(user, "a1")
        await api.fetch(f"/api/users/{user}")
    await api.fetch("/api/users/nobody")
    requests = (await told(api)).labelled("scoreboard_http_requests_total")
    assert requests == {
        ("POST", "/api/scores/update", "200"): 3,
        ("GET", "/api/users/{userId}", "200"): 3,
        ("GET", "/api/users/{userId}", "404"): 1,
    }


async def test_times_are_in_buckets(api: Api) -> None:
    """As many as there were requests, whatever their status, and none of them longer than the test."""
    await api.act("ann", "a1")
    await api.post({}, token())
    seen = await told(api)
    of_update = {"route": "/api/scores/update", "method": "POST"}
    name = "scoreboard_http_request_seconds"
    assert seen.value(f"{name}_count", **of_update) == 2
    assert seen.value(f"{name}_bucket", le="+Inf", **of_update) == 2
    assert seen.value(f"{name}_bucket", le="10.0", **of_update) == 2
    assert 0 < seen.value(f"{name}_sum", **of_update) < 20
    buckets = [s.value for s in seen.samples if s.name == f"{name}_bucket"]
    assert buckets == sorted(buckets)


async def test_nothing_that_clients_make_up_becomes_a_label(api: Api) -> None:
    """Neither paths nor methods nor tokens nor ids: a hundred of each make not one sample more."""
    await provoke(api, "first")
    before = {(s.name, *s.labels.items()) for s in (await told(api)).samples}
    for n in range(100):
        await provoke(api, f"other{n}")
    seen = await told(api)
    after = {(s.name, *s.labels.items()) for s in seen.samples}
    assert {key for key in after - before if ("route", "/metrics") not in key} == set()
    assert "other7" not in str(seen.samples) and "forged" not in str(seen.samples)


async def provoke(api: Api, name: str) -> None:
    """One of each kind of what is made up."""
    await api.act(name, name)
    await api.fetch(f"/{name}")
    await api.fetch(f"/static/{name}")
    await api.fetch(f"/api/users/{name}?x={name}", bearer=name)
    await ask(api, request("/livez", method=name.upper()))
    await ask(api, request("/livez", f"X-Request-Id: {name}", f"User-Agent: {_HOSTILE!r}"))
    await api.post({"actionId": name, "actionType": f"no.{name}"}, token(name))


async def test_every_route_has_its_name(api: Api) -> None:
    """The one of the description, so that a sample can be looked up there."""
    described = json.loads((await api.fetch("/openapi.json")).body)["paths"]
    assert routes(api) == set(described)


async def test_refusals_are_counted_on_every_road(api: Api) -> None:
    """Answers, items of a batch, messages of a socket; by the code that was told."""
    await api.post({"actionId": "a1", "actionType": "nope"}, token())
    await api.post(b"{", token())
    trusted = token("game", scopes=["score:write:any"])
    items = [{"userId": "ann", "actionId": "b1", "actionType": "nope"}, {"userId": 7}]
    await api.fetch("/api/scores/batch", "POST", body=json.dumps(items), bearer=trusted, headers=JSON)
    socket = await websocket_connect(api.socket_url())
    await socket.read_message()
    for message in ({"type": "action", "id": "1", "actionId": "x", "actionType": "y"}, {"type": "nope"}):
        await socket.write_message(json.dumps(message))
        await socket.read_message()
    seen = (await told(api)).labelled("scoreboard_refusals_total")
    assert seen == {
        ("unknown_action_type", "http"): 1,
        ("invalid_json", "http"): 1,
        ("unknown_action_type", "batch"): 1,
        ("invalid_request", "batch"): 1,
        ("token_missing", "socket"): 1,
        ("invalid_request", "socket"): 1,
    }


async def test_submissions_by_what_became_of_them(api: Api) -> None:
    """On all roads together; who has no token does not get so far."""
    await api.act("ann", "a1")
    await api.act("ann", "a1")
    await api.act("ben", "b1")
    await api.post({"actionId": "a2", "actionType": "nope"}, token())
    await api.post({"actionId": "a2", "actionType": "nope"})
    seen = await told(api)
    assert seen.labelled("scoreboard_submissions_total") == {
        ("counted",): 2,
        ("repeated",): 1,
        ("refused",): 1,
    }
    assert seen.value("scoreboard_entries_total") == 2
    assert seen.value("scoreboard_batch_entries_sum") == 3, "the repeat was in a batch, too"
    assert seen.value("scoreboard_append_seconds_count") == seen.value("scoreboard_batch_entries_count") == 3
    assert seen.value("scoreboard_board_users") == 2
    assert seen.value("scoreboard_actions_under_way") == seen.value("scoreboard_queue_depth") == 0


async def test_pending_until_folded(api: Api) -> None:
    """Rises with each entry and falls with the fold, without a question to the store."""
    for n in range(3):
        await api.act("ann", f"a{n}")
    assert (await told(api)).value("scoreboard_pending_entries") == 3
    parts = api.server._parts
    assert parts is not None
    await parts.folding.fold_all()
    seen = await told(api)
    assert seen.value("scoreboard_pending_entries") == 0
    assert seen.value("scoreboard_fold_entries_sum") == 3


async def test_sockets_and_what_is_sent_to_them(api: Api) -> None:
    """Places, watchers, users, frames and bytes: as counted by who receives them."""
    sockets = [await websocket_connect(api.socket_url()) for _ in range(3)]
    received = [await socket.read_message() for socket in sockets]
    await sockets[0].write_message(json.dumps({"type": "auth", "token": token("ann")}))
    received.append(await sockets[0].read_message())
    await api.act("ben", "b1")
    received += [await socket.read_message() for socket in sockets]
    seen = await told(api)
    for name in ("sockets", "watchers"):
        assert seen.value(f"scoreboard_{name}") == 3
    assert seen.value("scoreboard_watching_users") == 1
    assert seen.value("scoreboard_frames_sent_total") == len(received)
    sizes = [len(str(text).encode()) for text in received]
    in_frames = sum(size + (2 if size < 126 else 4) for size in sizes)  # RFC 6455, section 5.2
    assert seen.value("scoreboard_sent_bytes_total") == in_frames
    assert seen.value("scoreboard_published_versions_total") == 1
    assert seen.value("scoreboard_publish_seconds_count") >= 1
    for socket in sockets:
        socket.close()


async def test_cuts_by_reason(api: Api) -> None:
    """In one word, and for the usual reasons also while there is none, so that a first one is a rise."""
    assert (await told(api)).value("scoreboard_sockets_cut_total", reason="not_reading") == 0
    socket = await websocket_connect(api.socket_url())
    await socket.read_message()
    await socket.write_message(b"binary", binary=True)
    while await socket.read_message() is not None:
        pass
    assert (await told(api)).value("scoreboard_sockets_cut_total", reason="text_only") == 1


async def test_it_answers_while_starting_and_stopping(api: Api) -> None:
    """What there is by then, and that it is not ready."""
    assert (await told(api)).value("scoreboard_ready") == 1
    async with wire(api.server.port) as connection:
        await connection.send(request("/livez"))
        await connection.answer()
        api.server._lifecycle.services = None
        api.server._lifecycle.is_stopping = True
        await connection.send(request("/metrics"))
        answer = await connection.answer()
    assert answer.code == 200
    assert Told(answer.body.decode()).value("scoreboard_ready") == 0
    api.server._exposition.parts = None  # as before there are any
    starting = await told(api)
    assert starting.value("scoreboard_http_requests_total", route="/livez") == 1
    assert "scoreboard_board_users" not in starting.families
    assert "process_resident_memory_bytes" in starting.families


async def test_nobody_is_limited_there(start_server: StartServer, tmp_path: Path) -> None:
    """A scrape is no submission, and a flood from the scraper's address does not blind it."""
    config = tmp_path / "limits.toml"
    config.write_text("[limits]\nper_ip_per_minute = 1\n")
    api = Api(await start_server(config=config))
    codes = [(await api.post({}, "bad")).code for _ in range(3)]
    assert codes[-1] == 429
    assert [(await api.fetch("/metrics")).code for _ in range(5)] == [200] * 5


async def test_servers_of_one_process_count_for_themselves(start_server: StartServer) -> None:
    """Each has samples of its own."""
    one, other = Api(await start_server()), Api(await start_server())
    await one.act("ann", "a1")
    assert (await told(one)).value("scoreboard_entries_total") == 1
    assert (await told(other)).value("scoreboard_entries_total") == 0


async def test_a_store_that_is_away_shows(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """As 1, where rules look for it."""
    assert (await told(api)).value("scoreboard_store_cut_off") == 0
    parts = api.server._parts
    assert parts is not None
    parts.folding.is_cut_off = True
    assert (await told(api)).value("scoreboard_store_cut_off") == 1


@pytest.mark.database
async def test_two_servers_on_one_store(
    start_server: StartServer, replica_set: Mongod, database: str
) -> None:
    """Each sees the other's entries come in, and the lag is a real one."""
    given = {"store__uri": replica_set.uri, "store__database": database}
    one, other = Api(await start_server(**given)), Api(await start_server(**given))
    for n in range(5):
        await one.act("ann", f"a{n}")
    async with asyncio.timeout(10):
        while (seen := await told(other)).value("scoreboard_stream_changes_total", kind="entry_appended") < 5:
            await asyncio.sleep(0.02)
    assert seen.value("scoreboard_entries_total") == 0
    assert 0 < seen.value("scoreboard_stream_lag_seconds") < 10
    assert (await told(one)).value("scoreboard_stream_changes_total", kind="entry_appended") == 0


async def test_a_handshake_is_one_request(api: Api) -> None:
    """Counted when it is upgraded, not when the socket ends hours later."""
    async with wire(api.server.port) as connection:
        await connection.send(request("/ws", *HANDSHAKE))
        await connection.answer()
        seen = await told(api)
        assert seen.value("scoreboard_http_requests_total", route="/ws", status="101") == 1
