"""`POST /api/scores/batch`: a trusted game server has many actions counted at once."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from ..rules.claims import Identity
from ..rules.entry import Receipt
from ..rules.refusals import Forbidden, Malformed, Refusal, TooMany, Unacceptable, Unavailable
from . import strict_json
from .base_handler import CONNECTION_BODY_LIMIT, BaseHandler
from .refusal_status import status_of
from .score_handler import counted

ITEMS = 1000

_encode = msgspec.json.Encoder().encode
_lists: msgspec.json.Decoder[list[Raw]] = msgspec.json.Decoder(list[Raw])


class Item(Struct, forbid_unknown_fields=True, rename="camel"):
    """One action of one user."""

    user_id: str
    action_id: str
    action_type: str


class Result(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What became of one item: the fields of the single answer, or of a problem."""

    success: bool
    message: str
    new_score: int | UnsetType = UNSET
    leaderboard_position: int | UnsetType | None = UNSET
    replayed: bool | UnsetType = UNSET
    status: int | UnsetType = UNSET
    code: str | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


_items = msgspec.json.Decoder(Item)


class BatchHandler(BaseHandler):
    """Counts up to 1,000 actions of any users, each for itself."""

    body_limit = CONNECTION_BODY_LIMIT

    async def post(self) -> None:
        """Answer 200 with a result per item, in order; one that is refused fails none of its neighbours."""
        identity = await self.identity_within_limits()
        if not identity.is_trusted:
            raise Forbidden("scope_missing", "Only a trusted server may submit batches.")
        self.check_is_json()
        results = await asyncio.gather(*(self._count(identity, raw) for raw in _split(self.request.body)))
        self.answer(_encode({"results": results}))

    async def _count(self, identity: Identity, raw: Raw) -> Result:
        try:
            item = strict_json.decode(bytes(raw), _items)
            receipt = await self.services.submitting.submit(
                identity, item.action_id, item.action_type, item.user_id
            )
        except Refusal as refusal:
            return _refused(refusal)
        return _counted(receipt)


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


def _counted(receipt: Receipt) -> Result:
    answer = counted(receipt)
    return Result(
        success=True,
        message=answer.message,
        new_score=answer.new_score,
        leaderboard_position=answer.leaderboard_position,
        replayed=receipt.replayed,
    )


def _refused(refusal: Refusal) -> Result:
    return Result(
        success=False,
        message=refusal.detail,
        status=status_of(refusal),
        code=refusal.code,
        retry_after=refusal.retry_after if isinstance(refusal, Unavailable | TooMany) else UNSET,
    )
