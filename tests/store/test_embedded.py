"""The embedded MongoDB against a real mongod: ready, private, alone, restarted, and never left behind."""

import asyncio
import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo.errors import ConnectionFailure, OperationFailure
from pymongo.write_concern import WriteConcern

from scoreboard_server.store import embedded
from scoreboard_server.store.data_dir import DataDir
from scoreboard_server.store.embedded import (
    DataDirInUse,
    EmbeddedError,
    EmbeddedMongo,
    attach,
    find_mongod,
    running_uri,
)
from scoreboard_server.store.file_lock import is_locked

from ..mongod import free_port

pytestmark = [pytest.mark.database, pytest.mark.asyncio(loop_scope="module")]

Rows = AsyncIOMotorCollection[dict[str, Any]]


@contextlib.asynccontextmanager
async def rows_at(uri: str) -> AsyncIterator[Rows]:
    """A collection whose writes are majority writes, which only a writable primary takes."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(uri, serverSelectionTimeoutMS=5_000)
    try:
        yield client.test.get_collection("rows", write_concern=WriteConcern("majority", wtimeout=5_000))
    finally:
        client.close()


@contextlib.asynccontextmanager
async def running(data_dir: Path, mongod: Path | None = None) -> AsyncIterator[tuple[EmbeddedMongo, Rows]]:
    mongo = EmbeddedMongo(data_dir, mongod=mongod)
    try:
        async with rows_at(await mongo.start()) as rows:
            yield mongo, rows
    finally:
        await mongo.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Path, EmbeddedMongo, Rows]]:
    """One running MongoDB for the tests that do it no harm."""
    data_dir = tmp_path_factory.mktemp("shared") / "data"
    async with running(data_dir) as (mongo, rows):
        yield data_dir, mongo, rows


def mongods_on(data_dir: Path) -> list[int]:
    """The live processes that were told to serve this data directory."""
    dbpath, found = str(data_dir.resolve() / "mongo"), []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if dbpath in (process / "cmdline").read_text().split("\0"):
                found.append(int(process.name))
    return found


def nothing_is_left(data_dir: Path) -> bool:
    """No process, no lock, no announcement."""
    return not (mongods_on(data_dir) or is_locked(data_dir / "lock") or (data_dir / "mongod.json").exists())


def port_of(uri: str | None) -> int:
    assert uri is not None
    port = urlsplit(uri).port
    assert port is not None
    return port


async def test_it_is_a_primary_that_takes_majority_writes(shared: tuple[Path, EmbeddedMongo, Rows]) -> None:
    """What start gives is a writable one-node replica set on a loopback address."""
    _, mongo, rows = shared
    await rows.insert_one({"_id": "majority"})
    hello = await rows.database.client.admin.command("hello")
    assert hello["isWritablePrimary"]
    assert hello["hosts"] == [hello["me"]] == [f"127.0.0.1:{port_of(running_uri(shared[0]))}"]
    assert mongo.pid in mongods_on(shared[0])


async def test_transactions_work_on_it(shared: tuple[Path, EmbeddedMongo, Rows]) -> None:
    """The store relies on transactions, which a standalone server would refuse."""
    _, _, rows = shared
    async with await rows.database.client.start_session() as session, session.start_transaction():
        await rows.insert_one({"_id": "transaction"}, session=session)
    assert await rows.find_one({"_id": "transaction"})


async def test_a_client_without_the_password_is_refused(shared: tuple[Path, EmbeddedMongo, Rows]) -> None:
    """Being on the same machine is not enough to read."""
    stranger = f"mongodb://127.0.0.1:{port_of(running_uri(shared[0]))}/?directConnection=true"
    async with rows_at(stranger) as rows:
        with pytest.raises(OperationFailure, match="requires authentication"):
            await rows.find_one({})


async def test_its_files_are_private_and_its_secrets_nowhere_else(
    shared: tuple[Path, EmbeddedMongo, Rows],
) -> None:
    """Directories are 0700 and files 0600; neither the command line nor the log holds password or key."""
    data_dir, mongo, _ = shared
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data_dir.iterdir()}
    assert modes.pop("mongo") == 0o700 == stat.S_IMODE(data_dir.stat().st_mode)
    private = {"lock", "mongod.json", "mongod.key", "mongod.log", "mongod.password", "mongod.port"}
    assert modes == dict.fromkeys(private, 0o600)
    said = (data_dir / "mongod.log").read_text() + Path(f"/proc/{mongo.pid}/cmdline").read_text()
    assert (data_dir / "mongod.password").read_text() not in said
    assert (data_dir / "mongod.key").read_text() not in said


async def test_it_listens_on_loopback_only(shared: tuple[Path, EmbeddedMongo, Rows]) -> None:
    """No other machine can reach the port."""
    port = port_of(running_uri(shared[0]))
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    local = {line.split()[1] for line in lines if line.split()[3] == "0A"}
    assert [address for address in local if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


async def test_it_runs_no_code_of_clients(shared: tuple[Path, EmbeddedMongo, Rows]) -> None:
    """JavaScript is off: nothing here needs it, and its engine would want memory to write code to."""
    _, _, rows = shared
    with pytest.raises(OperationFailure, match="no globalScriptEngine"):
        await rows.find_one({"$where": "true"})


async def test_a_second_owner_is_refused_and_the_first_unharmed(
    shared: tuple[Path, EmbeddedMongo, Rows],
) -> None:
    """The refusal names the owner's process, and changes nothing for that owner, stopped or not."""
    data_dir, _, rows = shared
    second = EmbeddedMongo(data_dir)
    with pytest.raises(DataDirInUse, match=rf"in use by another scoreboard server \(pid {os.getpid()}\)"):
        await second.start()
    await second.stop()
    await rows.insert_one({"_id": "unharmed"})
    assert running_uri(data_dir) is not None


