"""One server under test: a process that is killed and started again at the same address."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

from ..cli.invoking import Running, run
from ..conftest import SECRET
from ..mongod import free_port

_READY_S = 120.0
_ENVIRON = {"SCOREBOARD_JWT_SECRET": SECRET}
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerProcess:
    """The real command, on a port of its own. arguments: what names its store."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._folder = folder
        self._store = arguments
        self._arguments = ("serve", "--json", "--port", str(self.port), *arguments)
        self._running: Running | None = None
        self._frozen = False
        self._surprises: list[str] = []

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, unless it runs; that it had ended by itself is noted."""
        if self._running is not None and self._running.process.poll() is not None:
            self._surprises.append(f"ended with {self._running.process.returncode}: {self.words()}")
            self._let_go()
        if self._running is None:
            self._running = Running(*self._arguments, cwd=self._folder, environ=_ENVIRON)

    def wait_until_ready(self) -> None:
        """Wait until it serves and its store answers."""
        deadline = time.monotonic() + _READY_S
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the server does not get ready; it says: {self.words()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        assert self._running is not None
        if self._running.process.poll() is not None:
            raise RuntimeError(f"the server has ended; it said: {self.words()}")
        try:
            with _direct.open(f"{self.address}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def season(self) -> str | None:
        """The name of the season that it shows, None while it does not say."""
        try:
            with _direct.open(f"{self.address}/api/leaderboard?limit=1", timeout=5) as answer:
                name: str = json.load(answer)["season"]
        except (urllib.error.URLError, OSError):
            return None
        return name

    def verify(self) -> str | None:
        """What `scoreboard verify` finds wrong with store and board, None when everything adds up."""
        command = ("verify", "--json", "--server", self.address, *self._store)
        ended = run(*command, cwd=self._folder, environ=_ENVIRON, timeout=120)
        return None if ended.returncode == 0 else ended.stdout + ended.stderr

    def words(self) -> str:
        """The last of what it has said."""
        return "" if self._running is None else self._running.words[-2000:]

    def all_words(self) -> str:
        """All that it has said since it was started."""
        return "" if self._running is None else self._running.words

    @property
    def pid(self) -> int:
        """The process."""
        assert self._running is not None
        return self._running.process.pid

    def take_surprises(self) -> list[str]:
        """What it did since the last time that no fault excuses: ending by itself, an error in its log."""
        taken, self._surprises = self._surprises, []
        return taken

    def kill(self) -> None:
        """kill -9."""
        assert self._running is not None
        self._running.process.kill()
        self._running.process.wait()
        self._let_go()

    def pause(self) -> None:
        """SIGSTOP."""
        assert self._running is not None
        self._running.signal(signal.SIGSTOP)
        self._frozen = True

    def resume(self) -> None:
        """SIGCONT."""
        if self._running is not None and self._frozen:
            self._running.signal(signal.SIGCONT)
        self._frozen = False

    def stop(self) -> None:
        """End it in order, by force when that takes too long."""
        self.resume()
        self._let_go()

    def _let_go(self) -> None:
        if self._running is not None:
            self._running.__exit__()
            if "Traceback" in self._running.words:
                self._surprises.append(self.words())
            self._running = None
