"""Clients that know nothing of us see the board that HTTP tells, at every version."""

from __future__ import annotations

import asyncio
import random

from ..conftest import Api, StartServer
from ..mongod import Mongod
from .watchers import node_watcher, python_watcher

SUBMITTERS = 200
ACTIONS_EACH = 3


async def act_with_repeats(api: Api, user: str, sleep: random.Random) -> int:
    """Submit each action twice, now and then at once; the score of the last answer."""
    score = 0
    for i in range(ACTIONS_EACH):
        await asyncio.sleep(sleep.uniform(0, 0.2))
        answers = await asyncio.gather(api.act(user, f"a{i}"), api.act(user, f"a{i}"))
        again = await api.act(user, f"a{i}")
        assert {answer["newScore"] for answer in (*answers, again)} == {10 * (i + 1)}
        score = again["newScore"]
    return score


async def test_two_kinds_of_clients_agree_with_http(
    replica_set: Mongod, database: str, start_server: StartServer
) -> None:
    """Under 200 concurrent submitters who repeat each id, snapshot + updates equal the HTTP board at the same
    version, for PyPI `websockets` and npm `ws`, at every version that HTTP was asked for."""
    server = await start_server(store__uri=replica_set.uri, store__database=database)
    api = Api(server)
    seeded = random.Random(7)
    async with python_watcher(api.socket_url()) as one, node_watcher(api.socket_url()) as other:
        submitters = asyncio.gather(*(act_with_repeats(api, f"u{i:03}", seeded) for i in range(SUBMITTERS)))
        told = []
        while not submitters.done():
            told.append(await api.board())
            await asyncio.sleep(0.05)
        assert set(await submitters) == {10 * ACTIONS_EACH}
        final = await api.board()
        told.append(final)
        assert final["totalUsers"] == SUBMITTERS
        assert {row["score"] for row in final["leaderboard"]} == {10 * ACTIONS_EACH}
        assert len({board["version"] for board in told}) > 3, "the board hardly moved"
        for watched in (one, other):
            await watched.until(lambda w: w.version >= final["version"])
            for board in told:
                seen = watched.history.get((board["epoch"], board["version"]))
                if seen is None:  # told before this client had opened
                    assert board["version"] < min(version for _, version in watched.history)
                    continue
                assert seen == (board["leaderboard"], board["totalUsers"])
