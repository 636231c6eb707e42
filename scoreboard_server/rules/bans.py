"""Bans: who may not submit and is not shown, and until when."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from .refusals import Forbidden


class Ban(Struct, frozen=True):
    """One ban of one user. All times in µs since the Unix epoch.

    id: names this ban among all of the user's. until: when it ends by itself, None for never.
    taken_back_from: points of actions since then are taken back, None for none. lifted_at: when an admin has
    ended it. What earlier bans have hidden stays so until an admin lifts one: reached_from is the earliest
    `taken_back_from` of those before it that were not lifted, pardoned_at the newest `lifted_at`.
    """

    user: str
    id: str
    reason: str
    by: str
    since: int
    until: int | None = None
    taken_back_from: int | None = None
    lifted_at: int | None = None
    reached_from: int | None = None
    pardoned_at: int | None = None

    def behind(self, earlier: Ban) -> Ban:
        """This one as it takes the place of an earlier one."""
        if earlier.lifted_at is not None:
            return replace(self, pardoned_at=earlier.lifted_at)
        reach = earliest(earlier.taken_back_from, earlier.reached_from)
        return replace(self, reached_from=reach, pardoned_at=earlier.pardoned_at)

    def hides(self, sealed_at: int, *, was_hidden: bool) -> bool:
        """Whether the corrected board of a season sealed then is without the user.

        was_hidden: whether the announced one is, for a ban that was in force at the seal.
        """
        if self.lifted_at is not None:
            return False
        reach = earliest(self.taken_back_from, self.reached_from)
        if reach is not None and reach < sealed_at:
            return True
        return was_hidden and (self.pardoned_at is None or self.pardoned_at < sealed_at)

    def is_in_force(self, now: int) -> bool:
        """Whether it holds at that time."""
        return self.lifted_at is None and (self.until is None or now < self.until)


def earliest(*instants: int | None) -> int | None:
    """Of those that there are."""
    return min((each for each in instants if each is not None), default=None)


class Banned(Forbidden):
    """Whose ban is in force. Why is between the user and the admins."""

    def __init__(self) -> None:
        super().__init__("banned", "This user is banned.")


class BanList:
    """The newest ban of each user, unless an admin has lifted it."""

    def __init__(self, bans: Iterable[Ban] = ()) -> None:
        self.replace(bans)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._bans)

    def put(self, ban: Ban) -> None:
        """This is the user's newest one; a lifted one is forgotten with those before it."""
        if ban.lifted_at is None:
            self._bans[ban.user] = ban
        else:
            self._bans.pop(ban.user, None)

    def replace(self, bans: Iterable[Ban]) -> None:
        """These are all there are."""
        self._bans: dict[str, Ban] = {}
        for ban in bans:
            self.put(ban)

    def of(self, user: str, now: int) -> Ban | None:
        """The ban that holds for this user, None for a user in good standing."""
        ban = self._bans.get(user)
        return ban if ban is not None and ban.is_in_force(now) else None

    def check(self, user: str, now: int) -> None:
        """Raises Banned."""
        if self.of(user, now) is not None:
            raise Banned

    def in_force(self, now: int) -> list[Ban]:
        """All that hold, in the order of users."""
        return sorted((b for b in self._bans.values() if b.is_in_force(now)), key=lambda ban: ban.user)
