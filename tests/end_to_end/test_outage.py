"""The database goes away while requests wait: they are told the truth, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoreboard_server.flow import captcha, pipeline

from ..conftest import Api, StartServer, token
from ..mongod import Mongod
from ..web.test_captcha_handler import ALWAYS, solved


@pytest.fixture
def own_mongod(replica_set: Mongod, tmp_path: Path) -> Iterator[Mongod]:
    """A replica set that this test may kill."""
    mongod = Mongod(tmp_path / "own")
    mongod.start()
    mongod.initiate()
    yield mongod
    mongod.stop()


async def submit(api: Api, user: str, action: str, answer: str | None = None) -> int:
    body = {"actionId": action, "actionType": "task.completed"}
    if answer is not None:
        body["captcha"] = answer
    response = await api.post(body, token(user), request_timeout=60)
    if response.code == 503:
        assert int(response.headers["Retry-After"]) > 0
        assert json.loads(response.body)["code"] == "store_unavailable"
    return response.code


async def test_a_killed_database_costs_time_and_nothing_else(
    own_mongod: Mongod, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests under way get 200 or 503 with `Retry-After`; after its return each id counts exactly once."""
    monkeypatch.setattr(pipeline, "PATIENCE_S", 2.0)
    server = await start_server(store__uri=own_mongod.uri)
    api = Api(server)
    await api.act("ann", "before")
    under_way = [asyncio.create_task(submit(api, "ann", f"a{i}")) for i in range(40)]
    await asyncio.sleep(0.005)
    own_mongod.kill()
    late = [asyncio.create_task(submit(api, "ben", f"b{i}")) for i in range(10)]
    codes = await asyncio.gather(*under_way, *late)
    assert set(codes) <= {200, 503}
    assert 503 in codes
    assert (await api.fetch("/livez")).code == 200
    assert (await api.fetch("/readyz")).code == 503
    assert (await api.board())["totalUsers"] >= 1, "reads go on"
    own_mongod.start()
    own_mongod.wait_for_primary()
    for i in range(40):
        await until_counted(api, "ann", f"a{i}")
    for i in range(10):
        await until_counted(api, "ben", f"b{i}")
    scores = {row["userId"]: row["score"] for row in (await api.board())["leaderboard"]}
    assert scores == {"ann": 410, "ben": 100}
    assert (await api.fetch("/readyz")).code == 200
    with own_mongod.client() as client:
        assert client["scoreboard"]["entries"].count_documents({}) == 51


async def until_counted(api: Api, user: str, action: str, answer: str | None = None) -> None:
    """Repeat the same id as a client should."""
    async with asyncio.timeout(30):
        while await submit(api, user, action, answer) != 200:
            await asyncio.sleep(0.2)


async def test_a_frozen_database_is_no_different(
    own_mongod: Mongod, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mongod that holds its connections and says nothing: answers come late, each action counts once."""
    monkeypatch.setattr(pipeline, "PATIENCE_S", 2.0)
    api = Api(await start_server(store__uri=own_mongod.uri))
    await api.act("ann", "before")
    own_mongod.pause()
    under_way = [asyncio.create_task(submit(api, "ann", f"a{i}")) for i in range(5)]
    await asyncio.sleep(1.0)
    own_mongod.resume()
    assert set(await asyncio.gather(*under_way)) <= {200, 503}
    for i in range(5):
        await until_counted(api, "ann", f"a{i}")
    assert (await api.board())["leaderboard"][0]["score"] == 60


async def test_a_frozen_database_uses_up_no_captcha(
    own_mongod: Mongod, start_server: StartServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Refused while it says nothing, each action counts once with the answer that it had brought."""
    for road in (pipeline, captcha):
        monkeypatch.setattr(road, "PATIENCE_S", 2.0)
    config = tmp_path / "captcha.toml"
    config.write_text(f'[captcha]\nprovider = "altcha"\ndifficulty = 100\n{ALWAYS}')
    api = Api(await start_server(store__uri=own_mongod.uri, config=config))
    answers = [await solved(api) for _ in range(6)]
    own_mongod.pause()
    frozen = [asyncio.create_task(submit(api, "ann", f"a{i}", answer)) for i, answer in enumerate(answers)]
    assert set(await asyncio.gather(*frozen)) == {503}
    own_mongod.resume()
    for i, answer in enumerate(answers):
        await until_counted(api, "ann", f"a{i}", answer)
        assert await submit(api, "ben", f"b{i}", answer) == 403
    assert (await api.board())["leaderboard"][0]["score"] == 60
