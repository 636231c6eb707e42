"""ALTCHA: a captcha made and checked here. The browser works for a moment; no third party learns of anyone.

It keeps out scripts that don't bother and makes flooding cost something. It doesn't tell people from
programs: who wants to spend the processor's time may.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from altcha.v1 import ChallengeOptions, create_challenge, extract_params, verify_solution
from msgspec import Struct

from ..flow.captcha import failed

LIFE_S = 300
# Servers that share a store may have clocks that differ.
_CLOCK_SKEW_S = 60
# Far above what a real answer takes.
_LONGEST = 2_048
_LABEL = b"scoreboard: ALTCHA challenges, version 1"


class Answer(Struct, rename="camel"):
    """What a solver sends, as base64 of JSON; what else is in it does not matter."""

    algorithm: Literal["SHA-256"]
    challenge: str
    number: int
    salt: str
    signature: str


_answers = msgspec.json.Decoder(Answer)


class Altcha:
    """Fits `flow.ports.CaptchaProvider`, version 1 of the protocol.

    secret: the server's; only a key derived from it is used. difficulty: how many numbers a solver has to try
    at most, half of them on average. clock: seconds since the Unix epoch.
    """

    def __init__(self, secret: bytes, difficulty: int, clock: Callable[[], float]) -> None:
        self._key = hmac.digest(secret, _LABEL, hashlib.sha256)
        self._difficulty = difficulty
        self._clock = clock

    def offer(self) -> Mapping[str, object]:
        """A fresh challenge."""
        expires = datetime.fromtimestamp(self._clock(), UTC) + timedelta(seconds=LIFE_S)
        options = ChallengeOptions(max_number=self._difficulty, hmac_key=self._key, expires=expires)
        return {"provider": "altcha", **create_challenge(options).to_dict()}

    def mark(self, answer: str) -> str:
        """The signature: the answer's text has as many spellings as base64 and JSON allow.

        Only of what is ours, and right: for less the store is not asked. For as long as it is remembered it
        may be brought again by the action that it was spent on.
        """
        read = _read(answer)
        if self._expires(read) + _CLOCK_SKEW_S <= self._clock():
            raise failed()
        return f"altcha:{read.signature}"

    async def verify(self, answer: str, address: str | None) -> float:
        """See `CaptchaProvider.verify`. Two hashes; the work is the solver's."""
        expires = self._expires(_read(answer))
        if expires <= self._clock():
            raise failed()
        return expires + _CLOCK_SKEW_S

    def _expires(self, answer: Answer) -> int:
        payload = msgspec.to_builtins(answer)
        right, _ = verify_solution(payload, self._key, check_expires=False)
        if not right:
            raise failed()
        # Ours, as it is under our signature: so it has an expiry.
        return int(extract_params(payload)["expires"][0])


def _read(answer: str) -> Answer:
    if len(answer) > _LONGEST:
        raise failed()
    try:
        return _answers.decode(base64.b64decode(answer, validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        raise failed() from None
