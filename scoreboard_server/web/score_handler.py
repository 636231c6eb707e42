"""`POST /api/scores/update`: an action is to be counted."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ..flow.submitting import Submitting
from ..rules.claims import Identity
from ..rules.entry import Receipt
from . import strict_json
from .base_handler import BaseHandler
from .outcomes import message_of

REPLAYED = "Idempotent-Replayed", "true"

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
    """Counts one action. Most come to it by the short road of `express`."""

    async def post(self) -> None:
        """Answer 200 with the new score; repeats say so in a header."""
        identity = await self.identity_within_limits()
        self.check_is_json()
        receipt = await count(self.services.submitting, identity, self.request.body, self.client_address())
        if receipt.replayed:
            self.set_header(*REPLAYED)
        self.answer(counted(receipt))


async def count(submitting: Submitting, identity: Identity, body: bytes, address: str) -> Receipt:
    """Have what a body claims counted.

    address: where it comes from. Raises what `strict_json.decode` and `Submitting.submit` raise.
    """
    claim = strict_json.decode(body, _claims)
    return await submitting.submit(
        identity, claim.action_id, claim.action_type, claim.user_id, captcha=claim.captcha, address=address
    )


def counted(receipt: Receipt) -> bytes:
    """A receipt as the client reads it."""
    return _encode(Counted(True, receipt.score, receipt.rank, message_of(receipt)))
