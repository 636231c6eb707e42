"""Stores of other versions: an older one is read and marked, a newer one is left alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from scoreboard_server.app import ServerFailedError
from scoreboard_server.clock import now_us
from scoreboard_server.flow.loading import load_board
from scoreboard_server.store import mongo, shapes
from scoreboard_server.store.documents import INDEXES, SHAPE
from scoreboard_server.store.examining import examining
from scoreboard_server.store.opening import StoreRefusedError, open_for_command, open_for_server

from ..cli.invoking import run
from ..conftest import SECRET, Api, StartServer
from ..mongod import Mongod
from .conftest import OpenStore, Raw
from .given import batch, entry

pytestmark = pytest.mark.database

NEWER = SHAPE + 1


def state(raw: Raw) -> dict[str, Any]:
    """Everything that is in a database, and how it is indexed."""
    return {name: (list(raw[name].find()), raw[name].index_information()) for name in INDEXES}


@pytest.mark.parametrize("season", [1, 2])
async def test_a_newer_store_is_refused_and_left_as_it_was(
    open_store: OpenStore, raw: Raw, replica_set: Mongod, tmp_path: Path, season: int
) -> None:
    """By servers and commands, whichever of its seasons tells; not even an index is made in it."""
    store = await open_store(replica_set.uri, raw.name)
    await store.ledger.append(batch(entry("ann", "a1")))
    sealed = raw["seasons"].find_one({})
    assert sealed is not None
    raw["seasons"].insert_one({**sealed, "_id": 2, "state": "sealed", "name": "another"})
    raw["seasons"].update_one({"_id": season}, {"$set": {"v": NEWER}})
    raw["entries"].drop_index("user_at")
    before = state(raw)
    for opening in (open_for_server, open_for_command):
        with pytest.raises(StoreRefusedError, match=f"newer version.*shape {NEWER}.*Upgrade"):
            await opening(replica_set.uri, raw.name, tmp_path, now_us=now_us())
    assert state(raw) == before


async def test_an_older_store_is_read_and_older_versions_are_told(
    open_store: OpenStore, raw: Raw, replica_set: Mongod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next version opens what this one wrote, finds it all, and from then on this one is refused."""
    store = await open_store(replica_set.uri, raw.name)
    await store.ledger.append(batch(entry("ann", "a1")))
    entries = list(raw["entries"].find())
    with monkeypatch.context() as next_version:
        for module in (mongo, shapes):
            next_version.setattr(module, "SHAPE", NEWER)
        newer = await open_for_server(replica_set.uri, raw.name, tmp_path, now_us=now_us())
        loaded = await load_board(newer.snapshots, now_us())
        assert [(standing.user, standing.score) for standing in loaded.board] == [("ann", 10)]
        await newer.close()
    assert [each["v"] for each in raw["seasons"].find()] == [NEWER]
    assert list(raw["entries"].find()) == entries
    with pytest.raises(StoreRefusedError, match="newer version"):
        await open_for_server(replica_set.uri, raw.name, tmp_path, now_us=now_us())


async def test_a_running_server_leaves_a_store_that_a_newer_one_has_opened(
    start_server: StartServer, raw: Raw, replica_set: Mongod
) -> None:
    """It would not understand what the newer one writes; it ends in words, for its supervisor to see."""
    server = await start_server(store__uri=replica_set.uri, store__database=raw.name)
    await Api(server).act("ann", "a1")
    running = asyncio.create_task(server.run_until(asyncio.Event()))
    raw["seasons"].update_one({}, {"$set": {"v": NEWER}})
    with pytest.raises(ServerFailedError, match="newer version"):
        async with asyncio.timeout(20):
            await running


async def test_between_opening_and_reading_a_newer_one_is_seen_too(
    open_store: OpenStore, raw: Raw, replica_set: Mongod
) -> None:
    """Whoever was let in a moment before reads the seasons, and then stops."""
    store = await open_store(replica_set.uri, raw.name)
    raw["seasons"].update_one({}, {"$set": {"v": NEWER}})
    with pytest.raises(StoreRefusedError, match="newer version"):
        await store.seasons.all()


async def test_commands_say_what_to_do(
    open_store: OpenStore, raw: Raw, replica_set: Mongod, tmp_path: Path
) -> None:
    """Exit code 1 with the remedy; the doctor judges nothing that it doesn't know."""
    await open_store(replica_set.uri, raw.name)
    raw["seasons"].update_one({}, {"$set": {"v": NEWER}})
    environ = {
        "SCOREBOARD_STORE": replica_set.uri,
        "SCOREBOARD_STORE_DATABASE": raw.name,
        "SCOREBOARD_JWT_SECRET": SECRET,
        "SCOREBOARD_SERVER_PORT": "0",
    }
    for command in (["leaderboard"], ["serve"], ["export", "all.ndjson"]):
        refused = await asyncio.to_thread(run, *command, cwd=tmp_path, environ=environ)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "Upgrade this installation" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    told = await asyncio.to_thread(run, "doctor", "--json", cwd=tmp_path, environ=environ)
    findings = {each["name"]: each for each in json.loads(told.stdout)["findings"]}
    assert (told.returncode, findings["documents"]["state"]) == (1, "wrong")
    assert "Upgrade this installation" in findings["documents"]["remedy"]
    assert {findings[name]["state"] for name in ("indexes", "ledger")} == {"skipped"}


async def test_the_doctor_knows_the_shape(
    open_store: OpenStore, raw: Raw, replica_set: Mongod, tmp_path: Path
) -> None:
    """Of a store that is well, and of one that nobody has used."""
    await open_store(replica_set.uri, raw.name)
    async with examining(replica_set.uri, raw.name, tmp_path) as examined:
        facts = await examined.diagnosis.database(0)
        assert (facts.shape, facts.newer) == (SHAPE, None)
    async with examining(replica_set.uri, "nobodys", tmp_path) as examined:
        assert (await examined.diagnosis.database(0)).shape == 0
