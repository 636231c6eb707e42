"""`/ws`: the live board over a WebSocket (RFC 6455)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Awaitable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError
from tornado.websocket import WebSocketHandler

from ..live.closings import NOT_READING
from ..live.frames import text_frame
from ..live.heartbeat import Pulse
from ..live.seat import Seat
from ..rules.claims import Identity
from ..rules.client_address import rate_key
from ..rules.entry import Receipt
from ..rules.instants import timestamp
from ..rules.refusals import Malformed, Refusal, Unacceptable, Unauthenticated
from .access_log import CLIENT, SERVER, Ending
from .base_handler import BaseHandler
from .frame_writer import FrameWriter
from .live_messages import Action, Auth, Ping, decode
from .outcomes import counted, refused
from .refusal_status import PROBLEM_TYPE, code_of, status_of
from .services import Lifecycle
from .traffic import SOCKET

log = logging.getLogger("scoreboard.web")

MESSAGE_LIMIT = 4096
PING_INTERVAL_S = 25
PING_PATIENCE_S = 10
# A ping of the protocol (RFC 6455, section 5.5.2) without a body.
_PING = b"\x89\x00"
# Another server, or the next one of this, may be there then; clients spread themselves out beyond it.
RETRY_IN_MS = 1000
# Close codes of RFC 6455, section 7.4.1, and their reasons.
STOPPING = (1001, f"stopping; retry in {RETRY_IN_MS} ms")
TEXT_ONLY = (1003, "text only")
FAILED = (1011, "internal_error")
SILENT = (1000, "ping timed out")
# The one code that no frame carries: there was none.
GONE = 1006
# Of those for private use: the status that HTTP would tell, so 4401 and 4403.
BY_STATUS = 4000


_PONG = text_frame({"type": "pong"})


class LiveSocket(WebSocketHandler, BaseHandler):
    """One watcher. Shown the board from the moment it opens."""

    _seat: Seat | None = None
    _writer: FrameWriter | None = None
    _pulse: Pulse | None = None
    _expiry: asyncio.TimerHandle | None = None
    _ending: Ending | None = None

    def initialize(self, lifecycle: Lifecycle, route: str) -> None:
        """Called by Tornado with what the route was made with."""
        BaseHandler.initialize(self, lifecycle, route)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Upgrade, or refuse what is no WebSocket handshake or comes from a foreign page."""
        try:
            urlsplit(self.request.headers.get("Origin", ""))
        except ValueError:  # which Tornado's own check of the origin does not expect
            raise HTTPError(403) from None
        # For as long as the socket is open, or just for the refusal of the handshake.
        with self.services.occupancy.place(rate_key(self.client_address())):
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
        protocol = self.ws_connection
        stream = getattr(protocol, "stream", None)
        assert protocol is not None and stream is not None  # noqa: S101 -- it has just been opened
        self._writer = FrameWriter(stream, protocol.is_closing, self._lags, self.lifecycle.traffic)
        self._seat = Seat(self.services.hub, self._writer.write, self._dismiss)
        self._pulse = self.services.heartbeat.join(self._ask, self._give_up)
        self.services.hub.join(self._seat)

    def on_close(self) -> None:
        """Leave it. From then on nothing is heard, whatever comes in until the other side has closed, too."""
        self._forget_expiry()
        if self._seat is not None:
            gone = Ending(self.close_code or GONE, self.close_reason or "", CLIENT)
            self.lifecycle.access.closed(self, self._ending or gone)
            self.services.hub.leave(self._seat)
            self._seat = None
        if self._pulse is not None:
            self._pulse.leave()
            self._pulse = None

    def on_pong(self, data: bytes) -> None:
        """The watcher is there."""
        if self._pulse is not None:
            self._pulse.answered = True

    def _ask(self) -> None:
        self._write(_PING)

    def _give_up(self) -> None:
        self._hang_up(*SILENT)

    def _hang_up(self, code: int, reason: str) -> None:
        if self._seat is not None:
            self.services.closings.count(reason)
        self._ending = Ending(code, reason, SERVER)
        self.on_close()
        self.close(code, reason)

    def _lags(self) -> None:
        log.info("a socket that nobody reads is closed", extra=self.context.fields())
        self._ending = Ending(GONE, NOT_READING, SERVER)
        if self._seat is not None:
            self.services.closings.count(NOT_READING)

    def _dismiss(self, why: Refusal | None) -> None:
        if why is None:
            self._hang_up(*STOPPING)
        else:
            self._write(self._no(why))
            self._hang_up(BY_STATUS + status_of(why), why.code)

    # --- what the watcher says --------------------------------------------------------------------

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Answer one message; the next one is read when this answer has left."""
        if self._seat is None:
            return None
        if isinstance(message, bytes):
            self._write(self._no(Malformed("unsupported_data", "Messages are JSON in text frames.")))
            self._hang_up(*TEXT_ONLY)
            return None
        try:
            decoded = decode(message)
        except Refusal as refusal:
            return self._say(self._no(refusal))
        return self._say(_PONG) if isinstance(decoded, Ping) else self._answer(decoded)

    async def _answer(self, message: Auth | Action) -> None:
        try:
            await (self._act(message) if isinstance(message, Action) else self._authenticate(message.token))
        except Exception:  # as over HTTP: logged whole, and told to be our fault
            self.log_exception(*sys.exc_info())
            self._hang_up(*FAILED)

    async def _authenticate(self, token: str) -> None:
        try:
            identity = await self._identify(token)
            if self._seat is None:  # it has left while a key was fetched
                return
            answer = self._own(self._seat, identity)
        except Refusal as refusal:
            await _left(self._write(self._no(refusal)))
            return
        await _left(self._write(answer))
        # A trusted server may be the only one who claims for this user, and has no name to tell.
        await self.services.profiles.introduce(identity.user, identity.profile)

    async def _identify(self, token: str) -> Identity:
        try:
            return await self.services.verifier.identify(token)
        except Unauthenticated:
            self.services.turnstile.pass_stranger(self.client_address())
            raise

    def _own(self, seat: Seat, identity: Identity) -> bytes:
        if seat.user not in (None, identity.user):
            raise Unacceptable("already_authenticated", "This socket belongs to another user.")
        self.services.gate.check_welcome(identity.user)
        if seat.user is None:
            self.services.occupancy.check_user(self.services.hub.watches(identity.user))
        self.services.hub.own(seat, identity)
        self._close_at_expiry(seat, identity)
        expires_at = timestamp(int(identity.expires_at * 1e6))
        return text_frame({"type": "auth.ok", "userId": identity.user, "expiresAt": expires_at})

    def _close_at_expiry(self, seat: Seat, identity: Identity) -> None:
        self._forget_expiry()
        left = max(0.0, identity.expires_at - time.time())
        self._expiry = asyncio.get_running_loop().call_later(left, seat.dismiss, expired())

    def _forget_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    async def _act(self, action: Action) -> None:
        try:
            outcome = counted(await self._submit(action))
        except Refusal as refusal:
            self._count_refused(refusal)
            outcome = refused(refusal)
        told = msgspec.to_builtins(outcome)
        await _left(self._write(text_frame({"type": "action.result", "id": action.id} | told)))

    async def _submit(self, action: Action) -> Receipt:
        """The very road of the POST."""
        identity = self._seat.identity if self._seat is not None else None
        if identity is None:
            raise Unauthenticated("token_missing", "This needs an `auth` message first.")
        if identity.expires_at <= time.time():  # timers may be late, and know nothing of a clock that is set
            raise expired()
        address = self.client_address()
        self.services.turnstile.pass_user(identity, address)
        return await self.services.submitting.submit(
            identity, action.action_id, action.action_type, captcha=action.captcha, address=address
        )

    # --- what it is told --------------------------------------------------------------------------

    def _write(self, frame: bytes) -> asyncio.Future[None] | None:
        return self._writer.write(frame) if self._writer is not None else None

    def _no(self, refusal: Refusal) -> bytes:
        self._count_refused(refusal)
        return text_frame({"type": "error", "code": refusal.code, "message": refusal.detail})

    def _count_refused(self, refusal: Refusal) -> None:
        self.lifecycle.traffic.refuse(SOCKET, refusal.code)

    def _say(self, frame: bytes) -> Awaitable[None] | None:
        written = self._write(frame)
        return None if written is None or written.done() else _left(written)


async def _left(written: asyncio.Future[None] | None) -> None:
    if written is not None:
        with contextlib.suppress(StreamClosedError):
            await written


def expired() -> Unauthenticated:
    """The no when a token's time is over."""
    return Unauthenticated("token_expired", "The token has expired.")
