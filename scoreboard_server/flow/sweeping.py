"""Sweeping: what banned users had counted after all is taken back.

What was admitted before a ban may be counted after it, by this process or by one that was paused meanwhile.
So whenever there is reason to, this looks for what is still to be taken back: what others append comes in by
the feed, and for its own, which the feed leaves out, it looks several times.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from msgspec import Struct

from ..rules.bans import Ban, BanList
from ..rules.entry import is_correction
from .correcting import take_back
from .loading import Loaded
from .ports import BanChanged, Decided, EntryAppended, Moderation, StoreUnavailable

log = logging.getLogger("scoreboard.sweeping")

_STEP_S = 0.25
# Each time nothing was found it waits twice as long, until it would be longer than a caller waits.
_FIRST_PAUSE_S = 1.0
_LAST_PAUSE_S = 60.0


class _Sweep(Struct, frozen=True):
    """When to look next (in the loop's time), and how long to wait after that."""

    at: float
    pause: float


class Sweeping:
    """Fits `flow.following.Watched`.

    bans: kept by another. writer: not that of this process's own entries, so that what it takes back comes
    back by the feed. now_us: µs since the Unix epoch.
    """

    def __init__(self, store: Moderation, *, bans: BanList, writer: str, now_us: Callable[[], int]) -> None:
        self._store = store
        self._bans = bans
        self._writer = writer
        self._now_us = now_us
        self._sweeps: dict[str, _Sweep] = {}
        self._look_for([ban.user for ban in bans.in_force(now_us())])

    # --- reasons to look --------------------------------------------------------------------------

    def appended(self, entry: EntryAppended) -> None:
        """Of a banned user it is one that was admitted before."""
        if not is_correction(entry.type) and self._to_take_back(entry.user) is not None:
            self._look_for([entry.user])

    def changed(self, change: Decided) -> None:
        """A ban is new, or on other terms."""
        if isinstance(change, BanChanged):
            self._look_for([change.ban.user])

    def reloaded(self, loaded: Loaded) -> None:
        """Entries of others may have been missed."""
        self._look_for([ban.user for ban in loaded.bans])

    def _look_for(self, users: list[str]) -> None:
        now = asyncio.get_running_loop().time()
        self._sweeps |= {user: _Sweep(now, _FIRST_PAUSE_S) for user in users}

    def _to_take_back(self, user: str) -> Ban | None:
        """The user's ban, if it is one that takes points back."""
        ban = self._bans.of(user, self._now_us())
        return None if ban is None or ban.taken_back_from is None else ban

    # --- looking ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look wherever there is reason to, for ever. To be supervised."""
        clock = asyncio.get_running_loop().time
        while True:
            for user in [user for user, sweep in self._sweeps.items() if sweep.at <= clock()]:
                await self._sweep(user, self._sweeps.pop(user))
            await asyncio.sleep(_STEP_S)

    async def _sweep(self, user: str, sweep: _Sweep) -> None:
        ban = self._to_take_back(user)
        if ban is None:
            return
        found_nothing = await self._take_back(ban)
        now = asyncio.get_running_loop().time()
        pause = sweep.pause if found_nothing else _FIRST_PAUSE_S
        if pause <= _LAST_PAUSE_S:
            self._sweeps.setdefault(user, _Sweep(now + pause, 2 * pause))  # unless a reason came meanwhile

    async def _take_back(self, ban: Ban) -> bool:
        """Whether there was nothing to take back."""
        try:
            corrected = await take_back(self._store, ban, writer=self._writer, now_us=self._now_us)
        except StoreUnavailable as error:
            log.debug("taking back has to wait: %s", error)
            return False
        if corrected:
            fields = {"userId": ban.user, "actions": corrected}
            log.info("took back %d actions of the banned user %s", corrected, ban.user, extra=fields)
        return corrected == 0
