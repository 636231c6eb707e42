"""Several real servers on one replica set behind a real nginx are one board, whichever of them is killed."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator

import pytest

from ..chaos.chronicle import ACTION_TYPE, POINTS
from ..chaos.http_client import Connection
from ..chaos.in_thread import in_thread
from ..chaos.proxy import Proxy
from ..chaos.server_process import ServerProcess
from ..conftest import token
from ..deploy.nginx import Nginx
from ..mongod import Mongod
from .behind_nginx import PATH, SETTINGS, Door, Place, Player, Viewer, becomes, get, running

pytestmark = [pytest.mark.database, pytest.mark.timeout(300)]

SERVERS, VIEWERS, PLAYERS = 3, 32, 9


@pytest.fixture(scope="module")
def place(replica_set: Mongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Started once for all tests here; each plays with users of its own."""
    folder = tmp_path_factory.mktemp("many")
    database = f"many{random.getrandbits(48):x}"
    settings = folder / "scoreboard.toml"
    settings.write_text(SETTINGS % database)
    arguments = ("--store", replica_set.uri, "--config", settings)
    servers = [ServerProcess(folder / f"server{i}", *arguments) for i in range(SERVERS)]
    nginx = Nginx(folder / "nginx", [server.port for server in servers])
    nginx.start()
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_ready()
        yield Place(replica_set, database, folder, servers, nginx)
    finally:
        for server in servers:
            server.stop()
        nginx.stop()
        with replica_set.client() as client:
            client.drop_database(database)
    assert [words for server in servers for words in server.take_surprises()] == []


async def test_boards_and_sockets_are_one_though_each_server_is_killed_in_turn(place: Place) -> None:
    """Sockets come back elsewhere under another epoch; when it is quiet all show the fold of the entries."""
    viewers = [Viewer(place.nginx, f"127.0.1.{i + 1}") for i in range(VIEWERS)]
    players = [Player(f"player{i}", Door(place.nginx, f"127.0.3.{i + 1}")) for i in range(PLAYERS)]

    def counted() -> int:
        return sum(player.counted for player in players)

    async def go_on() -> None:
        """Wait until everybody has had some more counted."""
        goal = counted() + 2 * PLAYERS
        await becomes(lambda: counted() >= goal)

    over = asyncio.Event()
    async with running(*(viewer.watch() for viewer in viewers)):
        await becomes(lambda: all(viewer.epochs for viewer in viewers))
        assert len({viewer.epochs[0] for viewer in viewers}) == SERVERS, "each server has an epoch of its own"
        async with running(*(player.play(over) for player in players)) as playing:
            for server in place.servers:
                await go_on()
                await in_thread(server.kill)
                await go_on()  # nobody waits for the one that is gone
                await in_thread(server.start)
                await in_thread(server.wait_until_ready)
            over.set()
            await asyncio.wait(playing, timeout=60)
        await becomes(place.all_show_the_fold)
        fold = place.fold()
        assert {(p.name, POINTS * p.counted) for p in players} <= {(user, score) for user, score, _ in fold}
        await becomes(lambda: all(viewer.rows() == fold[:10] for viewer in viewers))
        epochs = {get(server.address + "/api/leaderboard")["epoch"] for server in place.servers}
        assert {viewer.watched.epoch for viewer in viewers} <= epochs
    for viewer in viewers:
        assert 1 < len(viewer.epochs) == len(set(viewer.epochs)), "each server was killed once"
    assert len(place.documents("entries", user={"$in": [p.name for p in players]})) == counted()


async def test_an_action_that_the_proxy_sends_twice_counts_once(place: Place) -> None:
    """Counted by a server whose answer is lost, it is sent to the next, which answers it as a repeat."""
    lossy = Proxy(place.servers[0].port, random.Random(1))
    await lossy.start()
    nginx = Nginx(place.folder / "lossy", [lossy.port, place.servers[1].port])
    await in_thread(nginx.start)
    lossy.loss = 1.0
    users = [f"twice{i}" for i in range(16)]
    twice = 0
    try:
        for i, user in enumerate(users):
            player = Player(user, Door(nginx, f"127.0.4.{i + 1}"))
            async with asyncio.timeout(30):
                answer = await player.act("a1")
            assert (json.loads(answer.body)["newScore"], player.asked) == (POINTS, 1)
            twice += answer.headers.get("idempotent-replayed") == "true"
    finally:
        await in_thread(nginx.stop)
        await lossy.stop()
    assert twice > 0, "no answer was lost"
    assert sorted(e["user"] for e in place.documents("entries", user={"$in": users})) == sorted(users)


async def test_what_is_decided_is_so_at_every_server(place: Place) -> None:
    """A ban, a revocation and a new season, said once at a terminal beside them."""
    for number, server in enumerate(place.servers):
        for user in ("banned", "revoked", "other"):
            await Player(user, Connection(server.port)).act(f"a{number}")
    await becomes(place.all_show_the_fold)
    early = token("revoked")

    async def codes(bearer: str) -> list[str | None]:
        """How each server answers an action."""
        body = json.dumps({"actionId": "late", "actionType": ACTION_TYPE}).encode()
        answers = [await Connection(server.port).post(PATH, bearer, body, 30) for server in place.servers]
        return [json.loads(answer.body).get("code") for answer in answers]

    await in_thread(lambda: place.command("ban", "banned", "--reason", "a script"))
    await in_thread(lambda: place.command("token", "revoke", "--user", "revoked", "--reason", "stolen"))
    await becomes(place.all_show_the_fold)
    assert "banned" not in {user for user, _, _ in place.fold()}
    for bearer, code in ((token("banned"), "banned"), (early, "token_revoked")):
        async with asyncio.timeout(10):
            while await codes(bearer) != [code] * SERVERS:
                await asyncio.sleep(0.05)
    viewers = [Viewer(place.nginx, f"127.0.2.{i + 1}") for i in range(VIEWERS)]
    async with running(*(viewer.watch() for viewer in viewers)):
        await becomes(lambda: all(viewer.watched.rows for viewer in viewers))
        ending = place.season()
        await in_thread(lambda: place.command("season", "reset", "--closes", f"season-{ending}", "--yes"))
        assert place.season() == ending + 1
        await becomes(lambda: all(not viewer.watched.rows for viewer in viewers))
        await Player("first", Door(place.nginx, "127.0.5.1")).act("a1")
        await becomes(lambda: all(viewer.rows() == [("first", POINTS, 1)] for viewer in viewers))
    await becomes(place.all_show_the_fold)


async def test_what_is_due_at_every_server_is_done_by_one(place: Place) -> None:
    """A season ends by itself: one act in the trail, one next season, and all of them show it."""
    ending = place.season()
    await Player("due", Door(place.nginx, "127.0.5.2")).act("a1")
    await in_thread(lambda: place.command("season", "ends", "1s"))
    await becomes(lambda: place.season() == ending + 1)
    await becomes(place.all_show_the_fold)
    # Until its archive is written, somebody has still something to do.
    await becomes(lambda: "archive" in place.documents("seasons", _id=ending)[0])
    acts = [act for act in place.documents("audit", what="season reset") if act["by"] == "schedule"]
    assert [act["details"]["next"] for act in acts] == [f"season-{ending + 1}"]
    assert [season["_id"] for season in place.documents("seasons") if season["_id"] > ending] == [ending + 1]
