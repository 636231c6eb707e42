"""Rates by the generic cell rate algorithm (GCRA; ITU-T I.371), one number a key.

The number is the theoretical arrival time: when all that was taken would have arrived at the steady rate. Who
is ahead of it by more than the burst has to wait, and it is exactly known for how long.
"""

from __future__ import annotations

from collections import OrderedDict

from msgspec import Struct

# Some hundred bytes a key. Beyond it the key that was quiet for longest is forgotten, and starts afresh.
KEYS = 200_000


class Allowance(Struct, frozen=True, gc=False):
    """What a key may do now.

    remaining: how many more at once. reset: seconds until there is at least one more than that, 0 when there
    can't be. wait: seconds until one more is allowed, 0 if this one was.
    """

    limit: int
    remaining: int
    reset: float
    wait: float


class RateLimit:
    """So many a minute for each key, and so many at once.

    Whoever asks for more is not charged for it. per_minute, burst: at least 1.
    """

    def __init__(self, per_minute: int, burst: int, *, keys: int = KEYS) -> None:
        self.per_minute = per_minute
        self._burst = burst
        self._step = 60 / per_minute
        self._slack = self._step * (burst - 1)
        self._keys = keys
        # In the order of last use. A dict would look for its first key through all that were removed.
        self._arrivals: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._arrivals)

    def take(self, key: str, now: float) -> Allowance:
        """Take one, if one is left. now: seconds on a clock that never goes back. O(1)."""
        arrival = max(self._arrivals.pop(key, now), now)
        ahead = arrival - now
        if ahead > self._slack + 1e-9:
            self._arrivals[key] = arrival
            return self._allowance(ahead, wait=ahead - self._slack)
        self._arrivals[key] = arrival + self._step
        self._forget_some(now)
        return self._allowance(ahead + self._step, wait=0.0)

    def give_back(self, key: str, now: float) -> None:
        """What was taken turned out to be nothing."""
        arrival = self._arrivals.get(key)
        if arrival is not None:
            self._arrivals[key] = arrival - self._step

    def _allowance(self, ahead: float, wait: float) -> Allowance:
        room = (self._slack + self._step - ahead) / self._step + 1e-9
        remaining = max(0, int(room))
        reset = (remaining + 1 - room) * self._step if remaining < self._burst else 0.0
        return Allowance(self.per_minute, remaining, reset, wait)

    def _forget_some(self, now: float) -> None:
        """Two at most, as one comes in: who has caught up is as good as unknown."""
        for _ in range(2):
            oldest = next(iter(self._arrivals))
            if self._arrivals[oldest] > now and len(self._arrivals) <= self._keys:
                return
            del self._arrivals[oldest]
