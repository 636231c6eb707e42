"""`POST /api/scores/batch`: a trusted game server has many actions counted at once."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec import Raw, Struct

from ..rules.claims import Identity
from ..rules.refusals import Forbidden, Malformed, Refusal, Unacceptable
from . import long_bodies, strict_json
from .base_handler import BaseHandler
from .outcomes import Outcome, counted, refused
from .traffic import BATCH

ITEMS = 1000

_encode = msgspec.json.Encoder().encode
_lists: msgspec.json.Decoder[list[Raw]] = msgspec.json.Decoder(list[Raw])


class Item(Struct, forbid_unknown_fields=True, rename="camel"):
    """One action of one user."""

    user_id: str
    action_id: str
    action_type: str


_items = msgspec.json.Decoder(Item)


class BatchHandler(BaseHandler):
    """Counts up to 1,000 actions of any users, each for itself."""

    body_limit = long_bodies.BODY_LIMIT

    async def post(self) -> None:
        """Answer 200 with a result per item, in order; one that is refused fails none of its neighbours."""
        identity = await self.identity_within_limits()
        if not identity.is_trusted:
            raise Forbidden("scope_missing", "Only a trusted server may submit batches.")
        self.check_is_json()
        results = await asyncio.gather(*(self._count(identity, raw) for raw in _split(self.request.body)))
        self.answer(_encode({"results": results}))

    async def _count(self, identity: Identity, raw: Raw) -> Outcome:
        try:
            item = strict_json.decode(bytes(raw), _items)
            receipt = await self.services.submitting.submit(
                identity, item.action_id, item.action_type, item.user_id
            )
        except Refusal as refusal:
            self.lifecycle.traffic.refuse(BATCH, refusal.code)
            return refused(refusal)
        return counted(receipt)


def _split(body: bytes) -> list[Raw]:
    try:
        items = _lists.decode(body)
    except msgspec.ValidationError:
        strict_json.check(body)  # a wrong type is seen before the end, and what follows may be no JSON
        raise Unacceptable("invalid_request", "The body must be an array of actions.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed("invalid_json", "This is not valid JSON.") from None
    if len(items) > ITEMS:
        raise Unacceptable("invalid_request", f"A batch takes at most {ITEMS} actions.")
    return items
