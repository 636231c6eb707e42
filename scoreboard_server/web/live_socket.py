"""`/ws`: the live board over a WebSocket (RFC 6455)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import HTTPError
from tornado.websocket import WebSocketHandler

from ..live.frames import text_frame
from ..live.reader import timestamp
from ..live.seat import Seat
from ..rules.claims import Identity
from ..rules.refusals import Malformed, Refusal, Unacceptable
from . import strict_json
from .base_handler import BaseHandler, Lifecycle
from .refusal_status import PROBLEM_TYPE, code_of, status_of

MESSAGE_LIMIT = 4096
PING_INTERVAL_S = 25
PING_PATIENCE_S = 10
WRITE_PATIENCE_S = 10.0
# Small, as what waits in the kernel is what nobody sees to be waiting; the kernel doubles it.
_KERNEL_BUFFER = 32 * 1024

# Close codes of RFC 6455, section 7.4.1.
_GOING_AWAY = 1001
_UNSUPPORTED_DATA = 1003
# Of those for private use: the status that HTTP would tell, so 4401 and 4403.
_BY_STATUS = 4000


class Auth(Struct, tag="auth", forbid_unknown_fields=True):
    """The watcher proves who it is."""

    token: str


class Ping(Struct, tag="ping", forbid_unknown_fields=True):
    """The watcher asks whether we are there."""


_messages: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Auth | Ping)
_PONG = text_frame({"type": "pong"})


class LiveSocket(WebSocketHandler, BaseHandler):
    """One watcher. Shown the board from the moment it opens."""

    _seat: Seat | None = None

    def initialize(self, lifecycle: Lifecycle) -> None:
        """Called by Tornado with what the route was made with."""
        BaseHandler.initialize(self, lifecycle)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Upgrade, or refuse what is no WebSocket handshake or comes from a foreign page."""
        try:
            urlsplit(self.request.headers.get("Origin", ""))
        except ValueError:  # which Tornado's own check of the origin does not expect
            raise HTTPError(403) from None
        await super().get(*args, **kwargs)

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> asyncio.Future[None]:
        """Where Tornado's handshake refuses in bare words, answer with a problem as everywhere."""
        status = self.get_status()
        if status < 400 or self._headers.get("Content-Type") == PROBLEM_TYPE:
            return super().finish(chunk)
        return self._answer_problem(status, *code_of(status))

    def open(self, *args: str, **kwargs: str) -> None:
        """Take a seat."""
        self.set_nodelay(True)
        self._keep_kernel_buffer_small()
        self._seat = Seat(self.services.hub, self._write_frame, self._dismiss)
        self.services.hub.join(self._seat)

    def _keep_kernel_buffer_small(self) -> None:
        stream = self._stream()
        if stream is not None:
            with contextlib.suppress(OSError):  # it has just gone
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)

    def on_close(self) -> None:
        """Leave it."""
        if self._seat is not None:
            self.services.hub.leave(self._seat)
            self._seat = None

    def _dismiss(self, why: Refusal | None) -> None:
        self._seat = None  # what it still says, until it has closed its side, is not heard
        if why is None:
            self.close(_GOING_AWAY, "the server is stopping")
        else:
            self._write_frame(_error(why))
            self.close(_BY_STATUS + status_of(why), why.code)

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Answer one message; the next one is read when this answer has left."""
        if self._seat is None:
            return None
        if isinstance(message, bytes):
            self._write_frame(_error(Malformed("unsupported_data", "Messages are JSON in text frames.")))
            self.close(_UNSUPPORTED_DATA, "text only")
            return None
        try:
            decoded: Auth | Ping = strict_json.decode(message, _messages)
        except Refusal as refusal:
            return self._say(_error(refusal))
        match decoded:
            case Ping():
                return self._say(_PONG)
            case Auth(token):
                return self._authenticate(token)

    async def _authenticate(self, token: str) -> None:
        try:
            identity = await self.services.verifier.identify(token)
            if self._seat is None:  # it has left while a key was fetched
                return
            answer = self._own(self._seat, identity)
        except Refusal as refusal:
            answer = _error(refusal)
        await _left(self._write_frame(answer))

    def _own(self, seat: Seat, identity: Identity) -> bytes:
        if seat.user not in (None, identity.user):
            raise Unacceptable("already_authenticated", "This socket belongs to another user.")
        self.services.gate.check_welcome(identity.user)
        self.services.hub.own(seat, identity)
        expires_at = timestamp(int(identity.expires_at * 1e6))
        return text_frame({"type": "auth.ok", "userId": identity.user, "expiresAt": expires_at})

    def _say(self, frame: bytes) -> Awaitable[None] | None:
        written = self._write_frame(frame)
        return None if written.done() else _left(written)

    def _write_frame(self, frame: bytes) -> asyncio.Future[None]:
        # Straight to the stream: the frame is encoded once for all, and needs no task of its own.
        stream = self._stream()
        if stream is None:
            return _gone()
        try:
            written: asyncio.Future[None] = stream.write(frame)
        except StreamClosedError:
            return _gone()
        if not written.done():
            self._cut_unless_read(stream, written)
        return written

    def _stream(self) -> IOStream | None:
        stream: IOStream | None = getattr(self.ws_connection, "stream", None)
        return None if stream is None or stream.closed() else stream

    def _cut_unless_read(self, stream: IOStream, written: asyncio.Future[None]) -> None:
        # Who doesn't read may answer pings all the same, and would hold its place for ever.
        timer = asyncio.get_running_loop().call_later(WRITE_PATIENCE_S, stream.close)
        written.add_done_callback(lambda _: timer.cancel())


async def _left(written: asyncio.Future[None]) -> None:
    with contextlib.suppress(StreamClosedError):
        await written


def _gone() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(StreamClosedError())
    future.exception()  # looked at: a closed socket is noticed by its reader
    return future


def _error(refusal: Refusal) -> bytes:
    return text_frame({"type": "error", "code": refusal.code, "message": refusal.detail})
