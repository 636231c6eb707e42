"""Heeding: what admins have decided about a token and its user, asked of the store and not of a server."""

from __future__ import annotations

from ..rules.bans import BanList
from ..rules.claims import Identity
from ..rules.revocations import RevocationList
from .ports import Moderation


async def heed(moderation: Moderation, identity: Identity, now_us: int) -> None:
    """Refuse whom a server refuses once it has heard of all that was decided. now_us: since the Unix epoch.

    Raises TokenRevoked or Banned; StoreUnavailable.
    """
    RevocationList(await moderation.revocations_of(identity.token_id, identity.user)).check(identity)
    newest = await moderation.ban_of(identity.user)
    if newest is not None:
        BanList([newest]).check(identity.user, now_us)
