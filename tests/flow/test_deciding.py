"""Deciding: what an admin does, with a line in the audit trail each time."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from msgspec.structs import replace

from scoreboard_server.flow import deciding
from scoreboard_server.flow.correcting import take_back
from scoreboard_server.flow.deciding import Admin, Banned, Unbanned
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.board import Standing
from scoreboard_server.rules.claims import CLOCK_SKEW_S, WRITE, Identity
from scoreboard_server.rules.entry import Correction
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.refusals import NotFound, Unacceptable
from scoreboard_server.rules.revocations import RevocationList
from scoreboard_server.rules.seasons import first_season

from .fakes import FakeLedger
from .moderation import FakeModeration

ANN = Standing("ann", 30, 5, 2)


@pytest.fixture(autouse=True)
def _no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "_SETTLING_S", 0.0)


@pytest.fixture
def admin() -> Admin:
    """Root, whose clock advances by a microsecond a look."""
    ticks = itertools.count(1_000)
    return Admin("root", "admin-1", lambda: next(ticks))


async def ban(
    moderation: FakeModeration,
    admin: Admin,
    *,
    until: int | None = None,
    since: int | None = None,
    reason: str = "cheats",
) -> Banned:
    """Ban ann."""
    return await deciding.ban(
        moderation, admin, "ann", reason=reason, until=until, taken_back_from=since, standing=ANN
    )


async def test_a_ban_is_written_down_with_who_when_and_why(admin: Admin) -> None:
    """And with how the user stood before."""
    moderation = FakeModeration()
    done = await ban(moderation, admin, until=9_999)
    assert (done.taken_back, moderation.newest["ann"]) == (0, done.ban)
    assert (done.ban.reason, done.ban.by, done.ban.since, done.ban.until) == ("cheats", "root", 1_000, 9_999)
    (act,) = moderation.acts
    assert (act.by, act.what, act.user, act.reason) == ("root", "ban", "ann", "cheats")
    assert act.at > done.ban.since and act.details["before"] == {"score": 30, "rank": 2}


async def test_the_ban_is_in_force_before_anything_is_taken_back(admin: Admin) -> None:
    """So that nothing new comes in behind it."""
    moderation = FakeModeration()
    moderation.act("a1")
    seen: list[bool] = []
    moderation.on_correct = lambda: seen.append("ann" in moderation.newest)
    assert (await ban(moderation, admin, since=50)).taken_back == 1
    assert (seen, moderation.score()) == ([True], 0)


async def test_what_was_under_way_is_taken_back_too(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks again once every server has learnt of the ban."""
    moderation = FakeModeration()
    moderation.act("a1")

    async def settle(_seconds: float) -> None:
        moderation.act("a2")

    monkeypatch.setattr(asyncio, "sleep", settle)
    assert (await ban(moderation, admin, since=50)).taken_back == 2
    assert moderation.score() == 0


async def test_what_a_server_takes_back_first_is_told_too(admin: Admin) -> None:
    """A server that learns of the ban looks at once; the admin is told what the ban did, not who did it."""
    moderation = FakeModeration()
    moderation.act("a1")
    moderation.act("a2")
    swept: list[int] = []

    async def sweep_first(ban: Ban, act: Act) -> None:
        await FakeModeration.put_ban(moderation, ban, act)
        swept.append(await take_back(moderation, ban, writer="a server", now_us=lambda: 2_000))

    moderation.put_ban = sweep_first  # type: ignore[method-assign]
    assert (await ban(moderation, admin, since=50)).taken_back == 2
    assert (await ban(moderation, admin, since=40)).taken_back == 0  # by this one nothing more
    assert swept == [2, 0]


async def test_who_is_banned_is_banned_on_the_new_terms(admin: Admin) -> None:
    """It stays the same ban, whose corrections are known, and what it has taken back stays so."""
    moderation = FakeModeration()
    moderation.act("a1")
    first = await ban(moderation, admin, since=50)
    second = await ban(moderation, admin, until=9_999, reason="cheats a lot")
    expected = replace(first.ban, until=9_999, reason="cheats a lot")
    assert (second.ban, second.taken_back) == (expected, 0)
    assert moderation.score() == 0


