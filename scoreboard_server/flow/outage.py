"""An outage: since when the store is away, told once when it begins and once when it ends."""

from __future__ import annotations

import asyncio
import logging

log = logging.getLogger("scoreboard.pipeline")


class Outage:
    """Whether the store answers, as those see it who write to it. Times are the event loop's."""

    def __init__(self) -> None:
        self._since: float | None = None

    def begin(self, why: str, since: float | None = None) -> None:
        """It does not answer, since then or just now; nothing if that is known."""
        if self._since is None:
            self._since = _now() if since is None else since
            log.warning("the store is away: %s", why)

    def end(self) -> None:
        """It has answered."""
        if self._since is not None:
            seconds = _now() - self._since
            log.warning("the store is back after %.1f s", seconds, extra={"awayMs": round(seconds * 1e3)})
            self._since = None

    def lasts_longer_than(self, seconds: float) -> bool:
        """Whether it has been away for so long."""
        return self._since is not None and _now() - self._since > seconds


def _now() -> float:
    return asyncio.get_running_loop().time()
