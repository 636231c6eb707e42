"""What a real server writes to standard error, to a pipe and to a terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..cli.invoking import Running, Terminal, run, until

_ARGUMENTS = ("serve", "--port", "0", "--store", "memory")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = {"X-Request-Id": "r1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


def _events(server: Running) -> list[dict[str, Any]]:
    """All of its lines; each is a JSON object."""
    return [json.loads(line) for line in server.words.splitlines()]


def _address(text: str) -> str:
    found: str = until(lambda: re.search(r"The board is live at (http://[\d.:]+)", text))[1]
    return found


@contextmanager
def _serving(folder: Path, **environ: str) -> Iterator[Running]:
    """A server whose standard error is no terminal, until it has ended well."""
    with Running(*_ARGUMENTS, "--json", cwd=folder, environ=environ) as server:
        server.ready()
        yield server
        server.signal(signal.SIGTERM)
        assert server.ended() == 0


def _get(url: str, path: str, **headers: str) -> None:
    with _direct.open(urllib.request.Request(url + path, headers=headers), timeout=10) as answer:
        assert answer.status == 200


def test_to_a_pipe_each_line_is_an_event(tmp_path: Path) -> None:
    """From the first to the last, in order, whatever happens; the ready server and a request among them."""
    with Running(*_ARGUMENTS, cwd=tmp_path) as server:
        until(lambda: "The board is live at" in server.words)
        url = _events(server)[-1]["url"]
        _get(url, "/api/leaderboard?limit=5&x=%0A", **TRACED)
        token = run("token", "issue", "ann", cwd=tmp_path).stdout.strip()
        body = json.dumps({"actionId": "a1", "actionType": token}).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        refused = urllib.request.Request(f"{url}/api/scores/update", body, headers)
        with pytest.raises(urllib.error.HTTPError):
            _direct.open(refused, timeout=10)
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    events = _events(server)
    assert all({"time", "level", "logger", "message"} <= set(event) for event in events)
    times = [event["time"] for event in events]
    assert times == sorted(times)
    messages = [event["message"] for event in events]
    assert messages[-1] == "stopping" and events[-1]["signal"] == "SIGTERM"
    assert f"The board is live at {url}" in messages
    (asked,) = [event for event in events if event.get("path") == "/api/leaderboard"]
    assert (asked["requestId"], asked["traceId"], asked["status"]) == ("r1", TRACE, 200)
    assert [event["status"] for event in events if event.get("path") == "/api/scores/update"] == [422]
    assert "eyJ" not in server.words


def test_the_level_and_the_sample_are_the_settings(tmp_path: Path) -> None:
    """At `warning` a request has no line, and what is wrong has; SIGHUP takes up another level and sample."""
    config = tmp_path / "log.toml"
    config.write_text('[log]\nlevel = "warning"\n')
    with _serving(tmp_path, SCOREBOARD_CONFIG=str(config)) as server:
        _get(server.url, "/livez")
        assert [event["level"] for event in _events(server)] == ["warning"]
        config.write_text('[log]\nlevel = "info"\naccess_sample = 0\n')
        server.signal(signal.SIGHUP)
        until(lambda: "action types from now on" in server.words)
        _get(server.url, "/livez")
        config.write_text('[log]\nlevel = "info"\naccess_sample = 1\n')
        server.signal(signal.SIGHUP)
        until(lambda: server.words.count("action types from now on") == 2)
        _get(server.url, "/readyz")
        until(lambda: "answered" in server.words)
    asked = [event["path"] for event in _events(server) if event["logger"] == "scoreboard.access"]
    assert asked == ["/readyz"]


def test_text_is_for_people_who_ask_for_it(tmp_path: Path) -> None:
    """Also to a pipe, and there without colours."""
    with _serving(tmp_path, SCOREBOARD_LOG_FORMAT="text") as server:
        _get(server.url, "/livez")
        line = until(lambda: re.search(r"^.* scoreboard\.access: .*$", server.words, re.MULTILINE))[0]
        assert re.fullmatch(
            r"\S+Z INFO    scoreboard\.access: answered\t"
            r"method=GET path=/livez status=200 durationMs=[\d.]+ requestId=[0-9a-f]{16}",
            line,
        )
        assert "\x1b" not in server.words


@pytest.mark.parametrize(
    ("environ", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_to_a_terminal_it_is_text_in_colours(
    tmp_path: Path, environ: dict[str, str], is_coloured: bool
) -> None:
    """Unless NO_COLOR is set or the terminal has none."""
    with Terminal(*_ARGUMENTS, cwd=tmp_path, environ=environ) as terminal:
        until(lambda: "The board is live at" in terminal.output)
        _get(_address(terminal.output), "/livez")
        until(lambda: "path=/livez" in terminal.output)
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.ended() == 0
        shown = terminal.output
    assert bool(_COLOUR.search(shown)) == is_coloured
    lines = _COLOUR.sub("", shown).splitlines()
    assert any(line.startswith("The board is live at") and line.endswith("(Ctrl-C stops)") for line in lines)
    assert any(" INFO    scoreboard.access: answered\t" in line for line in lines)
    assert not any(line.startswith("{") for line in lines)


def test_a_terminal_gets_json_when_it_is_asked_for(tmp_path: Path) -> None:
    """Without a colour."""
    with Terminal(*_ARGUMENTS, cwd=tmp_path, environ={"SCOREBOARD_LOG_FORMAT": "json"}) as terminal:
        until(lambda: "The board is live at" in terminal.output)
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.ended() == 0
        lines = [line for line in terminal.output.splitlines() if line != "^C"]
    assert {json.loads(line)["level"] for line in lines} == {"warning", "info"}


def test_a_demo_shows_what_it_is_for(tmp_path: Path) -> None:
    """In a terminal: its address, the warning of its store, and no line for what its players do."""
    arguments = ("demo", "--port", "0", "--store", "memory", "--players", "20")
    with Terminal(*arguments, cwd=tmp_path) as terminal:
        until(lambda: "The board is live at" in terminal.output)
        url = f"{_address(terminal.output)}/api/leaderboard"
        until(lambda: json.load(_direct.open(url, timeout=10))["totalUsers"] > 3)
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.ended() == 0
        lines = _COLOUR.sub("", terminal.output).splitlines()
    warning, address = (line for line in lines if line != "^C")
    assert " WARNING scoreboard.app: the `memory` store keeps nothing" in warning
    assert address.startswith("The board is live at")
