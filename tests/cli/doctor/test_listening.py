"""Ports that are free, ours, or somebody else's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from scoreboard_cli.doctor.listening import Listening
from scoreboard_server.rules.checkup.finding import State
from scoreboard_server.settings import Settings, load_settings

from ...mongod import free_port


def settings(folder: Path, port: int, host: str = "127.0.0.1", uri: str = "embedded") -> Settings:
    """To listen there."""
    flags = {"store.data_dir": str(folder), "server.port": port, "server.host": host, "store.uri": uri}
    return load_settings(flags, environ={})


@pytest.fixture
def mute() -> Iterator[int]:
    """A port on which somebody listens who never says anything; connections to it are closed."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def hang_up() -> None:
            while True:
                try:
                    listening.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


class _Probes(BaseHTTPRequestHandler):
    ready = 200

    def do_GET(self) -> None:
        status, body = (200, b'{"status":"alive"}') if self.path == "/livez" else (self.ready, b"{}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name it has there
        """Nobody reads it."""


@pytest.fixture
def board() -> Iterator[HTTPServer]:
    """What answers probes as a score board does."""
    with HTTPServer(("127.0.0.1", 0), _Probes) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield http
        http.shutdown()
        thread.join()


def test_a_free_port(tmp_path: Path) -> None:
    """And no server: nothing to do."""
    listening = Listening(settings(tmp_path, free_port()))
    assert listening.port().state is State.OK
    assert (listening.server_runs, listening.server().state) == (False, State.SKIPPED)


def test_a_port_that_another_program_has(tmp_path: Path, mute: int) -> None:
    """Whatever it says when it is asked."""
    found = Listening(settings(tmp_path, mute)).port()
    assert (found.state, "another program" in found.found) == (State.WRONG, True)


def test_a_port_of_another_board(tmp_path: Path, board: HTTPServer) -> None:
    """Beside an embedded store it is a stranger; on a shared store it is a server of these settings."""
    port = board.server_address[1]
    stranger = Listening(settings(tmp_path, port))
    assert (stranger.port().state, stranger.server_runs) == (State.WRONG, False)
    assert "another score board" in stranger.port().found
    shared = Listening(settings(tmp_path, port, uri="mongodb://127.0.0.1/"))
    assert (shared.port().state, shared.server().state) == (State.OK, State.OK)
    assert shared.server_runs


def test_a_server_that_is_not_ready(
    tmp_path: Path, board: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its probe says so."""
    monkeypatch.setattr(_Probes, "ready", 503)
    found = Listening(settings(tmp_path, board.server_address[1], uri="mongodb://127.0.0.1/")).server()
    assert (found.state, "is not ready" in found.found) == (State.WRONG, True)


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid", "x" * 70])
def test_an_address_that_is_not_here(tmp_path: Path, host: str) -> None:
    """Nobody has the port; the address is the fault."""
    found = Listening(settings(tmp_path, free_port(), host)).port()
    assert (found.state, "taken" in found.found) == (State.WRONG, False)


def test_localhost_needs_one_of_its_addresses(tmp_path: Path, mute: int) -> None:
    """Where there is no IPv6 its name may still lead there; a port that is taken stays taken."""
    assert Listening(settings(tmp_path, free_port(), "localhost")).port().state is State.OK
    assert "taken" in Listening(settings(tmp_path, mute, "localhost")).port().found
