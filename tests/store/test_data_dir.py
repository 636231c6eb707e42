"""The data directory: one owner, private files, and an announcement believed only while it is true."""

import asyncio
import os
import shutil
import stat
from pathlib import Path

import pytest

from scoreboard_server.store.data_dir import (
    DataDir,
    DataDirInUse,
    EmbeddedError,
    RunningMongod,
    attach,
    running_uri,
    write_private,
)

RUNNING = RunningMongod(pid=4_000_000, port=20_000)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_taking_makes_a_private_directory_with_private_secrets(tmp_path: Path) -> None:
    """The directories are 0700 and every file in them 0600, whatever the umask allows."""
    before = os.umask(0)
    try:
        folder = DataDir(tmp_path / "a" / "data")
        await folder.take()
        folder.begin_dbpath()
        folder.keep_port(20_000)
        folder.announce(RUNNING)
    finally:
        os.umask(before)
    assert mode(folder.path) == mode(folder.dbpath) == 0o700
    assert {mode(path) for path in folder.path.iterdir() if path.is_file()} == {0o600}
    folder.release()


async def test_secrets_survive_a_second_take(tmp_path: Path) -> None:
    """A password once made is kept, and a keyfile that a backup made readable is made private again."""
    folder = DataDir(tmp_path)
    await folder.take()
    password, key = folder.password(), folder.key_file.read_text()
    folder.release()
    folder.key_file.chmod(0o644)
    await folder.take()
    assert (folder.password(), folder.key_file.read_text()) == (password, key)
    assert mode(folder.key_file) == 0o600
    folder.release()


def test_unfinished_database_files_are_set_aside_and_finished_ones_never(tmp_path: Path) -> None:
    """A first start that was cut short is begun anew; what is there may be a copy that was put back since."""
    folder = DataDir(tmp_path)
    file = folder.dbpath / "WiredTiger"
    folder.begin_dbpath()
    file.touch()
    folder.begin_dbpath()
    assert not file.exists() and folder.dbpath.exists()
    (aside,) = tmp_path.glob("mongo.set-aside-*/WiredTiger")
    aside.unlink()
    aside.parent.rmdir()
    file.touch()
    folder.finish_dbpath()
    folder.begin_dbpath()
    assert file.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mongo"]


def test_first_starts_that_are_never_finished_do_not_fill_the_disk(tmp_path: Path) -> None:
    """After three that were set aside an admin has to look; what is there stays as it is until then."""
    folder = DataDir(tmp_path)
    for _ in range(4):
        folder.begin_dbpath()
        (folder.dbpath / "WiredTiger").touch()
    with pytest.raises(EmbeddedError, match="never finished, 4 times"):
        folder.begin_dbpath()
    asides = list(tmp_path.glob("mongo.set-aside-*"))
    assert (len(asides), (folder.dbpath / "WiredTiger").exists()) == (3, True)
    asides[0].rename(tmp_path / "looked-at")
    folder.begin_dbpath()
    assert not any(folder.dbpath.iterdir())


async def test_who_was_removed_touches_nothing_of_who_came_after(tmp_path: Path) -> None:
    """The folder is somebody else's by now, with other announcements in it."""
    first, second = DataDir(tmp_path / "x"), DataDir(tmp_path / "x")
    await first.take()
    assert not first.is_gone()
    shutil.rmtree(tmp_path / "x")
    assert first.is_gone()
    await second.take()
    second.announce(RunningMongod(1, 2))
    second.announce_server("http://second")
    first.withdraw()
    first.withdraw_server()
    first.release()
    assert (second.running(), second.server()) == (RunningMongod(1, 2), "http://second")
    assert not second.is_gone()
    second.release()


def test_database_files_found_there_are_kept(tmp_path: Path) -> None:
    """Files that this program has not begun are somebody's data."""
    folder = DataDir(tmp_path)
    folder.dbpath.mkdir()
    (folder.dbpath / "WiredTiger").touch()
    folder.begin_dbpath()
    assert (folder.dbpath / "WiredTiger").exists()


