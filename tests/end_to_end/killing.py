"""A command that is killed at one of its writes to the database.

    python -m tests.end_to_end.killing COUNT before|after COMMAND…

runs `scoreboard COMMAND…` and ends it with SIGKILL before the write of that number is sent, or when it was
acknowledged; with fewer writes it runs to its end.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from pymongo import monitoring

WRITES = frozenset({"insert", "update", "delete", "findAndModify", "commitTransaction"})


class Killer(monitoring.CommandListener):
    """Counts writes."""

    def __init__(self, count: int, when: str) -> None:
        self._left = count
        self._when = when
        self._lock = threading.Lock()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """A command is about to be sent."""
        self._passed(event.command_name, "before")

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """A command was acknowledged."""
        self._passed(event.command_name, "after")

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """A command was refused, as in a transaction that met another."""

    def _passed(self, name: str, when: str) -> None:
        if name not in WRITES or when != self._when:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    monitoring.register(Killer(int(sys.argv[1]), sys.argv[2]))
    sys.argv[1:] = sys.argv[3:]
    from scoreboard_cli.main import main

    main()
