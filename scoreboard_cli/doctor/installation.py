"""What is installed here: the interpreter, packages, a `mongod`, and what the system allows."""

from __future__ import annotations

import importlib
import platform
import re
import subprocess
from importlib import metadata
from typing import Any

from scoreboard_server.rules.checkup import machine, versions
from scoreboard_server.rules.checkup.finding import Finding

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*>=\s*([0-9.]+)")
_VERSION = re.compile(r"^db version v(\S+)", re.MULTILINE)
_LEAST_PYTHON = "3.11"
_PATIENCE_S = 10.0


def python() -> Finding:
    """The interpreter that runs this."""
    return versions.python(platform.python_version(), _LEAST_PYTHON)


def packages() -> Finding:
    """What the package says that it needs, without its extras, against what is there."""
    try:
        requirements = metadata.requires("scoreboard") or []
    except metadata.PackageNotFoundError:
        requirements = []
    floors = {
        match[1]: match[2]
        for requirement in requirements
        if "extra ==" not in requirement and (match := _REQUIREMENT.match(requirement))
    }
    return versions.packages({name: _version(name) for name in floors}, floors)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def open_files(sockets: int) -> Finding:
    """The limit to which a server raises its own, as it is for who runs this."""
    try:
        resource: Any = importlib.import_module("resource")
    except ImportError:  # there is no such limit on Windows
        return machine.open_files(None, sockets)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return machine.open_files(None if hard == resource.RLIM_INFINITY else hard, sockets)


def mongod() -> Finding:
    """The binary that an embedded store would run, asked for its version."""
    from scoreboard_server.store.embedded import (  # noqa: PLC0415 -- the driver takes 300 ms to import
        EmbeddedError,
        find_mongod,
    )

    try:
        path = str(find_mongod())
    except EmbeddedError:
        return machine.mongod(None)
    try:
        told = subprocess.run(  # noqa: S603 -- the very binary that a server would run
            [path, "--version"], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return machine.mongod(machine.Binary(path, None, str(error)))
    match = _VERSION.search(told.stdout)
    said = told.stderr.strip().partition("\n")[0] or f"exit code {told.returncode}"
    return machine.mongod(machine.Binary(path, match[1] if match else None, said))
