"""When a user's rate looks wrong. Pure: the clock is an argument, and memory is bounded."""

from __future__ import annotations

from collections import OrderedDict

# A hasty person or a client that repeats itself meets a limit once or twice; five times is a loop.
REFUSALS = 5
REFUSALS_SPAN_S = 600.0
# A cap leaves room for bursts. By hand nobody keeps up four fifths of it for five minutes.
BUSY_SHARE = 0.8
BUSY_SPAN_S = 300.0
# Who is pushed out of memory is who has been quiet for longest, so never who is to be caught.
USERS = 10_000

_PARTS = 10


class Tally:
    """How often something happened in about the last `span` seconds: ten counters, however often it was."""

    __slots__ = ("_counts", "_part", "_width")

    def __init__(self, span: float) -> None:
        self._width = span / _PARTS
        self._counts = [0] * _PARTS
        self._part = 0

    def add(self, now: float) -> int:
        """Count one more; how many there are now, this one included."""
        part = int(now // self._width)
        for passed in range(self._part + 1, min(part, self._part + _PARTS) + 1):
            self._counts[passed % _PARTS] = 0
        if part - self._part > _PARTS:
            self._counts = [0] * _PARTS
        self._part = max(part, self._part)
        self._counts[self._part % _PARTS] += 1
        return sum(self._counts)


class _Evidence:
    __slots__ = ("claims", "refusals", "suspected")

    def __init__(self) -> None:
        self.refusals = Tally(REFUSALS_SPAN_S)
        self.claims: dict[str, Tally] = {}  # as many as there are action types
        self.suspected = False


class Suspicion:
    """Whom to ask for a captcha. Once raised, a suspicion stays until it is lifted.

    now: seconds of a clock that never goes back.
    """

    def __init__(self, users: int = USERS) -> None:
        self._limit = users
        self._users: OrderedDict[str, _Evidence] = OrderedDict()

    def refused(self, user: str, now: float) -> None:
        """The user met a limit: a cap, the flood limit, or came back too early with a ticket."""
        evidence = self._of(user)
        if evidence.refusals.add(now) >= REFUSALS:
            evidence.suspected = True

    def claimed(self, user: str, action_type: str, per_minute: int, now: float) -> None:
        """The user claimed an action of a type that is capped at so many a minute; 0: it isn't."""
        if per_minute == 0:
            return
        evidence = self._of(user)
        tally = evidence.claims.setdefault(action_type, Tally(BUSY_SPAN_S))
        if tally.add(now) > BUSY_SHARE * per_minute * BUSY_SPAN_S / 60:
            evidence.suspected = True

    def suspects(self, user: str) -> bool:
        """Whether a captcha is due."""
        evidence = self._users.get(user)
        return evidence is not None and evidence.suspected

    def lift(self, user: str) -> None:
        """The user has passed a captcha; all evidence is forgotten."""
        self._users.pop(user, None)

    def _of(self, user: str) -> _Evidence:
        evidence = self._users.get(user)
        if evidence is None:
            evidence = self._users[user] = _Evidence()
            if len(self._users) > self._limit:
                self._users.popitem(last=False)
        self._users.move_to_end(user)
        return evidence
