"""`POST /api/actions`: leave to claim an action, before it is begun."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ..rules.instants import timestamp
from . import strict_json
from .base_handler import BaseHandler

_encode = msgspec.json.Encoder().encode


class Wish(Struct, forbid_unknown_fields=True, rename="camel"):
    """The body: what the user is about to do."""

    action_type: str


class Given(Struct, frozen=True, rename="camel"):
    """The answer. Times are RFC 3339 in UTC; `action_id` is the ticket."""

    action_id: str
    action_type: str
    not_before: str
    expires_at: str


_wishes = msgspec.json.Decoder(Wish)


class TicketsHandler(BaseHandler):
    """Gives tickets. They cost nothing and are kept nowhere."""

    async def post(self) -> None:
        """Answer 201 with a ticket."""
        identity = await self.identity_within_limits()
        self.check_is_json()
        wish = strict_json.decode(self.request.body, _wishes)
        ticket = self.services.gate.ticket(identity, wish.action_type)
        self.set_status(201)
        self.set_header("Cache-Control", "no-store")
        self.answer(
            _encode(
                Given(
                    ticket.text,
                    wish.action_type,
                    timestamp(ticket.not_before * 1000),
                    timestamp(ticket.not_after * 1000),
                )
            )
        )
