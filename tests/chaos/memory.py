"""What a user remembers of what was told, and what the next answer must therefore be, across seasons too.

An answer does not name its season. A server shows the old season until it has followed the change, and no
older one ever again; so while seasons change an answer must fit the old board or the new one, and at every
other time the one that is current.

What is certain of a new board before it has told anything: it shows all that was acknowledged before the
change began and is not in the season that was sealed, and on each server also what that server has
acknowledged since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from scoreboard_server.rules.seasons import FIRST_NUMBER

from .chronicle import POINTS
from .seasons import Seasons


class View:
    """What the boards of one season must show of one user.

    older: what was acknowledged before the season began. past: what is known to be of earlier seasons.
    everywhere: the least score of any board of this season at any time.
    """

    def __init__(self, older: Collection[str], past: frozenset[str]) -> None:
        self._older = frozenset(older)
        self.past = past
        self.everywhere = 0
        self.knows_past = False
        self._told_by: dict[int, int] = {}
        self._counted_by: defaultdict[int, set[str]] = defaultdict(set)

    def learn_past(self, past: frozenset[str]) -> None:
        """This is all of earlier seasons; everything else is of this season, or will be of a later one."""
        self.past = past
        self.knows_past = True
        self.everywhere = POINTS * len(self._older - past)
        for counted in self._counted_by.values():
            counted.difference_update(past)

    def learn_counted(self, action: str, port: int) -> None:
        """This server has acknowledged it, so its board of this season shows it, unless it is of the past."""
        if action not in self._older and action not in self.past:
            self._counted_by[port].add(action)

    def learn_score(self, score: int, port: int) -> None:
        """This server has told this score; if it shows this season later, it did so then."""
        self._told_by[port] = max(score, self._told_by.get(port, 0))

    def least(self, port: int) -> int:
        """What this server shows at least."""
        return max(self._told_by.get(port, 0), self._surely(self._counted_by[port]))

    @property
    def highest(self) -> int:
        """What a server shows at least that has followed all that was told before."""
        return max(*self._told_by.values(), 0, self._surely(set().union(*self._counted_by.values())))

    def _surely(self, counted: Collection[str]) -> int:
        return self.everywhere + POINTS * len(counted) if self.knows_past else 0


@dataclass(frozen=True)
class Expectation:
    """What was known when something was asked for.

    oldest: the season before which none can be answered from. least, highest: by season.
    """

    oldest: int
    least: dict[int, int]
    highest: dict[int, int]
    added: int


@dataclass
class Record:
    """One user's memory.

    asked: every id that was ever sent. acknowledged: id → the score last told for it.
    """

    user: str
    seasons: Seasons = field(default_factory=Seasons)
    asked: set[str] = field(default_factory=set)
    acknowledged: dict[str, int] = field(default_factory=dict)
    _views: dict[int, View] = field(default_factory=dict, init=False)

    def expect(self, action: str, port: int, *, is_new: bool) -> Expectation:
        """To be called just before asking. is_new: nobody was ever asked for this id."""
        self._catch_up()
        is_repeat = action in self.acknowledged
        # A repeat is answered when its server has followed all that was done before, a season's change too.
        oldest = self.seasons.done if is_repeat else self.seasons.settled
        views = {season: self._views[season] for season in range(oldest, self._newest + 1)}
        highest = {season: view.highest for season, view in views.items()}
        least = highest if is_repeat else {season: view.least(port) for season, view in views.items()}
        return Expectation(oldest, least, highest, POINTS if is_new else 0)

    def learn(self, action: str, score: int, port: int, expected: Expectation) -> tuple[int | None, str]:
        """A final answer has come: the oldest season whose board it fits, if any, and what it had to be."""
        self._catch_up()
        ranges = {
            season: self._range(season, expected) for season in range(expected.oldest, self._newest + 1)
        }
        fitting = next((season for season, fits in ranges.items() if score in fits), None)
        self.acknowledged[action] = score
        if fitting is not None:
            self._views[fitting].learn_score(score, port)
        for season in ranges:
            self._views[season].learn_counted(action, port)
        return fitting, " or ".join(
            f"{fits[0]}..{fits[-1]}" if fits else "nothing" for fits in ranges.values()
        )

    def _range(self, season: int, expected: Expectation) -> range:
        view = self._views[season]
        least = max(expected.least.get(season, 0), view.everywhere) + expected.added
        return range(least, POINTS * len(self.asked - view.past) + 1)

    @property
    def _newest(self) -> int:
        return max(self._views)

    def _catch_up(self) -> None:
        """Whatever was acknowledged before this sees that a season has begun was so before it began."""
        done, begun = self.seasons.done, self.seasons.begun
        if not self._views:
            self._views[FIRST_NUMBER] = first = View((), frozenset())
            first.learn_past(frozenset())
        for season in range(self._newest + 1, begun + 1):
            self._views[season] = View(self.acknowledged, self._views[season - 1].past)
        for season in range(FIRST_NUMBER + 1, done + 1):
            if not self._views[season].knows_past:
                sealed = self.seasons.sealed[season - 1].get(self.user, frozenset())
                self._views[season].learn_past(self._views[season - 1].past | sealed)
