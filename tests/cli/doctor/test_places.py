"""The data directory and secret files, as they are on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scoreboard_cli.doctor import places
from scoreboard_server.rules.checkup.finding import State
from scoreboard_server.settings import Settings, load_settings
from scoreboard_server.signing_secret import signing_secret

SECRET = "a secret for tests, of more than 32 bytes"
SETTINGS = f"""
[auth]
secret = "{SECRET}"
"""


def settings(folder: Path, config: Path | None = None, **flags: object) -> Settings:
    """With the data directory in that folder."""
    given = {"store.data_dir": str(folder / "data"), **{k.replace("__", "."): v for k, v in flags.items()}}
    return load_settings(given, environ={}, config=config)


def test_looking_makes_nothing(tmp_path: Path) -> None:
    """Neither the directory nor a secret in it."""
    fresh = settings(tmp_path)
    assert places.data_directory(fresh.store.data_dir).state is State.OK
    assert places.signing_secret(fresh).state is State.OK
    assert places.file_modes(fresh).state is State.SKIPPED
    assert places.disk(fresh.store.data_dir).state in (State.OK, State.HINT, State.WRONG)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    """A file of that name, or one where its parent should be."""
    (tmp_path / "data").write_text("")
    for path in (tmp_path / "data", tmp_path / "data" / "deeper"):
        assert places.data_directory(path).state is State.WRONG
        assert not places.is_ours(path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_somebody_else(tmp_path: Path) -> None:
    """Root may write everywhere, and had better not."""
    (tmp_path / "data").mkdir(mode=0o700)
    os.chown(tmp_path / "data", 12_345, -1)
    found = places.data_directory(tmp_path / "data")
    assert (found.state, "uid 12345" in found.found) == (State.WRONG, True)
    assert not places.is_ours(tmp_path / "data")


def test_a_directory_that_can_t_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says whose it is."""
    (tmp_path / "data").mkdir(mode=0o500)
    if os.getuid() == 0:  # who may write everywhere
        monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert "can't be written to" in places.data_directory(tmp_path / "data").found


def test_a_made_secret_that_was_opened_up(tmp_path: Path) -> None:
    """The server makes it 0600; somebody has changed that."""
    made = settings(tmp_path)
    signing_secret(made)
    assert places.file_modes(made).state is State.OK
    secret = made.store.data_dir / "jwt.secret"
    secret.chmod(0o644)
    found = places.file_modes(made)
    assert (found.state, found.remedy) == (State.WRONG, f"chmod 600 {secret}")
    assert secret.stat().st_mode & 0o777 == 0o644  # told, not changed


def test_a_short_secret_in_a_file(tmp_path: Path) -> None:
    """Which a server would refuse."""
    (tmp_path / "short").write_text("short\n")
    found = places.signing_secret(settings(tmp_path, auth__secret_file=str(tmp_path / "short")))
    assert (found.state, found.found) == (State.WRONG, "5 bytes, fewer than 32: refused")
    missing = places.signing_secret(settings(tmp_path, auth__secret_file=str(tmp_path / "missing")))
    assert (missing.state, "can't be read" in missing.found) == (State.WRONG, True)


def test_a_mongodb_without_a_secret(tmp_path: Path) -> None:
    """One's own store brings none; the remedy names the variable."""
    found = places.signing_secret(settings(tmp_path, store__uri="mongodb://127.0.0.1/"))
    assert (found.state, "SCOREBOARD_JWT_SECRET_FILE" in (found.remedy or "")) == (State.WRONG, True)


def test_a_settings_file_with_a_secret_is_secret(tmp_path: Path) -> None:
    """Held by the same rule; one without is nobody's concern."""
    config = tmp_path / "s.toml"
    config.write_text(SETTINGS)
    config.chmod(0o644)
    assert places.file_modes(settings(tmp_path, config)).remedy == f"chmod 600 {config}"
    config.write_text('[server]\nhost = "::1"\n')
    assert places.file_modes(settings(tmp_path, config)).state is State.SKIPPED
