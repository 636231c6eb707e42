"""Moderating: what admins decide takes effect in this process, whoever wrote it down and wherever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ..live.hub import Hub
from ..live.live_board import LiveBoard
from ..rules.bans import BanList, Banned
from ..rules.claims import Identity
from ..rules.refusals import Unauthenticated
from ..rules.revocations import RevocationList, TokenRevoked
from .loading import Loaded
from .ports import BanChanged, Decided, EntryAppended, SeasonsEdited, TokensRevoked

_STEP_S = 0.25
_FORGET_EVERY_S = 60.0


def key_gone() -> Unauthenticated:
    """The no to who came in by a key that is trusted no longer."""
    return Unauthenticated("token_invalid", "The token's key is trusted no longer.")


class Moderating:
    """Fits `flow.following.Watched`. Keeps the lists that the gate and the verifier ask.

    now_us: µs since the Unix epoch.
    """

    def __init__(
        self,
        live: LiveBoard,
        hub: Hub,
        *,
        bans: BanList,
        revocations: RevocationList,
        now_us: Callable[[], int],
    ) -> None:
        self._live = live
        self._hub = hub
        self._bans = bans
        self._revocations = revocations
        self._now_us = now_us

    # --- what the feed brings ---------------------------------------------------------------------

    def appended(self, entry: EntryAppended) -> None:
        """Nothing: the board keeps the totals of hidden users, too."""

    def changed(self, change: Decided) -> None:
        """Take effect at once."""
        match change:
            case BanChanged(ban):
                self._bans.put(ban)
                self._enforce()
            case TokensRevoked(revocation):
                self._revocations.add(revocation)
                self._dismiss_revoked([revocation.user] if revocation.user else self._hub.owners())
            case SeasonsEdited():
                pass

    def reloaded(self, loaded: Loaded) -> None:
        """All of it was read again, with the board that leaves out who was banned by then."""
        self._bans.replace(loaded.bans)
        self._revocations.replace(loaded.revocations)
        self._enforce()
        self._dismiss_revoked(self._hub.owners())

    def _enforce(self) -> None:
        """Hide who is banned now and send them away, and show whose ban has ended."""
        banned = {ban.user for ban in self._bans.in_force(self._now_us())}
        for user in banned:
            self._live.hide(user)
            self._hub.dismiss(user, lambda identity: True, Banned())
        for user in self._live.board.hidden - banned:
            self._live.show(user)

    def key_lost(self, still_vouched: Callable[[Identity], bool]) -> None:
        """A key is trusted no longer: who came in by it goes, as anybody may have signed with it."""
        for user in self._hub.owners():
            self._hub.dismiss(user, lambda identity: not still_vouched(identity), key_gone())

    def _dismiss_revoked(self, users: Iterable[str]) -> None:
        for user in users:
            self._hub.dismiss(user, self._revocations.covers, TokenRevoked())

    # --- what time brings -------------------------------------------------------------------------

    async def run(self) -> None:
        """End bans that are over, and forget what can't matter any more. To be supervised."""
        clock = asyncio.get_running_loop().time
        forget_at = clock()
        while True:
            self._end_what_is_over()
            if clock() >= forget_at:
                self._revocations.forget(self._now_us() / 1e6)
                forget_at = clock() + _FORGET_EVERY_S
            await asyncio.sleep(_STEP_S)

    def _end_what_is_over(self) -> None:
        now = self._now_us()
        if any(self._bans.of(user, now) is None for user in self._live.board.hidden):
            self._enforce()
