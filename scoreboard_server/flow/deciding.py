"""Deciding: what an admin does to users and tokens.

Running servers learn of it by the feed, within a second.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct, structs

from ..rules.acts import Act
from ..rules.bans import Ban, earliest
from ..rules.board import Standing
from ..rules.claims import CLOCK_SKEW_S
from ..rules.entry import ADJUSTED, Correction
from ..rules.refusals import NotFound, Unacceptable
from ..rules.revocations import Revocation
from ..rules.seasons import Season
from .correcting import count_taken_back, give_back, take_back
from .ports import Ledger, Moderation

# By then every server that isn't paused has learnt of a ban; what it counts later it takes back itself.
_SETTLING_S = 1.0


class Admin(Struct, frozen=True):
    """Who decides, and by which clock (µs since the Unix epoch). writer: names what is appended here."""

    by: str
    writer: str
    now_us: Callable[[], int]

    def act(self, what: str, user: str | None, reason: str, details: Mapping[str, object]) -> Act:
        """A line of the audit trail, of now."""
        return Act(self.now_us(), self.by, what, user, reason, details)


class Banned(Struct, frozen=True):
    """A ban, and how many actions' points were taken back with it, by whoever was first to do it."""

    ban: Ban
    taken_back: int


class Unbanned(Struct, frozen=True):
    """A lifted ban, and how many actions' points were given back. was_in_force: until now."""

    ban: Ban
    given_back: int
    was_in_force: bool


class Adjusted(Struct, frozen=True):
    """The score with an adjustment. was_added: by this call; else it had been made before.

    is_elsewhere: before, and in another season than this time.
    """

    score: int
    was_added: bool
    is_elsewhere: bool = False


async def ban(
    moderation: Moderation,
    admin: Admin,
    user: str,
    *,
    reason: str,
    until: int | None,
    taken_back_from: int | None,
    standing: Standing | None,
) -> Banned:
    """Ban the user; whoever is banned already is banned anew, on these terms. Safe to repeat and to
    interrupt.

    until: when it ends by itself, None for never. taken_back_from: points of actions since then are taken
    back, None for none. Both in µs since the Unix epoch. standing: the user's, to be remembered. Raises
    StoreUnavailable.
    """
    now, newest = admin.now_us(), await moderation.ban_of(user)
    decided = Ban(user, secrets.token_hex(4), reason, admin.by, now, until, taken_back_from)
    if newest is not None and newest.is_in_force(now):
        # The same one on other terms: what it has taken back stays so.
        decided = structs.replace(
            newest,
            reason=reason,
            by=admin.by,
            until=until,
            taken_back_from=earliest(taken_back_from, newest.taken_back_from),
        )
    elif newest is not None:
        decided = decided.behind(newest)
    details = {"ban": msgspec.to_builtins(decided), "before": _told(standing)}
    # Counted in the ledger: servers that have learnt of the ban take back beside this.
    before = await count_taken_back(moderation, decided)
    await moderation.put_ban(decided, admin.act("ban", user, reason, details))
    if taken_back_from is None:
        return Banned(decided, 0)
    await take_back(moderation, decided, writer=admin.writer, now_us=admin.now_us)
    await asyncio.sleep(_SETTLING_S)
    await take_back(moderation, decided, writer=admin.writer, now_us=admin.now_us)
    return Banned(decided, await count_taken_back(moderation, decided) - before)


async def unban(moderation: Moderation, admin: Admin, user: str, *, reason: str) -> Unbanned:
    """Lift the user's ban and give back all that was taken. Safe to repeat and to interrupt.

    Raises NotFound `not_banned` for who never was; StoreUnavailable.
    """
    newest = await moderation.ban_of(user)
    if newest is None:
        raise NotFound("not_banned", f"{user} was never banned.")
    was_in_force = newest.is_in_force(admin.now_us())
    if newest.lifted_at is None:
        newest = structs.replace(newest, lifted_at=admin.now_us())
        details = {"ban": msgspec.to_builtins(newest)}
        await moderation.put_ban(newest, admin.act("unban", user, reason, details))
    given = await give_back(moderation, newest, writer=admin.writer, now_us=admin.now_us)
    return Unbanned(newest, given, was_in_force)


async def adjust(
    moderation: Moderation,
    ledger: Ledger,
    admin: Admin,
    standing: Standing,
    points: int,
    *,
    season: Season,
    name: str,
    reason: str,
) -> Adjusted:
    """Add points to a user's score, or take some; who is on the board stays at the same instant.

    standing, season: the user's in that season, which may be sealed. name: of this adjustment, which is made
    once however often it is asked for. Raises Unacceptable `adjusted_otherwise` when it was made with other
    points; StoreUnavailable.
    """
    entry = Correction(standing.user, f"{ADJUSTED}/{name}", ADJUSTED, points, admin.now_us(), reason)
    after = standing.score + points
    details = {
        "action": entry.action,
        "season": season.name,
        "points": points,
        "before": _told(standing),
        "after": {"score": after},
    }
    act = admin.act("adjust", standing.user, reason, details)
    if await moderation.adjust(entry, season.number, act, admin.writer):
        return Adjusted(after, was_added=True)
    key = (standing.user, entry.action)
    if (original := (await ledger.look_up([key])).get(key)) is not None and original.points != points:
        detail = f"{name} stands for {original.points:+,} points of {standing.user}'s already."
        raise Unacceptable("adjusted_otherwise", detail)
    number = await moderation.season_of(*key)
    return Adjusted(standing.score, was_added=False, is_elsewhere=number not in (None, season.number))


async def revoke(
    moderation: Moderation,
    admin: Admin,
    *,
    token_id: str | None,
    user: str | None,
    reason: str,
    max_ttl: float,
) -> Revocation:
    """Have one token refused by its `jti`, or all that a user has until now.

    max_ttl: the longest life of a token, in seconds. Raises StoreUnavailable.
    """
    now = admin.now_us() / 1e6
    # A token of an issuer whose clock is ahead may live that much longer.
    revocation = Revocation(now, now + max_ttl + CLOCK_SKEW_S, token_id, user)
    details = {"tokenId": token_id, "user": user}
    await moderation.revoke(revocation, admin.act("revoke", user, reason, details))
    return revocation


def _told(standing: Standing | None) -> dict[str, object] | None:
    return None if standing is None else {"score": standing.score, "rank": standing.rank}
