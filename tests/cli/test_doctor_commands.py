"""`scoreboard doctor`: with a server and without, on a store that is well, damaged, or away."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from scoreboard_server.store.data_dir import running_uri

from ..mongod import Mongod, free_port
from .conftest import Board
from .invoking import Running, in_process, mongod_runs, run
from .test_verify_commands import damage, server, wait_until_folded

__all__ = ["server"]  # a fixture

SECRET = "a secret for tests, of more than 32 bytes"
STORE = [
    "version",
    "topology",
    "write concern",
    "clock",
    "oplog",
    "documents",
    "indexes",
    "pending",
    "ledger",
]
MACHINE = [
    "python",
    "packages",
    "settings",
    "network",
    "actions",
    "secret",
    "file modes",
    "open files",
    "server",
    "port",
    "data dir",
    "disk",
    "mongod",
]


def examine(cwd: Path, *arguments: str | Path, code: int) -> dict[str, dict[str, Any]]:
    """The findings by name; the exit code is as expected. Any port will do where no file names one."""
    environ = {} if "--config" in arguments else {"SCOREBOARD_SERVER_PORT": "0"}
    ended = run("doctor", "--json", *arguments, cwd=cwd, environ=environ)
    assert ended.returncode == code, ended.stdout + ended.stderr
    told = json.loads(ended.stdout)
    findings = {each["name"]: each for each in told["findings"]}
    states = [each["state"] for each in told["findings"]]
    for state in ("ok", "hint", "wrong", "skipped"):
        assert told["summary"][state] == states.count(state)
    assert len(findings) == len(states)
    assert (code == 1) == ("wrong" in states) or code == 4
    return findings


def states(findings: dict[str, dict[str, Any]], state: str) -> list[str]:
    """The names of those in that state."""
    return [name for name, each in findings.items() if each["state"] == state]


def test_in_an_empty_folder_nothing_is_wrong_and_nothing_is_made(tmp_path: Path) -> None:
    """Before the first start: the machine is checked, and there is no store to ask."""
    port = str(free_port())
    ended = run("doctor", cwd=tmp_path, environ={"SCOREBOARD_SERVER_PORT": port})
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert "none yet; the first `scoreboard serve` makes it" in ended.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.database
def test_beside_a_server_all_is_well(board: Board) -> None:
    """Each check is made, in one order; the schema is what scripts rely on."""
    findings = examine(board.folder, code=0)
    assert list(findings) == [*MACHINE, "store", *STORE]
    assert set(states(findings, "ok")) == set(findings) - set(states(findings, "hint"))
    assert all(set(each) == {"name", "state", "found", "remedy"} for each in findings.values())
    assert all(each["remedy"] is None for each in findings.values() if each["state"] == "ok")
    assert findings["server"]["found"] == f"{board.server.url} is ready"
    assert str(board.server.process.pid) in findings["data dir"]["found"]
    entries = sum(board.scores.values()) // 10
    expected = f"{entries} entries of {len(board.scores)} users: standings agree"
    assert findings["ledger"]["found"] == expected


@pytest.mark.database
def test_quick_leaves_the_ledger_out(board: Board) -> None:
    """And nothing else."""
    findings = examine(board.folder, "--quick", code=0)
    assert states(findings, "skipped") == ["ledger"]


@pytest.mark.database
@pytest.mark.parametrize("columns", ["80", "60"])
def test_it_fits_the_terminal(board: Board, columns: str) -> None:
    """A word for each state, so that nothing depends on colour; long values fold."""
    ended = run("doctor", cwd=board.folder, environ={"COLUMNS": columns, "NO_COLOR": "1"})
    assert ended.returncode == 0
    assert max(map(len, ended.stdout.splitlines())) <= int(columns)
    assert "\x1b" not in ended.stdout
    assert f"{len(MACHINE) + len(STORE) + 1} checks: " in ended.stdout


@pytest.mark.database
def test_what_is_wrong_is_told_with_its_remedy(server: Running, tmp_path: Path) -> None:
    """An opened secret, a missing index, a standing changed by hand: each is found, and left as it is."""
    wait_until_folded(tmp_path)
    damage(tmp_path, "ben")
    secret = tmp_path / ".scoreboard" / "jwt.secret"
    secret.chmod(0o644)
    findings = examine(tmp_path, code=1)
    assert states(findings, "wrong") == ["file modes", "ledger"]
    assert findings["file modes"]["remedy"] == "chmod 600 .scoreboard/jwt.secret"
    assert "differ from their entries: 1" in findings["ledger"]["found"]
    with MongoClient[dict[str, object]](running_uri(tmp_path / ".scoreboard")) as client:
        audit = client["scoreboard"]["audit"]
        audit.drop_index("newest")
        findings = examine(tmp_path, "--quick", code=1)
        assert findings["indexes"]["found"] == "missing: audit.newest"
        assert "newest" not in audit.index_information()
    assert secret.stat().st_mode & 0o777 == 0o644
    # What the remedies say does help.
    secret.chmod(0o600)
    assert run("verify", "--repair", cwd=tmp_path).returncode == 0
    assert states(examine(tmp_path, code=0), "wrong") == []


@pytest.mark.database
def test_what_is_wrong_is_marked_without_colour(server: Running, tmp_path: Path) -> None:
    """The remedies are below the table, by name."""
    (tmp_path / ".scoreboard" / "jwt.secret").chmod(0o644)
    ended = run("doctor", "--quick", cwd=tmp_path, environ={"COLUMNS": "80"})
    assert ended.returncode == 1
    assert "WRONG" in ended.stdout
    assert "  file modes: chmod 600 .scoreboard/jwt.secret" in ended.stdout.splitlines()


@pytest.mark.database
def test_entries_left_behind(server: Running, tmp_path: Path) -> None:
    """After a server was stopped they are a hint; nothing is lost."""
    wait_until_folded(tmp_path)
    with MongoClient[dict[str, object]](running_uri(tmp_path / ".scoreboard")) as client:
        server.signal(signal.SIGSTOP)
        old = time.time_ns() // 1000 - 120_000_000
        entry = {"user": "dan", "action": "a", "type": "task.completed", "points": 10, "at": old}
        client["scoreboard"]["entries"].insert_one(entry | {"writer": "w", "pending": True})
        findings = examine(tmp_path, code=1)
        assert "older than a minute: 1" in findings["pending"]["found"]
        assert findings["server"]["found"].endswith("doesn't answer")
        assert set(states(findings, "wrong")) == {"server", "pending"}
        server.signal(signal.SIGCONT)


@pytest.mark.database
def test_without_a_server_the_store_is_started_for_it(server: Running, tmp_path: Path) -> None:
    """And ended with it."""
    server.process.terminate()
    assert server.ended() == 0
    findings = examine(tmp_path, code=0)
    assert findings["server"]["state"] == "skipped"
    assert findings["ledger"]["found"] == "6 entries of 3 users: standings agree"
    assert "nobody" in findings["data dir"]["found"]
    assert not mongod_runs(tmp_path / ".scoreboard")


@pytest.mark.database
def test_a_taken_port_is_wrong_only_without_a_server(server: Running, tmp_path: Path) -> None:
    """A server that has found another one doesn't need it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = tmp_path / "s.toml"
        config.write_text(f"[server]\nport = {port}\n")
        assert examine(tmp_path, "--config", config, code=0)["port"]["state"] == "ok"
        server.process.terminate()
        assert server.ended() == 0
        found = examine(tmp_path, "--config", config, code=1)["port"]
        assert f"{port} on 127.0.0.1 is taken by another program" in found["found"]
        assert f"'sport = :{port}'" in found["remedy"]


