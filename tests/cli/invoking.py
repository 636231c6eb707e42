"""Running the real command: once, in a terminal, or as a server beside the test."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from click.testing import CliRunner

from scoreboard_cli.main import scoreboard
from scoreboard_server.store.file_lock import is_locked

from .prepared import Prepared, fits, run_prepared

SCOREBOARD = [sys.executable, "-m", "scoreboard_cli.main"]
PATIENCE_S = 30.0

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def environment(**more: str) -> dict[str, str]:
    """The environment of a newcomer: nothing of the score board, of colours or of proxies is set."""
    foreign = ("SCOREBOARD_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "http_proxy", "HTTP_PROXY")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"TERM": "xterm-256color"} | more


def run(
    *arguments: str | Path,
    cwd: Path,
    stdin: bytes = b"",
    timeout: float = PATIENCE_S,
    environ: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what it says comes back as text."""
    command, env = [os.fspath(argument) for argument in arguments], environment(**(environ or {}))
    if fits(env):
        ended = run_prepared(command, cwd=cwd, stdin=stdin, environ=env, timeout=timeout)
    else:
        ended = subprocess.run(
            [*SCOREBOARD, *command],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            env=env,
            check=False,
        )
    assert b"Traceback" not in ended.stdout + ended.stderr, ended.stderr.decode()
    return subprocess.CompletedProcess(
        ended.args, ended.returncode, ended.stdout.decode(encoding), ended.stderr.decode(encoding)
    )


def in_process(
    *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """As `run`, but without a process of its own: for the many ways of saying something wrong."""
    result = CliRunner().invoke(scoreboard, arguments, input=stdin, env=dict(environ or {}))
    assert isinstance(result.exception, SystemExit | None), result.exception
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


def until(check: Callable[[], Any], patience: float = PATIENCE_S) -> Any:
    """What `check` returns as soon as it is true of anything."""
    deadline = time.monotonic() + patience
    while not (result := check()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.03)
    return result


def mongod_runs(data_dir: Path) -> bool:
    """Whether some mongod serves this data directory: each holds a lock on this file while it lives."""
    return is_locked(data_dir / "mongo" / "mongod.lock")


class Running:
    """A command that serves, in a process of its own; what it says is in `words` and `lines`."""

    def __init__(self, *arguments: str | Path, cwd: Path, environ: Mapping[str, str] | None = None) -> None:
        self.folder = cwd
        self._stdout, self._stderr = (
            cwd / f"{stream}-{time.monotonic_ns()}" for stream in ("stdout", "stderr")
        )
        self._stdout.touch()
        self._stderr.touch()
        self.process = Prepared(
            [os.fspath(argument) for argument in arguments],
            cwd=cwd,
            environ=environment(**(environ or {})),
            stdout=self._stdout,
            stderr=self._stderr,
        )

    @property
    def lines(self) -> list[str]:
        """The whole lines that it has written to stdout so far."""
        whole, end, _ = self._stdout.read_text().rpartition("\n")
        return (whole + end).splitlines(keepends=True)

    @property
    def words(self) -> str:
        """What it has said on stderr so far."""
        return self._stderr.read_text()

    def ready(self) -> dict[str, Any]:
        """The line that `--json` prints when it is ready."""

        def check() -> bool:
            assert self.process.poll() is None, self.words
            return bool(self.lines)

        until(check)
        assert self.lines[0].startswith("{"), self.words
        told: dict[str, Any] = json.loads(self.lines[0])
        return told

    @functools.cached_property
    def url(self) -> str:
        """Where it is, or was."""
        address: str = self.ready()["url"]
        return address

    def board(self, query: str = "") -> dict[str, Any]:
        """The board through the public API."""
        with _direct.open(f"{self.url}/api/leaderboard{query}", timeout=PATIENCE_S) as answer:
            body: dict[str, Any] = json.load(answer)
            return body

    def act(self, token: str, action: str, kind: str = "task.completed") -> tuple[int, dict[str, Any]]:
        """Submit an action through the public API: status and answer."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = json.dumps({"actionId": action, "actionType": kind}).encode()
        request = urllib.request.Request(f"{self.url}/api/scores/update", body, headers)
        try:
            with _direct.open(request, timeout=PATIENCE_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def interrupt_group(self) -> None:
        """What a terminal does on Ctrl-C: every process of the job gets SIGINT."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ended(self, within: float = PATIENCE_S) -> int:
        """Its exit code, once it has ended."""
        code = self.process.wait(within)
        assert "Traceback" not in self.words, self.words
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.terminate()
            self.process.wait(10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def in_terminal(
    *arguments: str | Path,
    cwd: Path,
    columns: int = 80,
    environ: Mapping[str, str] | None = None,
    keys: str = "",
    code: int = 0,
) -> str:
    """What a command writes to a terminal of that width, escape sequences included.

    keys: what somebody types. code: with which it has to end.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(
        [*SCOREBOARD, *(os.fspath(argument) for argument in arguments)],
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(**(environ or {})),
    ) as process:
        os.close(theirs)
        os.write(ours, keys.encode())
        output = b"".join(_chunks(ours))
        os.close(ours)
        assert process.wait(PATIENCE_S) == code, output
    return output.decode().replace("\r\n", "\n")


def _chunks(descriptor: int) -> Iterator[bytes]:
    with contextlib.suppress(OSError):  # Linux says EIO when the last writer has closed it
        while chunk := os.read(descriptor, 65_536):
            yield chunk


_FRAME = "\x1b[H"  # where each picture of a live screen begins
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command that goes on in a terminal of its own; `screen` is what one sees."""

    def __init__(
        self,
        *arguments: str | Path,
        cwd: Path,
        size: tuple[int, int] = (24, 80),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(*size)
        self.process = subprocess.Popen(
            [*SCOREBOARD, *(os.fspath(argument) for argument in arguments)],
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(**(environ or {})),
            start_new_session=True,
        )
        os.close(theirs)
        self._chunks: list[bytes] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        self._chunks.extend(_chunks(self._ours))

    def resize(self, lines: int, columns: int) -> None:
        """Give the window another size."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def output(self) -> str:
        """Everything it has written, escapes included."""
        return b"".join(self._chunks).decode(errors="replace").replace("\r\n", "\n")

    @property
    def screen(self) -> list[str]:
        """The lines of the last picture that is whole for sure, without escapes."""
        pictures = [text for text in self.output.split(_FRAME)[:-1] if "\n" in text]
        return [line.rstrip() for line in _ESCAPES.sub("", pictures[-1]).split("\n")] if pictures else []

    def ended(self, within: float = PATIENCE_S) -> int:
        """Its exit code, once it has ended."""
        code = self.process.wait(within)
        self._reader.join(PATIENCE_S)
        assert "Traceback" not in self.output, self.output
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(PATIENCE_S)
        os.close(self._ours)