async def test_a_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    """Only one owner at a time, and the message names its process."""
    first, second = DataDir(tmp_path), DataDir(tmp_path)
    await first.take()
    with pytest.raises(DataDirInUse) as refused:
        await second.take()
    words = f"The data directory {tmp_path} is in use by another scoreboard server (pid {os.getpid()})."
    assert str(refused.value) == words
    assert first.is_mine and not second.is_mine
    first.release()
    await second.take()
    second.release()


async def test_asking_whether_it_is_owned_does_not_get_in_an_owners_way(tmp_path: Path) -> None:
    """An owner starts even when many commands ask at that moment whether there is one."""
    folder = DataDir(tmp_path)
    await folder.take()
    folder.release()

    async def ask() -> None:
        while not folder.is_mine:
            running_uri(tmp_path)
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(folder.take(), *(ask() for _ in range(5))), 5)
    folder.release()


async def test_nobody_running_is_none(tmp_path: Path) -> None:
    """No directory, an empty one and one with a stale announcement all mean: nobody runs."""
    assert running_uri(tmp_path / "absent") is None
    assert await attach(tmp_path / "absent") is None
    assert not (tmp_path / "absent").exists()
    folder = DataDir(tmp_path)
    await folder.take()
    folder.announce(RUNNING)
    folder.release()
    assert running_uri(tmp_path) is None
    assert await attach(tmp_path) is None


async def test_attach_waits_for_an_owner_that_is_starting(tmp_path: Path) -> None:
    """While the lock is held and nothing is announced yet, attach waits; running_uri doesn't."""
    folder = DataDir(tmp_path)
    await folder.take()
    assert running_uri(tmp_path) is None
    assert await attach(tmp_path, deadline=0.1) is None
    waiting = asyncio.create_task(attach(tmp_path, deadline=5.0))
    await asyncio.sleep(0.1)
    folder.announce(RUNNING)
    uri = await waiting
    assert uri == running_uri(tmp_path) == folder.uri(RUNNING.port)
    folder.release()


async def test_attach_stops_waiting_when_the_owner_gives_up(tmp_path: Path) -> None:
    """An owner that fails to start doesn't keep others waiting until their deadline."""
    folder = DataDir(tmp_path)
    await folder.take()
    waiting = asyncio.create_task(attach(tmp_path, deadline=60.0))
    await asyncio.sleep(0.1)
    folder.release()
    assert await asyncio.wait_for(waiting, 2) is None


async def test_an_owned_directory_without_its_password_is_a_clear_error(tmp_path: Path) -> None:
    """A file missing from an owned directory is said in words, not as a traceback."""
    folder = DataDir(tmp_path)
    await folder.take()
    folder.announce(RUNNING)
    folder.password_file.unlink()
    with pytest.raises(EmbeddedError, match="can't be used: No such file"):
        running_uri(tmp_path)
    folder.release()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_announcement_is_none(tmp_path: Path, text: str) -> None:
    """What can't be understood is not an announcement."""
    (tmp_path / "mongod.json").write_text(text)
    assert DataDir(tmp_path).running() is None


def test_a_kept_port_comes_back_and_damage_is_none(tmp_path: Path) -> None:
    """The port is remembered; a damaged file only means that a new one is chosen."""
    folder = DataDir(tmp_path)
    assert folder.kept_port() is None
    folder.keep_port(20_001)
    assert folder.kept_port() == 20_001
    (tmp_path / "mongod.port").write_text("?")
    assert folder.kept_port() is None


def test_writing_replaces_as_a_whole(tmp_path: Path) -> None:
    """A rewritten file has the new text and mode, and nothing else stays behind."""
    path = tmp_path / "secret"
    path.write_text("a longer text than the new one")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


async def test_its_owner_is_told_for_people(tmp_path: Path) -> None:
    """By pid and kind while somebody owns it, and never from what is left in the lock's file."""
    folder = DataDir(tmp_path)
    assert folder.owner() is None
    await folder.take(briefly=True)
    assert DataDir(tmp_path).owner() == f"a scoreboard command (pid {os.getpid()})"
    folder.release()
    assert folder.owner() is None
    await folder.take()
    assert folder.owner() == f"a scoreboard server (pid {os.getpid()})"
    folder.release()
