"""The lock of a file: one holder, who is known, and who can't forget to let go."""

import asyncio
import os
from pathlib import Path

import pytest

from scoreboard_server.store.file_lock import FileLock, Holder, LockHeld, is_locked


async def test_one_holds_it_and_others_are_told_who(tmp_path: Path) -> None:
    """A second one is refused in the holder's name, and gets it when that one lets go."""
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    await first.take(briefly=False)
    with pytest.raises(LockHeld) as refused:
        await second.take(briefly=False)
    assert refused.value.holder == first.holder() == second.holder() == Holder(str(os.getpid()), brief=False)
    assert (first.is_mine, second.is_mine) == (True, False)
    first.release()
    await second.take(briefly=False)
    assert (first.is_mine, second.is_mine) == (False, True)
    second.release()


async def test_a_brief_holder_is_waited_for(tmp_path: Path) -> None:
    """A command is over soon, so nobody who comes in the middle of it has to try again."""
    brief, patient = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    await brief.take(briefly=True)
    waiting = asyncio.create_task(patient.take(briefly=False))
    await asyncio.sleep(0.6)  # longer than a server would be waited for
    assert not waiting.done()
    brief.release()
    await waiting
    assert patient.holder() == Holder(str(os.getpid()), brief=False)
    patient.release()


async def test_a_child_does_not_inherit_it(tmp_path: Path) -> None:
    """The lock is free as soon as its holder lets go, although a child process still runs."""
    lock = FileLock(tmp_path / "lock")
    await lock.take(briefly=False)
    child = await asyncio.create_subprocess_exec("sleep", "30", close_fds=False)
    try:
        lock.release()
        assert not lock.is_held()
    finally:
        child.kill()
        await child.wait()


async def test_a_removed_file_is_no_longer_what_is_held(tmp_path: Path) -> None:
    """Another file of that name is somebody else's; who holds nothing has lost nothing."""
    lock = FileLock(tmp_path / "lock")
    assert not lock.is_gone()
    await lock.take(briefly=False)
    assert not lock.is_gone()
    (tmp_path / "lock").unlink()
    assert lock.is_gone()
    (tmp_path / "lock").touch()
    assert lock.is_gone()
    lock.release()


def test_what_is_not_there_is_not_locked(tmp_path: Path) -> None:
    """And asking makes no file."""
    assert not is_locked(tmp_path / "lock")
    assert FileLock(tmp_path / "lock").holder() is None
    assert not (tmp_path / "lock").exists()
