"""What stands around a hub: names that may hang, sockets that may lag, and a client that applies frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.refusals import Refusal


def message(data: bytes) -> dict[str, Any]:
    """The JSON in one text frame, read by a WebSocket library that is not the server's."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    parsing = Frame.parse(reader.read_exact, mask=False)
    try:
        next(parsing)
    except StopIteration as parsed:
        frame: Frame = parsed.value
    assert (frame.opcode, frame.fin) == (Opcode.TEXT, True)
    assert next(reader.at_eof(), None) is None, "more than one frame"
    answer: dict[str, Any] = json.loads(bytes(frame.data))
    return answer


class FakeNames:
    """Names in a dict. `fetch` remembers them, hangs while `answers` is clear, and fails while `silent`."""

    def __init__(self, kept: Mapping[str, Profile] | None = None) -> None:
        self.kept = dict(kept or {})
        self.remembered: dict[str, Profile] = {}
        self.half: dict[str, Profile] = {}
        self.fetches: list[list[str]] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.silent = False

    def known(self, user: str) -> Profile | None:
        return self.remembered.get(user)

    def shown(self, user: str) -> Profile | None:
        return self.remembered.get(user) or self.half.get(user)

    async def fetch(self, users: Collection[str]) -> None:
        self.fetches.append(list(users))
        await self.answers.wait()
        if self.silent:
            return
        self.remembered |= {user: self.kept.get(user, Profile()) for user in users}


class FakeSocket:
    """Takes what a seat writes. While `lags`, a write stays under way until `drain`."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.lags = False
        self.dismissed = False
        self.told_why: Refusal | None = None
        self._under_way: asyncio.Future[None] | None = None

    def write(self, data: bytes) -> asyncio.Future[None]:
        assert self._under_way is None, "a second write while one is under way"
        self.frames.append(data)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.lags:
            self._under_way = written
        else:
            written.set_result(None)
        return written

    def dismiss(self, why: Refusal | None) -> None:
        self.dismissed = True
        self.told_why = why

    async def drain(self, error: BaseException | None = None) -> None:
        """The write under way ends; what follows from that has happened when this returns."""
        written, self._under_way = self._under_way, None
        assert written is not None, "nothing is under way"
        if isinstance(error, asyncio.CancelledError):
            written.cancel()
        elif error is not None:
            written.set_exception(error)
        else:
            written.set_result(None)
        await asyncio.sleep(0)

    def take(self) -> list[dict[str, Any]]:
        """The messages since the last call."""
        frames, self.frames = self.frames, []
        return [message(frame) for frame in frames]


class Watched:
    """The board as a client has it that applies every update in order."""

    def __init__(self) -> None:
        self.epoch = ""
        self.version = 0
        self.total = 0
        self._rows: dict[str, dict[str, Any]] = {}

    @property
    def rows(self) -> list[dict[str, Any]]:
        return sorted(self._rows.values(), key=lambda row: row["rank"])

    def apply(self, update: dict[str, Any]) -> None:
        """Apply one `leaderboard.update`; a gap or a step back is an error."""
        assert update["type"] == "leaderboard.update"
        data = update["data"]
        if update["snapshot"]:
            assert update["epoch"] != self.epoch or update["version"] >= self.version, "a step back"
            assert data["removed"] == []
            self._rows = {}
        else:
            assert (update["epoch"], update["version"]) == (self.epoch, self.version + 1), "a gap"
        for user in data["removed"]:
            del self._rows[user]
        for row in data["updatedPositions"]:
            assert self._rows.get(row["userId"]) != row, "told again what has not changed"
            self._rows[row["userId"]] = row
        self.epoch, self.version, self.total = update["epoch"], update["version"], data["totalUsers"]