def test_a_store_that_is_away_is_4_and_all_else_is_checked(tmp_path: Path) -> None:
    """No password is shown, and of the store nothing is known."""
    uri = f"mongodb://ann:hunter2@127.0.0.1:{free_port()}/"
    (tmp_path / "jwt").write_text(SECRET)
    (tmp_path / "jwt").chmod(0o644)
    config = tmp_path / "s.toml"
    config.write_text(f'[auth]\nsecret_file = "{tmp_path}/jwt"\n[server]\nport = 0\n')
    findings = examine(tmp_path, "--store", uri, "--config", config, code=4)
    assert set(findings) == {*MACHINE, "store", *STORE}
    assert states(findings, "wrong") == ["file modes", "store"]
    assert set(STORE) < set(states(findings, "skipped"))
    assert "hunter2" not in json.dumps(findings)
    ended = run("doctor", "--store", uri, "--config", config, cwd=tmp_path, environ={"COLUMNS": "80"})
    assert (ended.returncode, max(map(len, ended.stdout.splitlines())) <= 80) == (4, True)


def test_the_memory_store_is_4(tmp_path: Path) -> None:
    """It says why, and what else to use."""
    findings = examine(tmp_path, "--store", "memory", code=4)
    assert "lives inside its server" in findings["store"]["found"]
    assert "--store embedded" in findings["store"]["remedy"]


@pytest.mark.database
def test_a_standalone_mongodb_is_1(tmp_path: Path) -> None:
    """It answers, so its version and clock are told; the remedy makes a replica set of it."""
    mongod = Mongod(tmp_path / "db", replica_set=None)
    mongod.start()
    try:
        environ = {"SCOREBOARD_JWT_SECRET": SECRET, "SCOREBOARD_SERVER_PORT": "0"}
        ended = run("doctor", "--json", "--store", mongod.uri, cwd=tmp_path, environ=environ)
    finally:
        mongod.stop()
    findings = {each["name"]: each for each in json.loads(ended.stdout)["findings"]}
    assert ended.returncode == 1
    assert states(findings, "wrong") == ["topology"]
    assert "rs.initiate()" in findings["topology"]["remedy"]
    assert findings["clock"]["state"] == "ok"


@pytest.mark.parametrize(
    ("text", "words"),
    [("bogus = 1", "Unknown table or key"), ("[server", "not valid TOML"), (None, "can't be read")],
)
def test_settings_that_are_refused_are_a_finding(tmp_path: Path, text: str | None, words: str) -> None:
    """What doesn't need them is checked all the same."""
    config = tmp_path / "s.toml"
    if text is not None:
        config.write_text(text)
    ended = in_process("doctor", "--json", "--config", str(config))
    told = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert [each["name"] for each in told["findings"]] == ["python", "packages", "settings"]
    assert words in told["findings"][2]["found"]
    assert told["summary"] == {"ok": 2, "hint": 0, "wrong": 1, "skipped": 0, "storeReached": None}


def test_a_data_directory_that_is_none_is_1(tmp_path: Path) -> None:
    """Nothing is started there."""
    (tmp_path / "file").write_text("")
    findings = examine(tmp_path, "--data-dir", "file", code=1)
    assert "data dir" in states(findings, "wrong")
    assert "because of the data directory" in findings["store"]["found"]
