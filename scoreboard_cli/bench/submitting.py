"""One connection that submits, one action after the other: HTTP/1.1 with as little work as possible."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle

import msgspec

from ..server_address import ServerAddress

_PAUSE_S = 0.1  # after a refusal, or it would be asked for the next one at once
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class _Answer(msgspec.Struct):
    score: int = msgspec.field(name="newScore")


_read_answer = msgspec.json.Decoder(_Answer).decode


@dataclass(slots=True)
class Log:
    """What happened. Times in ns of the system's monotonic clock, which all processes share."""

    sent: list[int] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    marks: list[tuple[str, int, int]] = field(default_factory=list)  # user, score, sent
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Player:
    """A user who submits. head: the request up to the action's id, the same each time."""

    user: str
    head: bytes
    tail: bytes

    @classmethod
    def of(cls, address: ServerAddress, user: str, token: str, action_type: str, id_length: int) -> Player:
        """Make the request beforehand."""
        before, after = b'{"actionId":"', f'","actionType":"{action_type}"}}'.encode()
        lines = [
            f"POST {address.prefix}/api/scores/update HTTP/1.1",
            f"Host: {address.host_header}",
            f"Authorization: Bearer {token}",
            "Content-Type: application/json",
            f"Content-Length: {len(before) + id_length + len(after)}",
        ]
        return cls(user, "\r\n".join([*lines, "", ""]).encode() + before, after)


class Submitter(asyncio.Protocol):
    """Submits for its players in turn, each time when the one before is answered.

    gap: None to go on at once, else seconds from one submission's due time to the next one's; a submission
    that leaves late, because the one before wasn't answered, counts from when it was due.
    """

    def __init__(self, players: list[Player], is_marker: bool, new_id: Callable[[], bytes]) -> None:
        self._players = cycle(players)
        self._is_marker = is_marker
        self._new_id = new_id
        self._buffer = b""
        self._log = Log()
        self._until = 0.0
        self._gap: float | None = None
        self._due = 0.0
        self._sent = 0
        self._player: Player | None = None
        self._transport: asyncio.WriteTransport | None = None
        self.done: asyncio.Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is connected."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when it is connected."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 -- of a stream it is
        self._transport = transport

    def run(self, log: Log, seconds: float, gap: float | None, delay: float) -> asyncio.Future[None]:
        """Submit for so long, beginning after `delay`; done when the last one is answered."""
        loop = asyncio.get_running_loop()
        self._log, self._gap = log, gap
        self._due = loop.time() + delay
        self._until = loop.time() + seconds
        self.done = loop.create_future()
        loop.call_at(self._due, self._submit)
        return self.done

    def _submit(self) -> None:
        if self._transport is None or asyncio.get_running_loop().time() >= self._until:
            self._finish()
            return
        self._player = next(self._players)
        self._sent = time.monotonic_ns() if self._gap is None else int(self._due * 1e9)
        self._transport.write(b"".join((self._player.head, self._new_id(), self._player.tail)))

    def _finish(self) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Called with some of an answer."""
        self._buffer += data
        head, found, body = self._buffer.partition(_HEAD_END)
        if not found or len(body) < _content_length(head):
            return
        self._buffer = b""
        loop = asyncio.get_running_loop()
        if head[9:12] != b"200":
            self._log.errors[head[9:12].decode(errors="replace")] += 1
            loop.call_later(_PAUSE_S, self._submit)
            return
        self._acknowledged(body)
        if self._gap is None:
            self._submit()
        else:
            self._due += self._gap
            loop.call_at(self._due, self._submit)

    def _acknowledged(self, body: bytes) -> None:
        self._log.sent.append(self._sent)
        self._log.acknowledged.append(time.monotonic_ns())
        if self._is_marker and self._player is not None:
            self._log.marks.append((self._player.user, _read_answer(body).score, self._sent))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the server has hung up: it is connected again for the next run."""
        self._transport = None
        self._buffer = b""
        if self.done is not None and not self.done.done():
            self._log.errors["connection lost"] += 1
        self._finish()


def _content_length(head: bytes) -> int:
    at = head.lower().find(_LENGTH)
    return int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
