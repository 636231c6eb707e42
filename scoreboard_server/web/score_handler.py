"""`POST /api/scores/update`: an action is to be counted."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ..rules.entry import Receipt
from . import strict_json
from .base_handler import BaseHandler
from .outcomes import message_of

_encode = msgspec.json.Encoder().encode


class Claim(Struct, forbid_unknown_fields=True, rename="camel"):
    """The body. userId: from a trusted server, whom it is for. captcha: an answer, if one was asked for."""

    action_id: str
    action_type: str
    user_id: str | None = None
    captcha: str | None = None


class Counted(Struct, rename="camel"):
    """The answer."""

    success: bool
    new_score: int
    leaderboard_position: int | None
    message: str


_claims = msgspec.json.Decoder(Claim)


class ScoreHandler(BaseHandler):
    """Counts one action."""

    async def post(self) -> None:
        """Answer 200 with the new score; repeats say so in a header."""
        identity = await self.identity_within_limits()
        self.check_is_json()
        claim = strict_json.decode(self.request.body, _claims)
        receipt = await self.services.submitting.submit(
            identity,
            claim.action_id,
            claim.action_type,
            claim.user_id,
            captcha=claim.captcha,
            address=self.client_address(),
        )
        if receipt.replayed:
            self.set_header("Idempotent-Replayed", "true")
        self.answer(_encode(counted(receipt)))


def counted(receipt: Receipt) -> Counted:
    """A receipt as the client reads it."""
    return Counted(True, receipt.score, receipt.rank, message_of(receipt))
