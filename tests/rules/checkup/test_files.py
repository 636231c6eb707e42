"""The data directory and secrets."""

from __future__ import annotations

import pytest

from scoreboard_server.rules.checkup.files import (
    Folder,
    SecretFile,
    data_directory,
    file_modes,
    signing_secret,
)
from scoreboard_server.rules.checkup.finding import State


def test_a_data_directory_that_is_well() -> None:
    """Who uses it is told; one that isn't there yet is fine."""
    assert data_directory(Folder("d", exists=False)).state is State.OK
    used = data_directory(Folder("d", exists=True, process="a scoreboard server (pid 7)"))
    assert (used.state, used.found) == (State.OK, "d, in use by a scoreboard server (pid 7)")


def test_a_data_directory_that_can_t_be_used() -> None:
    """With the option that names another one."""
    found = data_directory(Folder("d", exists=True, why_not="is no directory"))
    assert (found.state, found.found) == (State.WRONG, "d: is no directory")
    assert "--data-dir" in (found.remedy or "")


def test_a_data_directory_of_somebody_else() -> None:
    """Commands should run as its owner."""
    found = data_directory(Folder("d", exists=True, owner="ann"))
    assert (found.state, "sudo -u ann" in (found.remedy or "")) == (State.WRONG, True)


@pytest.mark.parametrize(
    ("mode", "state"), [(0o700, State.OK), (0o755, State.HINT), (0o770, State.WRONG), (0o777, State.WRONG)]
)
def test_a_data_directory_that_is_open(mode: int, state: State) -> None:
    """To look into is a hint, to write to is wrong; the command is the same."""
    found = data_directory(Folder("my d", exists=True, mode=mode))
    assert found.state is state
    assert found.remedy == (None if state is State.OK else "chmod 700 'my d'")


def test_a_short_secret_is_wrong() -> None:
    """31 bytes are refused by the server; its remedy names the place and makes a good one."""
    found = signing_secret(b"0123456789abcdefghijklmnopqrstu", "jwt.secret")
    assert (found.state, found.found) == (State.WRONG, "31 bytes, fewer than 32: refused")
    assert "jwt.secret (openssl rand -base64 48)" in (found.remedy or "")
    assert signing_secret(b"0123456789abcdefghijklmnopqrstuv", "jwt.secret").state is State.OK


def test_a_long_secret_of_few_characters_is_wrong() -> None:
    """A server takes it, and anybody may guess it."""
    assert signing_secret(b"abc" * 20, "x").state is State.WRONG
    assert signing_secret(b"0123456789abcdef" * 4, "x").state is State.OK


def test_no_finding_shows_the_secret() -> None:
    """Neither a good nor a bad one."""
    for secret in (b"hunter2", b"hunter2 and many more characters of it"):
        found = signing_secret(secret, "x")
        assert "hunter2" not in f"{found.found} {found.remedy}"


def test_a_secret_still_to_be_made_is_fine() -> None:
    """The first start makes a random one."""
    assert signing_secret(None, "jwt.secret").state is State.OK


def test_files_that_others_can_read() -> None:
    """One command for all of them; a file for its group only is a hint."""
    found = file_modes([SecretFile("a", 0o600), SecretFile("b b", 0o644), SecretFile("c", 0o640)])
    assert found.state is State.WRONG
    assert found.found == "b b (0644) is open to everybody here; c (0640) is open to its group"
    assert found.remedy == "chmod 600 'b b' c"
    assert file_modes([SecretFile("c", 0o640)]).state is State.HINT


def test_files_that_only_their_owner_can_read() -> None:
    """They are counted; no file at all is nothing to check."""
    assert file_modes([SecretFile("a", 0o600), SecretFile("b", 0o400)]).found.startswith("2 secret files")
    assert file_modes([]).state is State.SKIPPED


def test_what_an_orchestrator_mounts_is_left_alone() -> None:
    """Containers get secrets readable for all, and nobody there could change that."""
    assert file_modes([SecretFile("/run/secrets/jwt", 0o444)]).state is State.OK
