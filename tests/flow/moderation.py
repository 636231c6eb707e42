"""A fake of the `Moderation` port: bans, acts and entries in lists."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from scoreboard_server.flow.ports import StoreUnavailable, ToCorrect
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.entry import Correction, Entry
from scoreboard_server.rules.revocations import Revocation


class FakeModeration:
    """Remembers everything. `faults` many looks fail first; `on_correct` runs before a correction."""

    def __init__(self, *entries: Entry) -> None:
        self.entries: dict[str, Entry] = {entry.action: entry for entry in entries}
        self.newest: dict[str, Ban] = {}
        self.revoked: list[Revocation] = []
        self.acts: list[Act] = []
        self.bites: list[int] = []
        self.looks = 0
        self.faults = 0
        self.season = 1
        self.on_correct: Callable[[], None] = lambda: None

    def act(self, action: str, *, user: str = "ann", points: int = 10, at: int = 100) -> None:
        """As if the user had had this counted."""
        self.entries[action] = Entry(user, action, "open", points, at)

    def score(self) -> int:
        """The fold over all entries."""
        return sum(entry.points for entry in self.entries.values())

    async def ban_of(self, user: str) -> Ban | None:
        return self.newest.get(user)

    async def bans(self) -> list[Ban]:
        return [ban for ban in self.newest.values() if ban.lifted_at is None]

    async def put_ban(self, ban: Ban, act: Act) -> None:
        self.newest[ban.user] = ban
        self.acts.append(act)

    async def revocations_of(self, token_id: str, user: str) -> list[Revocation]:
        return [each for each in self.revoked if token_id == each.token_id or user == each.user]

    async def revoke(self, revocation: Revocation, act: Act) -> None:
        self.revoked.append(revocation)
        self.acts.append(act)

    async def adjust(self, adjustment: Correction, season: int, act: Act, writer: str) -> bool:
        if adjustment.action in self.entries:
            return False
        self.entries[adjustment.action] = adjustment
        self.acts.append(act)
        return True

    async def season_of(self, user: str, action: str) -> int | None:
        return self.season if action in self.entries else None

    async def to_take_back(self, ban: Ban, limit: int) -> list[ToCorrect]:
        await asyncio.sleep(0)
        self.looks += 1
        if self.faults:
            self.faults -= 1
            raise StoreUnavailable("away")
        assert ban.taken_back_from is not None
        actions = [e for e in self.entries.values() if not isinstance(e, Correction) and e.user == ban.user]
        since = [e for e in actions if e.at >= ban.taken_back_from]
        counting = [ToCorrect(e.action, -e.points - self._corrected()[e.action]) for e in since]
        return [each for each in counting if each.points][:limit]

    async def to_give_back(self, ban: Ban, limit: int) -> list[ToCorrect]:
        await asyncio.sleep(0)
        return [ToCorrect(action, -points) for action, points in self._corrected().items() if points][:limit]

    async def count_named(self, user: str, prefix: str) -> int:
        await asyncio.sleep(0)
        return sum(e.user == user and e.action.startswith(prefix) for e in self.entries.values())

    def _corrected(self) -> Counter[str]:
        sums: Counter[str] = Counter()
        for entry in self.entries.values():
            if isinstance(entry, Correction) and entry.of is not None:
                sums[entry.of] += entry.points
        return sums

    async def correct(self, ban: Ban, corrections: Sequence[Correction], writer: str) -> bool:
        await asyncio.sleep(0)
        self.on_correct()
        newest = self.newest.get(ban.user)
        if newest is None or (newest.id, newest.lifted_at) != (ban.id, ban.lifted_at):
            return False
        self.bites.append(len(corrections))
        for correction in corrections:
            self.entries.setdefault(correction.action, correction)
        return True
