"""What a running server shows, asked through its public API."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection

import msgspec

_USERS_AT_ONCE = 100
_PAGE = 1000
_PATIENCE_S = 10.0
# Without this a proxy that the environment names would be asked, and it may not reach the server.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerUnreachable(Exception):  # noqa: N818 -- it reads as what is the case
    """The server doesn't answer, or isn't one."""


class _Row(msgspec.Struct):
    user: str = msgspec.field(name="userId")
    score: int


class _Board(msgspec.Struct):
    rows: list[_Row] = msgspec.field(name="leaderboard")
    count: int = msgspec.field(name="totalUsers")


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
            some = ",".join(wanted[start : start + _USERS_AT_ONCE])
            board = await self._board(users=some, limit=_USERS_AT_ONCE)
            found |= {row.user: row.score for row in board.rows}
        return found

    async def count(self) -> int:
        """How many users are on the board. Raises ServerUnreachable."""
        return (await self._board(limit=1)).count

    async def users(self, offset: int) -> list[str]:
        """Some users in the order of their ranks, from behind `offset`. Raises ServerUnreachable."""
        return [row.user for row in (await self._board(offset=offset, limit=_PAGE)).rows]

    async def _board(self, **query: str | int) -> _Board:
        return await asyncio.to_thread(self._ask, f"/api/leaderboard?{urllib.parse.urlencode(query)}")

    def _ask(self, path: str) -> _Board:
        try:
            with _DIRECT.open(f"{self._url}{path}", timeout=_PATIENCE_S) as answer:
                return msgspec.json.decode(answer.read(), type=_Board)
        except (OSError, ValueError, msgspec.DecodeError) as error:
            raise ServerUnreachable(f"{self._url} can't be asked: {error}") from None
