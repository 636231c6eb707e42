"""Repeats: what they are told who ask for an action again, or for one that somebody else has counted.

It adds nothing, and is answered only when this board has followed past the original: so nobody is told less
than any process has shown with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from typing import Protocol

from ..live.live_board import LiveBoard
from ..rules.entry import Entry, Receipt, Submission
from ..rules.refusals import Refusal, Unacceptable, Unavailable
from .flights import Flight, Flights, not_added
from .lookups import Lookups
from .ports import Ledger, Recorded

# How long an answer may wait until this board has followed past the original, within its own deadline: for an
# overloaded machine, as an answer that comes late is better than one that has to be asked for again.
FENCE_PATIENCE_S = 3.0


class Fence(Protocol):
    """Tells when this board contains everything that was durable at the time of the call."""

    async def passed(self, patience: float) -> bool:
        """True when it does, False when that isn't known after `patience` seconds."""
        ...


class NotFollowed(Unavailable):
    """It counts, as that type; but this board does not show it yet."""

    def __init__(self) -> None:
        super().__init__("store_unavailable", "Counted before; the score is not known here yet.")


class Repeats:
    """Answers repeats of what is under way, of what the ledger has, and of what others turn out to have
    counted.
    """

    def __init__(self, ledger: Ledger, live: LiveBoard, fence: Fence, flights: Flights) -> None:
        self._lookups = Lookups(ledger)
        self._live = live
        self._fence = fence
        self._flights = flights

    async def join(self, submission: Submission, deadline: float | None = None) -> Receipt | None:
        """What becomes of the same action under way; None, and that at once, when it isn't (any more).

        deadline: see `Flight.answer`. Raises what its flight is refused with, or Unacceptable
        `action_id_reused`.
        """
        while (flight := self._flights.find((submission.user, submission.action))) is not None:
            answer = await flight.answer(deadline)
            if flight.entry.type == submission.type:
                points = received(_of_a_joined(answer)).points
                return await self._shown_when_followed(submission.user, points, deadline)
            if isinstance(answer, Receipt | NotFollowed):
                raise _reused()
            if isinstance(answer, Unavailable):
                raise not_added()
            # The other type was refused, so the id may well be of ours.
        return None

    async def recall(self, submission: Submission, deadline: float) -> Receipt | None:
        """The answer to a repeat of what the ledger has; None when it hasn't. deadline: to find out.

        Raises Unacceptable `action_id_reused`; Unavailable `store_unavailable`.
        """
        original = await self._lookups.find((submission.user, submission.action), deadline)
        if original is None:
            return None
        if original.type != submission.type:
            raise _reused()
        return await self._shown_when_followed(submission.user, original.points, deadline)

    async def _shown_when_followed(self, user: str, points: int, deadline: float | None) -> Receipt:
        left = inf if deadline is None else deadline - asyncio.get_running_loop().time()
        if not await self._fence.passed(min(FENCE_PATIENCE_S, left)):
            raise NotFollowed
        return self._shown(user, points)

    async def land(self, repeats: Sequence[tuple[Flight, Recorded]]) -> None:
        """Answer flights whose actions others had counted before."""
        # Also of what this process has counted itself: its repeat elsewhere may have shown more by now.
        followed = False
        try:
            followed = await self._fence.passed(FENCE_PATIENCE_S)
        finally:
            for flight, original in repeats:
                self._flights.land(flight, self._answer(flight.entry, original, followed=followed))

    def _answer(self, entry: Entry, original: Recorded, *, followed: bool) -> Receipt | Refusal:
        if original.type != entry.type:
            return _reused()
        return self._shown(entry.user, original.points) if followed else NotFollowed()

    def _shown(self, user: str, points: int) -> Receipt:
        standing = self._live.board.standing(user)
        if standing is None:
            return Receipt(0, None, points, replayed=True)
        return Receipt(standing.score, standing.rank, points, replayed=True)


def received(answer: Receipt | Refusal) -> Receipt:
    """The receipt, or the refusal raised."""
    if isinstance(answer, Refusal):
        # Everyone who waits is raised this one; without the frames of those before.
        raise answer.with_traceback(None)
    return answer


def _of_a_joined(answer: Receipt | Refusal) -> Receipt | Refusal:
    """What who has joined a flight is told: the same, but its own request has added nothing for certain."""
    if isinstance(answer, Unavailable) and answer.may_be_done:
        return Unavailable(answer.code, answer.detail, answer.retry_after)
    return answer


def _reused() -> Refusal:
    return Unacceptable("action_id_reused", "This `actionId` was used for another action type.")
