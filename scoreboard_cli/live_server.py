"""What a running server shows, asked through its public API."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection

_USERS_AT_ONCE = 100
_PATIENCE_S = 10.0
# Without this a proxy that the environment names would be asked, and it may not reach the server.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerUnreachable(Exception):  # noqa: N818 -- it reads as what is the case
    """The server doesn't answer, or isn't one."""


class LiveServer:
    """Fits `flow.verifying.LiveScores`."""

    def __init__(self, url: str) -> None:
        """url: as `scoreboard serve` prints it."""
        self._url = url.rstrip("/")

    async def scores(self, users: Collection[str]) -> dict[str, int]:
        """The scores shown of those users who are on the board. Raises ServerUnreachable."""
        found: dict[str, int] = {}
        wanted = list(users)
        for start in range(0, len(wanted), _USERS_AT_ONCE):
            found |= await asyncio.to_thread(self._ask, wanted[start : start + _USERS_AT_ONCE])
        return found

    def _ask(self, users: list[str]) -> dict[str, int]:
        query = urllib.parse.urlencode({"users": ",".join(users), "limit": _USERS_AT_ONCE})
        try:
            with _DIRECT.open(f"{self._url}/api/leaderboard?{query}", timeout=_PATIENCE_S) as answer:
                return {row["userId"]: row["score"] for row in json.load(answer)["leaderboard"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ServerUnreachable(f"{self._url} can't be asked: {error}") from None
