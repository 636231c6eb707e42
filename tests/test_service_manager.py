"""Telling the service manager how far the server is, as sd_notify(3) has it."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scoreboard_server.service_manager import READY, STOPPING, tell_service_manager

from .cli.invoking import Running


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """A service manager there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(30)
        yield manager


@pytest.mark.parametrize("is_abstract", [False, True])
def test_it_hears_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_abstract: bool) -> None:
    """By a socket in the file system, or in the abstract namespace."""
    name = uuid.uuid4().hex
    told, bound = (f"@{name}", f"\0{name}") if is_abstract else (str(tmp_path / "s"),) * 2
    monkeypatch.setenv("NOTIFY_SOCKET", told)
    with listening(bound) as manager:
        tell_service_manager(READY)
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    "address", [None, "", "/nowhere/at/all", "@nobody-there", "vsock:2:1234", "relative"]
)
def test_where_nobody_listens_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    """It is a courtesy, not a need."""
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    tell_service_manager(STOPPING)


def test_a_server_says_when_it_serves_and_when_it_stops(tmp_path: Path) -> None:
    """Ready means that the board is there: who restarts servers one by one may go on then."""
    address = str(tmp_path / "notify")
    with (
        listening(address) as manager,
        Running(
            "serve",
            "--port",
            "0",
            "--store",
            "memory",
            "--json",
            cwd=tmp_path,
            environ={"NOTIFY_SOCKET": address},
        ) as server,
    ):
        assert manager.recv(100) == b"READY=1"
        assert server.board()["totalUsers"] == 0
        server.process.terminate()
        assert manager.recv(100) == b"STOPPING=1"
        assert server.ended(within=10) == 0
