"""The server under attack: a process, what it shows, and what it must not show."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from ..chaos.server_process import ServerProcess
from ..conftest import token
from .findings import Findings

VICTIMS = ("ann", "ben", "cem")
ABUSER = "abuser"
# Beside what Python keeps for reuse; a leak of a kilobyte an input would be more.
_GROWTH_MB = 24.0
_LEFT_OPEN = 8
# Limits refuse before anything is looked at, so they are off; and nothing is capped.
_SETTINGS = """
[live]
interval_ms = 10
[limits]
updates_per_minute = 0
per_ip_per_minute = 0
sockets = 0
sockets_per_user = 0
sockets_per_ip = 0
[actions."task.completed"]
points = 10
[actions."quiz.completed"]
points = 50
proof = "ticket"
min_seconds = 3
[actions."match.won"]
points = 100
proof = "trusted"
"""
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Target:
    """One server with three honest users on its board. store: what `--store` is given."""

    def __init__(self, folder: Path, store: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "settings.toml"
        settings.write_text(_SETTINGS)
        arguments = ("--store", store, "--data-dir", folder / "data", "--config", settings)
        self.server = ServerProcess(folder / "server", *arguments)

    def __enter__(self) -> Target:
        self.server.start()
        self.server.wait_until_ready()
        for number, user in enumerate((*VICTIMS, ABUSER)):
            for action in range(number + 1):
                self.submit(user, f"honest-{action}")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    @property
    def address(self) -> str:
        """Where it is."""
        return self.server.address

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    def submit(self, user: str, action: str) -> None:
        """A user's action is counted."""
        headers = {"Authorization": f"Bearer {token(user)}", "Content-Type": "application/json"}
        body = json.dumps({"actionId": action, "actionType": "task.completed"}).encode()
        request = urllib.request.Request(f"{self.address}/api/scores/update", body, headers)
        with _direct.open(request, timeout=10):
            pass

    def board(self, *, without: str | None = None) -> list[tuple[str, str, int]]:
        """Who has what, and is shown how."""
        with _direct.open(f"{self.address}/api/leaderboard?limit=1000", timeout=10) as answer:
            rows: list[dict[str, Any]] = json.load(answer)["leaderboard"]
        return [(r["userId"], r["username"], r["score"]) for r in rows if r["userId"] != without]

    # --- the process ------------------------------------------------------------------------------

    def resident_mb(self) -> float:
        """The memory that the process holds."""
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def open_files(self) -> int:
        """How many files and sockets the process has open."""
        return len(list(Path(f"/proc/{self.server.pid}/fd").iterdir()))

    def check_log(self, findings: Findings) -> None:
        """Nothing that was sent may have been an error to the server, or has forged a line."""
        for line in self.server.all_words().splitlines():
            if not _is_harmless(line):
                findings.violation(f"the log says: {line}")


def _is_harmless(line: str) -> bool:
    """An event of a logger that there is, and no error."""
    try:
        event = json.loads(line)
        is_ours = event["logger"].startswith("scoreboard.") and "forged" not in event["logger"]
    except (ValueError, TypeError, LookupError):
        return False
    return is_ours and event["level"] in ("info", "warning")


class Flat:
    """The process holds no more after an attack than before it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.before = target.resident_mb()
        self._files = target.open_files()

    def check(self, findings: Findings) -> float:
        """How much more it holds, in MB."""
        grown = self._target.resident_mb() - self.before
        if grown > _GROWTH_MB:
            findings.violation(f"the process has grown by {grown:.1f} MB")
        left = self._target.open_files() - self._files
        if left > _LEFT_OPEN:
            findings.violation(f"{left} more files are open than before")
        return grown
