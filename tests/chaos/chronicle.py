"""What is remembered of a run: what was acknowledged, what was done to the servers, and what was wrong."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

POINTS = 10
ACTION_TYPE = "task.completed"


@dataclass
class Chronicle:
    """The memory of a whole run, over all stages.

    behind_another: answers to new actions below what another server had told before they were asked for. What
    others count may still be on its way between servers, so this is only counted; of repeats it is judged.
    """

    acknowledged: int = 0
    repeated: int = 0
    asked_again: int = 0
    behind_another: int = 0
    kills: int = 0
    failovers: int = 0
    seasons: int = 0
    lost: int = 0
    doubled: int = 0
    users_wrong: int = 0
    violations: list[str] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    _awaiting: list[float] = field(default_factory=list)

    def killed(self) -> None:
        """A process was killed with signal 9."""
        self.kills += 1

    def failed_over(self) -> None:
        """A replica set has just lost its primary."""
        self.failovers += 1
        self._awaiting.append(time.monotonic())

    def changed_season(self) -> None:
        """A season has ended and the next has begun."""
        self.seasons += 1

    def acknowledge(self, asked_at: float) -> None:
        """A new action was acknowledged; `asked_at` (monotonic) is when its last attempt was sent."""
        self.acknowledged += 1
        for lost_at in list(self._awaiting):
            if asked_at >= lost_at:  # else it may have been written before
                self._awaiting.remove(lost_at)
                self.recoveries.append(time.monotonic() - lost_at)

    def violation(self, words: str) -> None:
        """Something that must never happen."""
        self.violations.append(words)
