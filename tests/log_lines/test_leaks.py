"""What gets into no line of the log, in either format: secrets, and what others would write there."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server import log_lines
from scoreboard_server.live.reader import Reader
from scoreboard_server.log_lines import JsonLines, TextLines, log_to_stderr, one_line

from ..cli.invoking import environment
from ..conftest import SECRET, Api, StartServer, token
from ..web.wire import ask, request, wire
from .writing import Log

FORMS: list[Callable[[], logging.Formatter]] = [JsonLines, TextLines]


@pytest.fixture(params=FORMS)
def log(request: pytest.FixtureRequest) -> Log:
    return Log(request.param())


@given(st.text())
def test_one_line_is_one_printable_line(text: str) -> None:
    """For any text; what is plain stays as it is."""
    shown = one_line(text)
    assert len(shown.splitlines()) <= 1
    assert shown.isprintable()
    if text.isascii() and text.isprintable() and not {"@", "."} & set(text):
        assert shown == text


def test_names_of_all_scripts_stay_legible() -> None:
    """Only what is acted on is escaped."""
    assert one_line("Zoë 王小明 🎉 עברית") == "Zoë 王小明 🎉 עברית"


@pytest.mark.parametrize(
    "text",
    [
        "mongodb://admin:hunter22@db.example/?x=1 is away",
        "mongodb+srv://admin:hunt:er22@db.example",
        "mongodb://admin:hunt@er22@db.example,b:27017",
        f"bad token {token()}",
        f"Authorization: Bearer {token()}",
        f"{token()[:-40]}",
    ],
)
def test_a_line_tells_no_secret(text: str) -> None:
    """Neither a password in an address nor a token, should some library put one into what it says."""
    shown = one_line(text)
    assert "hunt" not in shown and "er22" not in shown
    assert "eyJ" not in shown


@pytest.fixture
def levels(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test sets of them lasts no longer than it."""
    loggers = [logging.getLogger(name) for name in ("", "scoreboard", "tornado.general", "pymongo.client")]
    before = [logger.level for logger in loggers]
    monkeypatch.setattr(log_lines, "_handler", None)
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("levels")
async def test_a_malformed_request_writes_no_line(
    start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody fills the log from outside, and no header's value gets there."""
    log_to_stderr("info", "auto")
    caplog.set_level(logging.INFO)
    server = await start_server()
    async with wire(server.port) as connection:
        await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer eyJ\x01\r\n\r\n")
        assert b"400" in await connection.reader.read()
    assert "eyJ" not in caplog.text
    assert [r for r in caplog.records if r.name.startswith("tornado")] == []


@pytest.fixture
def everything(log: Log) -> Iterator[Log]:
    """All that any logger says, in our lines."""
    root = logging.getLogger()
    level = root.level
    root.addHandler(log.handler)
    root.setLevel(logging.DEBUG)
    yield log
    root.removeHandler(log.handler)
    root.setLevel(level)


async def test_no_request_puts_a_token_or_a_secret_into_the_log(
    start_server: StartServer, everything: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, refused, malformed or failing with the token in an exception, at the most talkative level."""
    api = Api(await start_server())
    bearer = token("ann")

    async def broken(self: Reader, view: object) -> None:
        raise RuntimeError(f"can't read for {bearer}\n1970 INFO forged: {SECRET[:8]}")

    await api.post({"actionId": "a1", "actionType": "task.completed"}, bearer)
    await api.post({"actionId": "a2", "actionType": bearer}, bearer)
    await api.post({"actionId": "a3"}, bearer + "x")
    await api.fetch(f"/api/users/{bearer}", bearer=bearer)
    await api.fetch(f"/api/leaderboard?token={bearer}", bearer=f"{bearer} {bearer}")
    await ask(api, request(f"/{bearer}", f"Authorization: {bearer}", f"X-Request-Id: {bearer}"))
    monkeypatch.setattr(Reader, "read", broken)
    response = await api.fetch(f"/api/leaderboard?ignored={bearer}", bearer=bearer)
    assert response.code == 500 and b"eyJ" not in response.body
    assert "can't read for (a token)" in everything.text
    assert "eyJ" not in everything.text and SECRET not in everything.text
    assert not [line for line in everything.text.splitlines() if line.startswith("1970")]


async def test_nothing_that_is_shown_of_a_server_holds_its_secret(start_server: StartServer) -> None:
    """Neither its parts nor its settings, in the form that traces and debuggers print."""
    server = await start_server()
    services = server._lifecycle.services
    assert services is not None
    shown = [
        server,
        server._settings,
        server._settings.auth,
        services,
        services.verifier,
        vars(server._lifecycle),
    ]
    assert SECRET not in json.dumps([repr(each) for each in shown])


@pytest.mark.parametrize(
    "variables",
    [
        {"SCOREBOARD_\x1b[31mPORT\nERROR": "x"},
        {"SCOREBOARD_CONFIG": "/nowhere/\x1b[2J\nError: forged"},
        {"SCOREBOARD_SERVER_HOST": "a\nb"},
        {"SCOREBOARD_STORE": "mongodb://admin:hunter22@\x1b[31m"},
        {"SCOREBOARD_JWT_SECRET": "hunter22"},
    ],
)
def test_an_environment_forges_no_line_and_is_told_no_secret(variables: dict[str, str]) -> None:
    """The server that refuses its settings says so in one printable line."""
    ended = subprocess.run(
        [sys.executable, "-m", "scoreboard_server"],
        env=environment(SCOREBOARD_SERVER_PORT="0", **variables),
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1 and ended.stderr.rstrip("\n").isprintable()
    assert "hunter22" not in ended.stderr
