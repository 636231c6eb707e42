"""How a socket ends, and how much it may take."""

from __future__ import annotations

from ...flow.moderating import key_gone
from ...rules.bans import Banned
from ...rules.refusals import Refusal
from ...rules.revocations import TokenRevoked
from ..frame_writer import WRITE_PATIENCE_S
from ..live_socket import (
    BY_STATUS,
    FAILED,
    MESSAGE_LIMIT,
    PING_INTERVAL_S,
    PING_PATIENCE_S,
    SILENT,
    STOPPING,
    TEXT_ONLY,
    expired,
)
from ..openapi.shapes import Json
from ..refusal_status import status_of


def _ending(code: int, reason: str, when: str) -> Json:
    return {"code": code, "reason": reason, "when": when}


def _dismissal(why: Refusal, when: str) -> Json:
    return _ending(BY_STATUS + status_of(why), why.code, when)


# Where an `error` comes first, it has the same code.
CLOSE_CODES = [
    _ending(*SILENT, "A ping of the protocol was not answered."),
    _ending(*STOPPING, "The server stops. Come back after that time and some more, by chance."),
    _ending(*TEXT_ONLY, "A binary message was sent; an `error` of `unsupported_data` comes first."),
    _ending(1009, "message too big", "A message was larger than `messageBytes`."),
    _ending(*FAILED, "The server has failed, and has logged why; to repeat an action is safe."),
    _dismissal(expired(), "The token has expired, and no newer one came in time; an `error` comes first."),
    _dismissal(TokenRevoked(), "The token was revoked; an `error` comes first."),
    _dismissal(key_gone(), "The key of the token is trusted no longer; an `error` comes first."),
    _dismissal(Banned(), "The user was banned; an `error` comes first."),
]

LIMITS: Json = {
    "messageBytes": MESSAGE_LIMIT,
    "pingIntervalSeconds": PING_INTERVAL_S,
    "pongWithinSeconds": PING_PATIENCE_S,
    "readWithinSeconds": WRITE_PATIENCE_S,
}