async def test_starting_twice_is_refused(shared: tuple[Path, EmbeddedMongo, Rows]) -> None:
    """A second start of the same object must not take the running one down."""
    _, mongo, rows = shared
    with pytest.raises(EmbeddedError, match="started already"):
        await mongo.start()
    await rows.insert_one({"_id": "still there"})


async def test_others_find_it_while_it_runs(shared: tuple[Path, EmbeddedMongo, Rows]) -> None:
    """The URI for the command line is one that works, both ways of asking."""
    data_dir, _, _ = shared
    uri = await attach(data_dir)
    assert uri is not None and uri == running_uri(data_dir)
    async with rows_at(uri) as rows:
        await rows.insert_one({"_id": "attached"})


async def test_a_stop_leaves_nothing_and_a_taken_port_is_left_to_its_owner(tmp_path: Path) -> None:
    """After a stop nothing is left; the next start moves off a taken port and has the data."""
    async with running(tmp_path) as (mongo, rows):
        await rows.insert_one({"_id": "kept"})
        port = port_of(running_uri(tmp_path))
    assert mongo.pid is None
    assert nothing_is_left(tmp_path)
    await mongo.stop()
    neighbour = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    async with neighbour, running(tmp_path) as (_, rows):
        assert port_of(running_uri(tmp_path)) != port
        await rows.insert_one({"_id": "moved"})
        assert {row["_id"] async for row in rows.find()} == {"kept", "moved"}


async def test_a_start_cut_short_before_the_user_exists_is_completed(tmp_path: Path) -> None:
    """A replica set without its user, as a crash after initiating leaves it, gets the user."""
    async with running(tmp_path) as (_, rows):
        await rows.insert_one({"_id": "kept"})
        port = port_of(running_uri(tmp_path))
        await rows.database.client.admin.command("dropUser", "scoreboard")
    async with running(tmp_path) as (_, rows):
        assert await rows.find_one({"_id": "kept"})
        assert port_of(running_uri(tmp_path)) == port


OWNER = """
import asyncio, pathlib, sys
from scoreboard_server.store.embedded import EmbeddedMongo

async def own():
    mongo = EmbeddedMongo(pathlib.Path(sys.argv[1]))
    print(await mongo.start(), flush=True)
    await asyncio.sleep(60)

asyncio.run(own())
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that owns a data directory and says the URI when it is ready."""
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


