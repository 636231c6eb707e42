"""`scoreboard serve`: starting, telling where, stopping, and coming back with the same board."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..conftest import need_mongod
from ..mongod import Mongod
from .conftest import Board
from .invoking import Running, environment, mongod_runs, run, until

MEMORY = ["--port", "0", "--store", "memory"]


def _token(folder: Path, user: str = "ann") -> str:
    return run("token", "issue", user, cwd=folder).stdout.strip()


@contextmanager
def _acting(server: Running, token: str) -> Iterator[list[str]]:
    """Somebody acts without a pause until the server is gone; yields the actions that were acknowledged."""
    acknowledged: list[str] = []

    def act() -> None:
        for number in range(10_000):
            try:
                status, _ = server.act(token, f"busy{number}")
            except OSError:
                return
            if status == 200:
                acknowledged.append(f"busy{number}")

    thread = threading.Thread(target=act)
    thread.start()
    try:
        until(lambda: len(acknowledged) >= 5)
        yield acknowledged
    finally:
        thread.join(30)


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server without a MongoDB."""
    with Running("serve", *MEMORY, "--json", cwd=tmp_path_factory.mktemp("memory")) as server:
        server.ready()
        yield server


def test_json_is_one_ready_line(memory: Running) -> None:
    """`serve --json` prints one line with event, url and port, at which the board answers."""
    assert memory.board()["totalUsers"] == 0
    ready = memory.ready()
    assert ready == {"event": "ready", "url": f"http://127.0.0.1:{ready['port']}", "port": ready["port"]}
    assert len(memory.lines) == 1


def test_it_tells_where_it_is_live_and_sigint_ends_it(tmp_path: Path) -> None:
    """Without --json the address is in words on stderr, the memory store is warned of; Ctrl-C drains: 0."""
    with Running("serve", *MEMORY, cwd=tmp_path) as server:
        until(lambda: "The board is live at http://127.0.0.1:" in server.words)
        assert "every score is gone when this server stops" in server.words
        server.interrupt_group()
        assert server.ended(within=10) == 0
        assert server.lines == []


