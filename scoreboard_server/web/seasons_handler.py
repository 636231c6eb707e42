"""`GET /api/seasons`: which seasons there are."""

from __future__ import annotations

import msgspec

from ..flow.season_rows import season_row
from .base_handler import BaseHandler

_encode = msgspec.json.Encoder().encode


class SeasonsHandler(BaseHandler):
    """All of them, the current one first."""

    async def get(self) -> None:
        """Answer 200."""
        users = self.services.hub.published.total
        rows = [season_row(season, users) for season in self.services.seasons.all()]
        self.set_header("Cache-Control", "no-cache")
        self.answer(_encode({"seasons": rows}))

    async def head(self) -> None:
        """As GET, without the body."""
        await self.get()
