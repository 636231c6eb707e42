"""Who of a sealed season was decided about later, from an export alone: what its corrected board takes."""

from __future__ import annotations

from ..seasons import Amended
from .lines import About, BanLine, LateLine, TotalLine
from .meaning import ban_of


class Amending:
    """Gathers what an export tells of late decisions, in the memory of the users whom they are about."""

    def __init__(self) -> None:
        self._late: dict[tuple[int, str], int] = {}
        self._bans: dict[str, BanLine] = {}

    def take(self, line: LateLine | BanLine) -> None:
        """One of them, in the order of the export, so before any season."""
        if isinstance(line, BanLine):
            self._bans[line.user] = line
        else:
            account = (line.season, line.user)
            self._late[account] = self._late.get(account, 0) + line.points

    @property
    def bans(self) -> list[BanLine]:
        """All of them."""
        return list(self._bans.values())

    def of(self, season: About) -> AmendedSeason:
        """Those about one sealed season."""
        assert season.seal is not None  # noqa: S101 -- the current one is not corrected but changed
        late = {user: points for (number, user), points in self._late.items() if number == season.number}
        bans = [ban_of(line) for line in self._bans.values()]
        anyway, if_hidden = (
            {ban.user for ban in bans if ban.hides(season.seal.at, was_hidden=was_hidden)}
            for was_hidden in (False, True)
        )
        return AmendedSeason(late, if_hidden, anyway)


class AmendedSeason:
    """Fed with who was hidden and with the totals, it tells whom to place anew, and where."""

    def __init__(self, late: dict[str, int], banned: set[str], reaching_back: set[str]) -> None:
        self._late = late
        self._banned = banned
        self._reaching_back = reaching_back
        self.hidden: set[str] = set()
        self.amended: list[Amended] = []
        self._gone = 0

    def take(self, line: TotalLine) -> None:
        """A user's total; everybody who is hidden is known by now."""
        user = line.user
        is_hidden = user in self.hidden
        if not (is_hidden or user in self._late or user in self._reaching_back):
            return
        is_out = user in self._reaching_back or (is_hidden and user in self._banned)
        is_shown = not is_out and line.reached_at > 0
        score = line.score + self._late.get(user, 0) if is_shown else None
        self.amended.append(Amended(user, score, line.reached_at))
        was_shown = not is_hidden and line.reached_at > 0
        self._gone += was_shown - is_shown

    def users(self, announced: int) -> int:
        """How many are on the corrected board. announced: on the other one."""
        return announced - self._gone
