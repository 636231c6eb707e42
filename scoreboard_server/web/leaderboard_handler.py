"""`GET /api/leaderboard` and `GET /api/users/{userId}`: reading the board."""

from __future__ import annotations

import msgspec

from ..live.reader import Reading, View
from ..rules.identifiers import is_user_id
from ..rules.refusals import NotFound, Unacceptable
from .base_handler import BaseHandler
from .services import Lifecycle

LIMIT = 1000
ANNOUNCED, CORRECTED = "announced", "corrected"
OFFSET = 1_000_000_000

_encode = msgspec.json.Encoder().encode


class LeaderboardHandler(BaseHandler):
    """A view of the board; with a bearer also the asker's own rank."""

    def initialize(self, lifecycle: Lifecycle, route: str, top: int = 10) -> None:
        """top: how many rows are shown when no limit is given; as many as the sockets show."""
        super().initialize(lifecycle, route)
        self._top = top

    async def get(self) -> None:
        """Answer 200 with the view, 304 when the client has it already."""
        identity = await self.identity_if_told()
        view = self._view(identity.user if identity else None)
        reading = await self.services.boards.read(view)
        if reading.etag is not None:
            self.set_header("ETag", reading.etag)
        # In one line with what is there: some proxies look at one line only.
        self.set_header("Vary", ", ".join([*self._headers.get_list("Vary"), "Authorization"]))
        self.set_header("Cache-Control", _who_may_keep(view, reading))
        if _matches(self.request.headers.get("If-None-Match"), reading.etag):
            self.set_status(304)
            self.finish()
        else:
            self.answer(reading.body)

    async def head(self) -> None:
        """As GET, without the body."""
        await self.get()

    def _view(self, asker: str | None) -> View:
        if not self.request.query:
            return View(self._top, asker=asker)
        around, users = self.query_text("around"), self.query_text("users")
        if sum(given is not None for given in (around, users, self.query_text("offset"))) > 1:
            raise Unacceptable("invalid_request", "`around`, `users` and `offset` exclude each other.")
        return View(
            limit=self.query_number("limit", self._top, 1, LIMIT),
            offset=self.query_number("offset", 0, 0, OFFSET),
            around=_user(around) if around is not None else None,
            users=_users(users) if users is not None else (),
            season=self.query_text("season"),
            announced=self._board() == ANNOUNCED,
            asker=asker,
        )

    def _board(self) -> str:
        """Of a sealed season: which of its two boards."""
        wanted = self.query_text("edition") or CORRECTED
        if wanted not in (ANNOUNCED, CORRECTED):
            raise Unacceptable("invalid_request", "`edition` must be `announced` or `corrected`.")
        return wanted


class UserHandler(BaseHandler):
    """One user's place on the board."""

    async def get(self, user: str) -> None:
        """Answer 200 with the user's row, 404 when the user isn't on the board."""
        if not is_user_id(user):
            raise NotFound("user_not_found", "No user of that id is on the board.")
        self.set_header("Cache-Control", "no-cache")
        self.answer(_encode(await self.services.reader.user(user)))

    async def head(self, user: str) -> None:
        """As GET, without the body."""
        await self.get(user)


def _who_may_keep(view: View, reading: Reading) -> str:
    """RFC 9111. What everybody sees alike a proxy may show for a second; a browser always asks.

    Not so what is asked by name: who asks for a user has just acted for one, who names a season wants to know
    whether it has ended, and names that are missing now will be there soon.
    """
    if view.asker is not None:
        return (
            "private, no-cache"  # a proxy may keep what came for a bearer if it is told that it may be shared
        )
    if view.around is not None or view.users or view.season is not None or reading.etag is None:
        return "no-cache"
    return "max-age=0, s-maxage=1, must-revalidate"


def _user(text: str) -> str:
    if not is_user_id(text):
        raise Unacceptable("invalid_request", "A user id is 1-64 characters of A-Za-z0-9_.:@-")
    return text


def _users(text: str) -> tuple[str, ...]:
    users = tuple(_user(user) for user in text.split(","))
    if len(users) > LIMIT:
        raise Unacceptable("invalid_request", f"`users` takes at most {LIMIT} ids.")
    return users


def _matches(if_none_match: str | None, etag: str | None) -> bool:
    """RFC 9110, section 13.1.2: weak comparison against a list."""
    if if_none_match is None or etag is None:
        return False
    return any(tag.strip().removeprefix("W/") in ("*", etag) for tag in if_none_match.split(","))
