"""The image and the compose file: what can be held against the project without an engine that builds them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from scoreboard_server import app
from scoreboard_server.settings import load_settings

from ..cli.invoking import Running, in_process

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVERS = {name: of for name, of in COMPOSE["services"].items() if name.startswith("scoreboard-")}


def instructions(name: str) -> list[str]:
    """What stands behind each of the Dockerfile's instructions of that name."""
    return re.findall(rf"^(?:HEALTHCHECK .*?)?{name} (.*)$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)


def image_variables() -> dict[str, str]:
    """The settings that the image brings."""
    pairs = (pair.split("=", 1) for pair in shlex.split(" ".join(instructions("ENV"))))
    return {name: value for name, value in pairs if name.startswith("SCOREBOARD_")}


def run_check(command: list[str], port: int) -> int:
    """The exit code of a health check of a server on that port."""
    assert command[0] == "python3"
    arguments = [argument.replace("8080", str(port)) for argument in command[1:]]
    environ = os.environ | {"SCOREBOARD_SERVER_PORT": str(port)}
    return subprocess.run(
        [sys.executable, *arguments], env=environ, stderr=subprocess.DEVNULL, check=False
    ).returncode


# --- the image ------------------------------------------------------------------------------------


def test_all_that_the_image_is_made_of_is_there() -> None:
    """Each source of a COPY, and the list of what the build may see names it."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    seen = [line[1:] for line in ignored if line.startswith("!")]
    copies = [line.split()[:-1] for line in instructions("COPY") if not line.startswith("--from")]
    sources = [source for copied in copies for source in copied]
    assert "*" in ignored
    assert sorted(sources) == sorted(seen)
    assert all((ROOT / source).exists() for source in sources)


def test_all_that_a_wheel_is_made_of_is_copied() -> None:
    """The project's own description names nothing else."""
    told = (ROOT / "pyproject.toml").read_text()
    [copied] = [line for line in instructions("COPY") if "pyproject.toml" in line]
    [readme] = re.findall(r'^readme = "(.*)"', told, re.MULTILINE)
    [licence] = re.findall(r'^license-files = \["(.*)"\]', told, re.MULTILINE)
    assert copied.split()[:-1] == ["pyproject.toml", readme, licence]
    [found] = re.findall(r"^include = \[(.*)\]", told, re.MULTILINE)
    packages = [name for name in instructions("COPY") if not name.startswith(("--from", "pyproject"))]
    for pattern in json.loads(f"[{found}]"):
        assert any(fnmatch(name.split()[0], pattern) for name in packages)


def test_it_runs_as_nobody_with_what_is_there() -> None:
    """A user by number, who is not root; a command and settings that exist; and no secret."""
    assert instructions("USER") == ["10001:10001"]
    [entry], [command] = instructions("ENTRYPOINT"), instructions("CMD")[-1:]
    assert json.loads(entry) == ["scoreboard"]
    assert in_process(*json.loads(command), "--help").returncode == 0
    settings = load_settings({}, environ=image_variables())
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 8080)
    assert instructions("EXPOSE") == ["8080"]
    assert "SECRET" not in " ".join(image_variables())


def test_the_health_checks_tell_a_server_that_lives_from_none(tmp_path: Path) -> None:
    """The image's and compose's own, against a real server, and when it is gone."""
    [image] = [check for check in instructions("CMD") if "/livez" in check]
    checks = [json.loads(image)]
    checks += [server["healthcheck"]["test"][1:] for server in SERVERS.values()]
    with Running("serve", "--port", "0", "--store", "memory", "--json", cwd=tmp_path) as server:
        port = server.ready()["port"]
        assert [run_check(check, port) for check in checks] == [0] * 3
    assert all(run_check(check, port) != 0 for check in checks)


# --- compose --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVERS)
def test_each_server_gets_settings_that_there_are(name: str) -> None:
    """Beside those of the image: the store, the secret and the proxy that stand beside it."""
    server = SERVERS[name]
    settings = load_settings({}, environ=image_variables() | server["environment"])
    assert settings.store.uri == "mongodb://mongo:27017/?replicaSet=rs0"
    assert COMPOSE["services"]["mongo"]["command"][:2] == ["--replSet", "rs0"]
    [secret] = server["secrets"]
    assert settings.auth.secret_file == Path("/run/secrets", secret)
    assert secret in COMPOSE["secrets"]
    proxy = COMPOSE["services"]["nginx"]["networks"]["front"]["ipv4_address"]
    assert settings.server.trusted_proxies == (proxy,)


def test_the_proxy_asks_these_servers() -> None:
    """Its command makes a configuration of the example in which both have their address and port."""
    shell, option, command = COMPOSE["services"]["nginx"]["command"]
    edit = command.split(">")[0].replace("/etc/nginx/example.conf", str(DEPLOY / "nginx.conf"))
    made = subprocess.run([shell, option, edit], capture_output=True, text=True, check=True).stdout
    asked = set(re.findall(r"^\s*server ([0-9.:]+)", made, re.MULTILINE))
    assert asked == {f"{server['networks']['front']['ipv4_address']}:8080" for server in SERVERS.values()}
    assert "./nginx.conf:/etc/nginx/example.conf:ro" in COMPOSE["services"]["nginx"]["volumes"]


def test_everything_that_is_mounted_or_joined_is_told_of() -> None:
    """Networks, volumes and the build's own file."""
    for service in COMPOSE["services"].values():
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        if "build" in service:
            build = service["build"]
            assert ((DEPLOY / build["context"]).resolve(), build["dockerfile"]) == (ROOT, "deploy/Dockerfile")
    assert [v.split(":")[0] for v in COMPOSE["services"]["mongo"]["volumes"]] == list(COMPOSE["volumes"])


def test_servers_are_shut_in_and_get_time_to_drain() -> None:
    """Nothing to write to, no capability, and longer than a server takes to stop."""
    for server in SERVERS.values():
        assert (server["read_only"], server["cap_drop"]) == (True, ["ALL"])
        assert float(server["stop_grace_period"].removesuffix("s")) > app._STOP_PATIENCE_S
        assert "ports" not in server
    assert COMPOSE["networks"]["store"] == {"internal": True}
    assert list(COMPOSE["services"]["mongo"]["networks"]) == ["store"]
