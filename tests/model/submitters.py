"""Those who submit: what each asked, what it was told, and whether that was true."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field

from scoreboard_server.flow.ports import Key
from scoreboard_server.rules.entry import Receipt, Submission
from scoreboard_server.rules.refusals import Refusal, Unacceptable, Unavailable

from .disk import Disk
from .process import Process
from .verdict import Untrue, hold

POINTS = {"open": 10, "other": 3}


@dataclass
class _Acknowledged:
    """What was said of an action: of which type it was counted, and the best score shown with it."""

    type: str
    score: int


class Clock:
    """Microseconds that rise with every look, so that an instant tells who was asking."""

    _asking: ContextVar[list[int] | None] = ContextVar("asking", default=None)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._looks = 0

    def now_us(self) -> int:
        """The time; it is noted for the request in whose name somebody looks."""
        self._looks += 1
        now = int(self._loop.time() * 1_000_000) + self._looks
        asking = self._asking.get()
        if asking is not None:
            asking.append(now)
        return now

    def note(self, looks: list[int]) -> None:
        """From here on, in this task, add each look to `looks`."""
        self._asking.set(looks)


@dataclass
class Record:
    """Everything that submitters were ever told."""

    disk: Disk
    acknowledged: dict[Key, _Acknowledged] = field(default_factory=dict)
    counted_now: set[Key] = field(default_factory=set)
    refused: set[tuple[Key, str]] = field(default_factory=set)
    nothing_added: set[int] = field(default_factory=set)
    shown: dict[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """What was told is still true on disk."""
        for key, told in self.acknowledged.items():
            line = self.disk.committed.find(key)
            if line is None:
                raise Untrue(f"{key} was acknowledged and is not in the ledger")
            hold(line.entry.type == told.type, f"{key} was acknowledged as {told.type}")
        for line in self.disk.primary.lines:
            hold((line.key, line.entry.type) not in self.refused, f"{line.key} counts as a refused type")
            hold(line.entry.at not in self.nothing_added, f"{line.key} was said to have added nothing")


class Request:
    """One call of `Pipeline.submit`, with what its caller knew before."""

    def __init__(self, process: Process, submission: Submission, record: Record, clock: Clock) -> None:
        self.process = process
        self.submission = submission
        self._record = record
        self._clock = clock
        self._looks: list[int] = []
        self._key: Key = (submission.user, submission.action)
        known = record.acknowledged.get(self._key)
        self._shown_with_it = known.score if known else 0
        self._shown_here = process.shown.get(submission.user, 0)

    async def run(self) -> None:
        """Ask, and judge what comes."""
        assert self.process.pipeline is not None
        self._clock.note(self._looks)
        try:
            receipt = await self.process.pipeline.submit(self.submission, POINTS[self.submission.type])
        except Unacceptable as refusal:
            self._refused(refusal)
        except Unavailable as refusal:
            self._put_off(refusal)
        else:
            self._acknowledged(receipt)

    def _acknowledged(self, receipt: Receipt) -> None:
        user, score = self.submission.user, receipt.score
        truth = self._record.disk.committed.folded_ledger().get(user, (0, 0))[0]
        hold(score >= self._floor(), f"{user} was shown {self._floor()} and now {score}")
        hold(receipt.points <= score <= truth, f"{user} is shown {score}, has {truth} in the ledger")
        hold(receipt.rank is not None and receipt.rank >= 1, f"{user} has no rank")
        hold(receipt.points == POINTS[self.submission.type], "the points are of another type")
        if not receipt.replayed:
            hold(self._key not in self._record.counted_now, f"{self._key} was counted twice, it was said")
            self._record.counted_now.add(self._key)
        told = self._record.acknowledged.setdefault(self._key, _Acknowledged(self.submission.type, 0))
        told.score = max(told.score, score)
        self.process.shown[user] = max(self.process.shown.get(user, 0), score)
        self._record.shown[user] = max(self._record.shown.get(user, 0), score)

    def _floor(self) -> int:
        """What must be shown at least: what was shown with this action anywhere, or here with any of theirs.

        Another process may have shown more with another action: a board follows the others a moment later.
        """
        return max(self._shown_here, self._shown_with_it)

    def _refused(self, refusal: Refusal) -> None:
        hold(refusal.code == "action_id_reused", f"refused for {refusal.code}")
        line = self._record.disk.committed.find(self._key)
        hold(line is not None, f"{self._key} was refused as used, and is not in the ledger")
        self._record.refused.add((self._key, self.submission.type))

    def _put_off(self, refusal: Refusal) -> None:
        if "may or may not" in refusal.detail:
            return
        if "Counted before" in refusal.detail:
            self._said_to_be_counted()
            return
        self._record.nothing_added.update(self._looks)

    def _said_to_be_counted(self) -> None:
        line = self._record.disk.committed.find(self._key)
        if line is None:
            raise Untrue("it was not counted before")
        hold(line.entry.type == self.submission.type, "it was counted before, but as another type")
