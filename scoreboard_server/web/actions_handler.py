"""`GET /api/users/{userId}/actions`: a user's own ledger."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ..flow.explaining import Action, action
from ..rules.history import read_place
from ..rules.refusals import Forbidden
from .base_handler import BaseHandler

LIMIT = 1000
_DEFAULT_LIMIT = 50

_encode = msgspec.json.Encoder().encode


class Actions(Struct, frozen=True, rename="camel"):
    """The answer. next: the next page's `cursor`. score, rank: of now; null for who isn't on the board."""

    actions: list[Action]
    next: str | None
    score: int | None
    rank: int | None


class ActionsHandler(BaseHandler):
    """Where each point of a user came from, for that user's eyes."""

    async def get(self, user: str) -> None:
        """Answer 200 with a page, newest first. Query: limit (1-1000, default 50), cursor."""
        if (await self.identity()).user != user:
            raise Forbidden("scope_missing", "A token lists the actions of its own user alone.")
        limit = self.query_number("limit", _DEFAULT_LIMIT, 1, LIMIT)
        cursor = self.query_text("cursor")
        place = read_place(cursor) if cursor is not None else None
        page = await self.services.explaining.page(user, place, limit)
        standing = self.services.hub.standing(user)
        answer = Actions(
            actions=[action(line) for line in page.lines],
            next=str(page.next) if page.next else None,
            score=standing.score if standing else None,
            rank=standing.rank if standing else None,
        )
        self.set_header("Cache-Control", "no-store")
        self.answer(_encode(answer))

    async def head(self, user: str) -> None:
        """As GET, without the body."""
        await self.get(user)