async def test_a_killed_owner_takes_mongod_along_and_loses_nothing(
    tmp_path: Path, owner: "subprocess.Popen[str]"
) -> None:
    """After a kill -9 mongod is gone too; the next owner has the same port and every acknowledged write."""
    assert owner.stdout is not None
    uri = (await asyncio.to_thread(owner.stdout.readline)).strip()
    with pytest.raises(DataDirInUse, match=rf"pid {owner.pid}\)"):
        await EmbeddedMongo(tmp_path).start()
    async with rows_at(uri) as rows:
        await rows.insert_one({"_id": "acknowledged"})
    (left,) = mongods_on(tmp_path)
    owner.kill()
    owner.wait()
    assert running_uri(tmp_path) is None
    async with asyncio.timeout(20):  # by itself, before a next owner could end it
        while mongods_on(tmp_path):
            await asyncio.sleep(0.02)
    async with running(tmp_path) as (mongo, rows):
        assert mongods_on(tmp_path) == [mongo.pid] != [left]
        assert await rows.find_one({"_id": "acknowledged"})
        assert running_uri(tmp_path) == uri


async def test_a_mongod_that_nothing_tied_to_its_owner_is_ended_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the system didn't end the old mongod, the next owner does."""
    folder = DataDir(tmp_path)
    await folder.take()
    folder.begin_dbpath()
    folder.release()
    stray = await asyncio.create_subprocess_exec(
        *(find_mongod(), "--dbpath", folder.dbpath, "--logpath", tmp_path / "stray.log"),
        *("--port", str(free_port()), "--bind_ip", "127.0.0.1", "--nounixsocket"),
        stdout=asyncio.subprocess.DEVNULL,
    )
    while not is_locked(folder.dbpath / "mongod.lock"):
        await asyncio.sleep(0.02)
    async with running(tmp_path) as (mongo, _):
        assert mongods_on(tmp_path) == [mongo.pid]
    assert await stray.wait() is not None
    assert f"stopping a mongod (pid {stray.pid})" in caplog.text


async def test_a_mongod_that_dies_alone_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The same port, the same data, and a client made before the death works again by itself."""
    async with running(tmp_path) as (mongo, rows):
        await rows.insert_one({"_id": "before"})
        uri, (pid,) = running_uri(tmp_path), mongods_on(tmp_path)
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            while running_uri(tmp_path):
                await asyncio.sleep(0.005)
        assert await attach(tmp_path) == uri
        with contextlib.suppress(ConnectionFailure):  # what the driver knew of the dead one
            await rows.find_one({})
        await rows.insert_one({"_id": "after"})
        assert {row["_id"] async for row in rows.find()} == {"before", "after"}
        assert mongods_on(tmp_path) == [mongo.pid] != [pid]
    assert "mongod died (exit code -9)" in caplog.text
    assert nothing_is_left(tmp_path)


async def test_what_can_not_be_started_again_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After the last try wait_failed raises with the reason, and stop still cleans up."""
    monkeypatch.setattr(embedded, "RESTART_PAUSES", (0.0, 0.01))
    binary = tmp_path / "mongod"
    binary.symlink_to(find_mongod())
    async with running(tmp_path / "data", mongod=binary) as (mongo, _):
        failed = asyncio.create_task(mongo.wait_failed())
        binary.unlink()
        (pid,) = mongods_on(tmp_path / "data")
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EmbeddedError, match=r"could not be started again: .*can't be run: No such file"):
            await asyncio.wait_for(failed, 5)
        assert mongo.pid is None
    assert "try 2 of 2" in caplog.text
    assert nothing_is_left(tmp_path / "data")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, r"can't be run: No such file or directory\.$"),
        ("not a program", r"can't be run: Exec format error\.$"),
        (
            "#!/bin/sh\necho 'libcrypto.so.3: not found' >&2; exit 127",
            r"libcurl4\): libcrypto.so.3: not found \(log",
        ),
        (
            "#!/bin/sh\nwhile [ $1 != --logpath ]; do shift; done\n"
            """printf '{"s":"E","id":1,"msg":"Failed","attr":{"error":{"errmsg":"disk full"}}}\n"""
            """{"s":"F","id":23091,"msg":"Fatal assertion"}\n' >> "$2"; exit 14""",
            r"exit code 14: Failed: disk full \(log: .*mongod\.log\)$",
        ),
    ],
)
async def test_a_mongod_that_can_not_start_is_a_clear_error(
    tmp_path: Path, script: str | None, words: str
) -> None:
    """The error says what went wrong and where the log is; nothing is left behind."""
    binary = tmp_path / "mongod"
    if script is not None:
        binary.write_text(script)
        binary.chmod(0o700)
    with pytest.raises(EmbeddedError, match=words):
        await EmbeddedMongo(tmp_path / "data", mongod=binary).start()
    assert nothing_is_left(tmp_path / "data")