def test_a_port_in_use_is_1(memory: Running, tmp_path: Path) -> None:
    """A port that another program has is refused with 1, by number and with the option that helps."""
    port = memory.ready()["port"]
    ended = run("serve", "--store", "memory", "--port", str(port), cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"Error: Port {port} on 127.0.0.1 is in use. Name another one with --port.\n" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--port", "99999"], 2), (["--port", "x"], 2), (["--host", "no such"], 2), (["--host", "x..y"], 1)],
)
def test_a_bad_address_is_told(tmp_path: Path, arguments: list[str], code: int) -> None:
    """A port or host that can't be one is a usage error, a host that can't be found a refusal."""
    ended = run("serve", "--store", "memory", *arguments, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert re.search(r"Error: .*(port|host|Can't listen on x\.\.y)", ended.stderr)


@pytest.mark.database
def test_a_data_directory_in_use_is_1(board: Board, tmp_path: Path) -> None:
    """A second server on a data directory is refused with 1, and the first one doesn't notice."""
    data_dir = board.folder / ".scoreboard"
    ended = run("serve", "--port", "0", "--data-dir", data_dir, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"is in use by another scoreboard server (pid {board.server.process.pid})" in ended.stderr
    assert board.server.board()["totalUsers"] == len(board.scores)


@pytest.mark.database
def test_sigterm_drains_and_a_restart_has_it_all(tmp_path: Path) -> None:
    """SIGTERM ends a busy server with 0 within 10 s; the next one has exactly what was acknowledged."""
    need_mongod()
    data_dir = tmp_path / ".scoreboard"
    with Running("serve", "--port", "0", "--json", cwd=tmp_path) as server:
        server.ready()
        token = _token(tmp_path)
        assert server.act(_token(tmp_path, "bob"), "b1")[0] == 200
        with _acting(server, token) as acknowledged:
            server.signal(signal.SIGTERM)
            assert server.ended(within=10) == 0
    assert not mongod_runs(data_dir)
    assert not (data_dir / "mongod.json").exists()
    with Running("serve", "--port", "0", "--json", cwd=tmp_path) as server:
        scores = {row["userId"]: row["score"] for row in server.board()["leaderboard"]}
        assert scores == {"ann": 10 * len(acknowledged), "bob": 10}


@pytest.mark.database
def test_kill_9_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    """After kill -9 no mongod is left; the next start has every acknowledged action, none twice."""
    need_mongod()
    data_dir = tmp_path / ".scoreboard"
    with Running("serve", "--port", "0", "--json", cwd=tmp_path) as server:
        server.ready()
        token = _token(tmp_path)
        with _acting(server, token) as acknowledged:
            server.signal(signal.SIGKILL)
            server.process.wait(10)
    if sys.platform == "linux":  # elsewhere the next start ends the one that was left
        until(lambda: not mongod_runs(data_dir), 3)
    with Running("serve", "--port", "0", "--json", cwd=tmp_path) as server:
        score = server.board()["leaderboard"][0]["score"]
        assert score // 10 - len(acknowledged) in (0, 1)  # 1: written, but killed before it could answer
        for action in acknowledged[-3:]:
            assert server.act(token, action)[1]["newScore"] == score


@pytest.mark.database
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a mongod with its parent")
def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """When draining hangs because MongoDB does, a second SIGTERM ends the server now, and MongoDB with it."""
    need_mongod()
    data_dir = tmp_path / ".scoreboard"
    with Running("serve", "--port", "0", "--json", cwd=tmp_path) as server:
        server.ready()
        mongod = json.loads((data_dir / "mongod.json").read_text())["pid"]
        os.kill(mongod, signal.SIGSTOP)
        server.signal(signal.SIGTERM)
        until(lambda: "stopping" in server.words)
        time.sleep(0.2)
        assert server.process.poll() is None
        server.signal(signal.SIGTERM)
        assert server.ended(within=1) == 1
        until(lambda: not mongod_runs(data_dir), 3)


@pytest.mark.database
def test_a_mongodb_that_hangs_holds_no_stop_up(tmp_path: Path) -> None:
    """SIGTERM ends the server within 10 s even when its MongoDB has stopped answering."""
    need_mongod()
    data_dir = tmp_path / ".scoreboard"
    with Running("serve", "--port", "0", "--json", cwd=tmp_path) as server:
        assert server.act(_token(tmp_path), "a1")[0] == 200
        os.kill(json.loads((data_dir / "mongod.json").read_text())["pid"], signal.SIGSTOP)
        server.signal(signal.SIGTERM)
        assert server.ended(within=10) == 0
        until(lambda: not mongod_runs(data_dir), 3)


@pytest.mark.database
def test_a_foreign_mongodb_that_hangs_holds_no_stop_up_either(tmp_path: Path) -> None:
    """SIGTERM ends the server within 10 s, and who waits for an answer gets the truth, not a cut line."""
    environ = {"SCOREBOARD_JWT_SECRET": "a secret of tests with over 32 bytes"}
    token = run("token", "issue", "ann", cwd=tmp_path, environ=environ).stdout.strip()
    mongod = Mongod(tmp_path / "mongod")
    mongod.start()
    try:
        mongod.initiate()
        arguments = ["serve", "--port", "0", "--json", "--store", mongod.uri]
        with Running(*arguments, cwd=tmp_path, environ=environ) as server, ThreadPoolExecutor(5) as pool:
            assert server.act(token, "before")[0] == 200
            mongod.pause()
            waiting = [pool.submit(server.act, token, f"a{i}") for i in range(5)]
            time.sleep(0.5)
            server.signal(signal.SIGTERM)
            assert server.ended(within=10) == 0
            for status, answer in (each.result() for each in waiting):
                assert (status, answer["code"]) == (503, "store_unavailable")
    finally:
        mongod.stop()


def test_a_stop_while_it_waits_for_a_store(tmp_path: Path) -> None:
    """A server that waits for a MongoDB which isn't there says so, and SIGTERM ends it within 10 s."""
    environ = {"SCOREBOARD_JWT_SECRET": "a secret of tests with over 32 bytes"}
    arguments = ["serve", "--port", "0", "--store", "mongodb://127.0.0.1:9/"]
    with Running(*arguments, cwd=tmp_path, environ=environ) as server:
        until(lambda: "waiting for the store" in server.words)
        server.signal(signal.SIGTERM)
        assert server.ended(within=10) == 0


def _module(folder: Path, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scoreboard_server"],
        cwd=folder,
        env=environment(**environ),
        stderr=subprocess.PIPE,
        text=True,
    )


def test_python_m_scoreboard_server_serves(tmp_path: Path) -> None:
    """`python -m scoreboard_server` serves with settings from the environment until SIGTERM."""
    environ = {"SCOREBOARD_STORE": "memory", "SCOREBOARD_SERVER_PORT": "0"}
    with _module(tmp_path, **environ) as process:
        assert process.stderr is not None
        port = None
        for line in process.stderr:
            if match := re.fullmatch(r"http://127\.0\.0\.1:(\d+)", json.loads(line).get("url", "")):
                port = int(match[1])
                break
        assert port is not None
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
            assert b" 200 " in connection.recv(100)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        assert process.returncode == 0


@pytest.mark.parametrize(
    "environ",
    [{"SCOREBOARD_SERVER_PORT": "x"}, {"SCOREBOARD_JWT_SECRET": "short"}, {"SCOREBOARD_BOGUS": "1"}],
)
def test_python_m_scoreboard_server_names_a_bad_setting(tmp_path: Path, environ: dict[str, str]) -> None:
    """A bad setting ends `python -m scoreboard_server` with 1 and one line."""
    with _module(tmp_path, SCOREBOARD_STORE="memory", **environ) as process:
        _, words = process.communicate(timeout=10)
    assert process.returncode == 1
    assert words.startswith("Error: ")
    assert len(words.splitlines()) == 1
