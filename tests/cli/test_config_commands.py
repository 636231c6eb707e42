"""`scoreboard config show`: what the server would run with, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .invoking import in_terminal, run

FILE = """
[server]
host = "127.0.0.3"
port = 3333
[store]
uri = "memory"
data_dir = "from-file"
[live]
top = 5
"""


def _origins(
    cwd: Path, *arguments: str, environ: dict[str, str] | None = None
) -> dict[str, dict[str, object]]:
    ended = run("config", "show", "--origin", "--json", *arguments, cwd=cwd, environ=environ)
    assert ended.returncode == 0, ended.stderr
    shown: dict[str, dict[str, object]] = json.loads(ended.stdout)
    return shown


def test_flag_over_environment_over_file_over_default(tmp_path: Path) -> None:
    """Of the four places that can name a value the nearest wins, and the origin says which it was."""
    (tmp_path / "s.toml").write_text(FILE)
    environ = {"SCOREBOARD_STORE": "mongodb://127.0.0.1:9/", "SCOREBOARD_SERVER_PORT": "2222"}
    shown = _origins(tmp_path, "--config", "s.toml", "--store", "embedded", environ=environ)
    assert shown["store.uri"] == {"value": "embedded", "origin": "--store"}
    assert shown["server.port"] == {"value": 2222, "origin": "SCOREBOARD_SERVER_PORT"}
    assert shown["store.data_dir"] == {"value": "from-file", "origin": "s.toml"}
    assert shown["live.interval_ms"] == {"value": 100, "origin": "default"}
    shown = _origins(tmp_path, "--data-dir", "d", environ={**environ, "SCOREBOARD_CONFIG": "s.toml"})
    assert shown["store.uri"] == {"value": "mongodb://127.0.0.1:9/", "origin": "SCOREBOARD_STORE"}
    assert shown["store.data_dir"] == {"value": "d", "origin": "--data-dir"}
    assert shown["live.top"] == {"value": 5, "origin": "s.toml"}


def test_the_table_shows_the_same(tmp_path: Path) -> None:
    """The table has every key of the JSON with its value, and origins only when asked for."""
    plain = json.loads(run("config", "show", "--json", cwd=tmp_path).stdout)
    rows = [line.split() for line in run("config", "show", cwd=tmp_path).stdout.splitlines()[3:]]
    assert [row[0] for row in rows] == list(plain)
    assert rows[0] == ["server.host", "127.0.0.1"]
    origins = [
        line.split() for line in run("config", "show", "--origin", cwd=tmp_path).stdout.splitlines()[3:]
    ]
    assert origins[0] == ["server.host", "127.0.0.1", "default"]


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    """A misspelt key in a file is a usage error that names the file and the key that was meant."""
    (tmp_path / "s.toml").write_text("[live]\ninterval = 5\n")
    ended = run("config", "show", "--config", "s.toml", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "live.interval_ms" in ended.stderr
    assert "s.toml" in ended.stderr
    ended = run("config", "show", cwd=tmp_path, environ={"SCOREBOARD_LIVE_TOPP": "5"})
    assert ended.returncode == 2
    assert "SCOREBOARD_LIVE_TOP" in ended.stderr.replace("SCOREBOARD_LIVE_TOPP", "")


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    """The password of a store's URI is left out of table and JSON."""
    uri = "mongodb://ann:hunter2@db.test/?replicaSet=rs0"
    for more in ([], ["--json"]):
        shown = run("config", "show", "--store", uri, *more, cwd=tmp_path).stdout
        assert "mongodb://ann:***@db.test/?replicaSet=rs0" in shown
        assert "hunter2" not in shown


def test_where_keys_come_from_is_shown(tmp_path: Path) -> None:
    """File and address of keys, the latter without what looks like a secret in it."""
    environ = {"SCOREBOARD_AUTH_ALGORITHMS": "HS256,EdDSA", "SCOREBOARD_AUTH_JWKS_FILE": "keys.json"}
    shown = _origins(tmp_path, environ=environ)
    assert shown["auth.jwks_file"] == {"value": "keys.json", "origin": "SCOREBOARD_AUTH_JWKS_FILE"}
    assert shown["auth.algorithms"]["value"] == ["HS256", "EdDSA"]
    del environ["SCOREBOARD_AUTH_JWKS_FILE"]
    environ["SCOREBOARD_AUTH_JWKS_URL"] = "https://keys.test/jwks?token=hunter2"
    shown = _origins(tmp_path, environ=environ)
    assert shown["auth.jwks_url"]["value"] == "https://keys.test/jwks?token=***"
    assert shown["auth.jwks_file"] == {"value": None, "origin": "default"}


def test_a_long_origin_folds_in_a_terminal(tmp_path: Path) -> None:
    """Eighty columns hold every setting with its origin, however long a path is."""
    deep = tmp_path / ("d" * 60)
    deep.mkdir()
    (deep / "s.toml").write_text("[live]\ntop = 5\n")
    shown = in_terminal("config", "show", "--origin", "--config", deep / "s.toml", cwd=tmp_path)
    assert max(len(line) for line in shown.splitlines() if "\x1b" not in line) <= 80
    assert shown.count("d") >= 60


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["table", "json"])
def test_it_touches_nothing(tmp_path: Path, more: list[str]) -> None:
    """Showing the settings makes no data directory and no secret; a path of odd bytes is no failure."""
    ended = run("config", "show", *more, "--data-dir", "\udcff", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
