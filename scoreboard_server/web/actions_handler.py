"""`GET /api/users/{userId}/actions`: a user's own ledger."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ..flow.explaining import Action, action
from ..flow.season_keeping import named
from ..rules.board import Standing
from ..rules.history import read_place
from ..rules.refusals import Forbidden
from ..rules.seasons import Season
from .base_handler import BaseHandler

LIMIT = 1000
_DEFAULT_LIMIT = 50

_encode = msgspec.json.Encoder().encode


class Actions(Struct, frozen=True, rename="camel"):
    """The answer. next: the next page's `cursor`. score, rank: of now; null for who isn't on that board."""

    actions: list[Action]
    next: str | None
    score: int | None
    rank: int | None


class ActionsHandler(BaseHandler):
    """Where each point of a user came from, for that user's eyes."""

    async def get(self, user: str) -> None:
        """Answer 200 with a page, newest first. Query: limit (1-1000, default 50), cursor, season."""
        if (await self.identity()).user != user:
            raise Forbidden("scope_missing", "A token lists the actions of its own user alone.")
        limit = self.query_number("limit", _DEFAULT_LIMIT, 1, LIMIT)
        cursor = self.query_text("cursor")
        place = read_place(cursor) if cursor is not None else None
        season = self._season()
        number = season.number if season is not None else None
        page = await self.services.explaining.page(user, place, limit, number)
        standing = await self._standing(user)
        answer = Actions(
            actions=[action(line) for line in page.lines],
            next=str(page.next) if page.next else None,
            score=standing.score if standing else None,
            rank=standing.rank if standing else None,
        )
        self.set_header("Cache-Control", "no-store")
        self.answer(_encode(answer))

    def _season(self) -> Season | None:
        name = self.query_text("season")
        return named(self.services.seasons.all(), name) if name is not None else None

    async def _standing(self, user: str) -> Standing | None:
        season = self._season()  # once more, as it may have been sealed meanwhile
        if season is None or season.number == self.services.hub.season.number:
            return self.services.hub.standing(user)
        return await self.services.boards.final_standing(season, user)

    async def head(self, user: str) -> None:
        """As GET, without the body."""
        await self.get(user)
