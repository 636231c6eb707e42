"""A server that was away for longer than the store remembers reads its board again, by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..chaos.in_thread import in_thread
from ..chaos.server_process import ServerProcess
from ..conftest import Api, StartServer
from ..metrics.reading import Told
from ..mongod import Mongod
from ..store.test_changes import forget
from .behind_nginx import SETTINGS, becomes, get, read
from .test_outage import own_mongod

__all__ = ["own_mongod"]

pytestmark = pytest.mark.database


@pytest.fixture
def server(own_mongod: Mongod, tmp_path: Path) -> Iterator[ServerProcess]:
    """A process of its own, so that it can be stopped while the world goes on."""
    settings = tmp_path / "away.toml"
    settings.write_text(SETTINGS % "scoreboard")
    process = ServerProcess(tmp_path / "server", "--store", own_mongod.uri, "--config", settings)
    process.start()
    process.wait_until_ready()
    yield process
    process.stop()
    assert process.take_surprises() == []


def board(server: ServerProcess) -> tuple[str, list[tuple[str, int]]]:
    """Its epoch, and who has how much."""
    told = get(server.address + "/api/leaderboard")
    return told["epoch"], [(row["userId"], row["score"]) for row in told["leaderboard"]]


async def test_a_server_whose_place_has_fallen_off_the_oplog_reads_the_board_again(
    own_mongod: Mongod, server: ServerProcess, start_server: StartServer
) -> None:
    """What happened meanwhile is on its board, under another epoch; it says why, and goes on."""
    other = await start_server(store__uri=own_mongod.uri)
    await Api(other).act("ann", "a1")
    await becomes(lambda: board(server)[1] == [("ann", 10)])
    before, _ = board(server)
    server.pause()
    await Api(other).act("ben", "b1")
    with own_mongod.client() as client:
        forgotten = client.admin.command("ping")["operationTime"]
    await Api(other).act("ben", "b2")
    await other.stop()
    await in_thread(lambda: forget(own_mongod, forgotten))
    server.resume()
    await becomes(lambda: board(server)[1] == [("ben", 20), ("ann", 10)], patience=60)
    assert board(server)[0] != before
    assert "the board is read again" in server.words()
    metrics = Told(read(server.address + "/metrics").decode())
    assert metrics.value("scoreboard_board_reloads_total", why="history_lost") == 1
    another = await start_server(store__uri=own_mongod.uri)
    await Api(another).act("ben", "b3")
    await becomes(lambda: board(server)[1] == [("ben", 30), ("ann", 10)])
