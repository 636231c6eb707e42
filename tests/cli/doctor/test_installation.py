"""What is installed, asked for real."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from scoreboard_cli.doctor import installation
from scoreboard_server.rules.checkup.finding import State

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]


def test_this_installation_is_well() -> None:
    """Or no test would run here."""
    assert installation.python().state is State.OK
    assert installation.packages().state is State.OK


def test_the_least_python_is_the_project_s() -> None:
    """It is written down twice, as a package that isn't installed says nothing."""
    assert PROJECT["requires-python"] == f">={installation._LEAST_PYTHON}"


def test_every_floor_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the package itself, without those of its extras; each is held against what is there."""
    asked: list[str] = []
    real = metadata.version

    def too_old(name: str) -> str:
        asked.append(name)
        return "0.0.1" if name == "tornado" else real(name)

    told = [*PROJECT["dependencies"], 'ruff>=0.15; extra == "dev"']
    monkeypatch.setattr(metadata, "requires", lambda _: told)
    monkeypatch.setattr(metadata, "version", too_old)
    found = installation.packages()
    assert (found.state, found.found.startswith("tornado 0.0.1 is older than")) == (State.WRONG, True)
    assert asked == [re.split(r"[\[>]", each)[0] for each in PROJECT["dependencies"]]


def test_a_folder_that_was_never_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing says what it needs."""

    def unknown(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", unknown)
    assert installation.packages().state is State.SKIPPED


def _on_path(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    binary = folder / "mongod"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return binary


def test_a_mongod_on_path_is_asked_for_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of any mongod."""
    binary = _on_path(tmp_path, "echo 'db version v8.0.4'; echo 'Build Info: {}'", monkeypatch)
    assert installation.mongod().found == f"8.0.4 at {binary}"


def test_a_mongod_that_does_not_run_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it said."""
    _on_path(tmp_path, "echo 'libcurl.so.4: cannot open shared object file' >&2; exit 127", monkeypatch)
    found = installation.mongod()
    assert (found.state, "libcurl.so.4" in found.found) == (State.WRONG, True)


def test_files_are_limited_or_not() -> None:
    """Some sockets always fit; so many never do, unless there is no limit."""
    assert installation.open_files(1).state is State.OK
    assert installation.open_files(1 << 62).state in (State.HINT, State.OK)