async def test_damaged_database_files_are_named(tmp_path: Path) -> None:
    """mongod's own last word is quoted, not its farewell."""
    (tmp_path / "mongo").mkdir()
    (tmp_path / "mongo" / "storage.bson").write_text("not BSON at all")
    with pytest.raises(
        EmbeddedError, match="exit code 14: Unable to read the storage engine metadata file: "
    ):
        await EmbeddedMongo(tmp_path).start()
    assert nothing_is_left(tmp_path)


async def test_a_directory_that_can_not_be_written_is_a_clear_error(tmp_path: Path) -> None:
    """A file where the directory should be is said in words."""
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(EmbeddedError, match=r"data can't be used: Not a directory\."):
        await EmbeddedMongo(tmp_path / "data").start()


async def test_a_cancelled_start_cleans_up_and_the_next_one_works(tmp_path: Path) -> None:
    """Wherever the cancellation meets the first start, neither child nor lock is left, nor unusable files."""
    cancelled = 0
    for pause in (0.0, 0.05, 0.1, 0.2, 0.3, 0.45):
        mongo = EmbeddedMongo(tmp_path)
        starting = asyncio.create_task(mongo.start())
        await asyncio.sleep(pause)
        if starting.done():  # a quick machine
            await mongo.stop()
            continue
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert nothing_is_left(tmp_path)
        for aside in tmp_path.glob("mongo.set-aside-*"):
            shutil.rmtree(aside)  # as an administrator would before there are too many
        cancelled += 1
    assert cancelled > 2
    async with running(tmp_path) as (_, rows):
        await rows.insert_one({"_id": "written"})


async def test_a_stop_during_the_start_ends_both(tmp_path: Path) -> None:
    """The starter is told in words, and nothing is left when stop returns."""
    mongo = EmbeddedMongo(tmp_path)
    starting = asyncio.create_task(mongo.start())
    while not mongods_on(tmp_path):
        await asyncio.sleep(0.01)
    await mongo.stop()
    assert nothing_is_left(tmp_path)
    with pytest.raises(EmbeddedError, match="stopped while it was starting"):
        await starting


async def test_another_databases_password_is_a_clear_error(tmp_path: Path) -> None:
    """A lost password file is named, because only putting it back helps; no password is in the message."""
    async with running(tmp_path):
        pass
    (tmp_path / "mongod.password").unlink()
    with pytest.raises(EmbeddedError, match=r"password in .*mongod\.password is not the one") as refused:
        await EmbeddedMongo(tmp_path).start()
    assert (tmp_path / "mongod.password").read_text() not in str(refused.value)
    assert nothing_is_left(tmp_path)


async def test_find_mongod_prefers_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mongod on PATH wins over the packaged one; with neither, the error says what to install."""
    on_path = tmp_path / "mongod"
    on_path.touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_mongod() == on_path
    on_path.unlink()
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "fiftyone", raising=False)
    with pytest.raises(EmbeddedError, match=r"pip install 'scoreboard\[embedded\]'"):
        find_mongod()