async def test_terms_that_reach_back_less_far_give_nothing_back(admin: Admin) -> None:
    """So the ban still says of all that was taken that it was."""
    moderation = FakeModeration()
    first = await ban(moderation, admin, since=50)
    assert (await ban(moderation, admin, since=70)).ban == first.ban
    assert (await ban(moderation, admin, since=30)).ban.taken_back_from == 30


async def test_after_an_ended_ban_comes_another(admin: Admin) -> None:
    """With an id of its own, so that it can take back again."""
    moderation = FakeModeration()
    first = await ban(moderation, admin, until=1_001)
    assert (await ban(moderation, admin)).ban.id != first.ban.id


async def test_a_lifted_ban_gives_back_all_points(admin: Admin) -> None:
    """Once; done again, nothing is left to do and nothing more is noted."""
    moderation = FakeModeration()
    moderation.act("a1")
    await ban(moderation, admin, since=50)
    done = await deciding.unban(moderation, admin, "ann", reason="mistake")
    assert (done.given_back, done.was_in_force, moderation.score()) == (1, True, 10)
    again = await deciding.unban(moderation, admin, "ann", reason="mistake")
    assert again == Unbanned(done.ban, 0, False)
    assert [(act.what, act.reason) for act in moderation.acts] == [("ban", "cheats"), ("unban", "mistake")]


async def test_an_ended_ban_can_be_lifted(admin: Admin) -> None:
    """It held no longer, and what it took comes back."""
    moderation = FakeModeration()
    moderation.act("a1")
    done = await ban(moderation, admin, until=1_001, since=50)
    assert done.taken_back == 1
    lifted = await deciding.unban(moderation, admin, "ann", reason="mistake")
    assert (lifted.was_in_force, lifted.given_back) == (False, 1)


async def test_who_was_never_banned_can_not_be_unbanned(admin: Admin) -> None:
    """That is told, and nothing is noted."""
    moderation = FakeModeration()
    with pytest.raises(NotFound, match="never banned"):
        await deciding.unban(moderation, admin, "ann", reason="mistake")
    assert moderation.acts == []


async def test_an_adjustment_is_made_once(admin: Admin) -> None:
    """Asked for again under the same name it adds nothing; the score told is that with it."""
    moderation, ledger = FakeModeration(), FakeLedger()

    async def adjust(standing: Standing, points: int) -> deciding.Adjusted:
        return await deciding.adjust(
            moderation,
            ledger,
            admin,
            standing,
            points,
            season=first_season(1),
            name="x1",
            reason="broken client",
        )

    assert await adjust(ANN, -5) == deciding.Adjusted(25, was_added=True)
    for key, entry in moderation.entries.items():
        ledger.entries["ann", key] = (entry, "admin", 0)
    assert await adjust(replace(ANN, score=25), -5) == deciding.Adjusted(25, was_added=False)
    moderation.season = 2
    elsewhere = deciding.Adjusted(25, was_added=False, is_elsewhere=True)
    assert await adjust(replace(ANN, score=25), -5) == elsewhere
    with pytest.raises(Unacceptable, match="x1 stands for -5 points"):
        await adjust(replace(ANN, score=25), -50)
    (entry,) = moderation.entries.values()
    assert isinstance(entry, Correction)
    assert (entry.action, entry.points, entry.reason, entry.of) == ("!adjusted/x1", -5, "broken client", None)
    (act,) = moderation.acts
    assert act.details["before"] == {"score": 30, "rank": 2} and act.details["after"] == {"score": 25}


@pytest.mark.parametrize(("token_id", "user"), [("t1", None), (None, "ann")])
async def test_a_revocation_outlives_every_token_it_is_about(
    admin: Admin, token_id: str | None, user: str | None
) -> None:
    """Also one of an issuer whose clock is ahead by as much as is tolerated, and that lives longest."""
    moderation = FakeModeration()
    revocation = await deciding.revoke(
        moderation, admin, token_id=token_id, user=user, reason="stolen", max_ttl=100
    )
    revoked = RevocationList(moderation.revoked)
    issued_at = revocation.at + (CLOCK_SKEW_S if token_id else 0)
    identity = Identity("ann", "t1", issued_at + 100, frozenset({WRITE}), Profile(), issued_at)
    revoked.forget(identity.expires_at - 0.001)
    assert revoked.covers(identity)
    (act,) = moderation.acts
    assert (act.what, act.user, act.details) == ("revoke", user, {"tokenId": token_id, "user": user})
