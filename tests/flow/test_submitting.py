"""Submitting: what is refused, what was counted before, and what the caps are given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from scoreboard_server.flow.few_at_once import NotReached
from scoreboard_server.flow.flights import not_added, unknown
from scoreboard_server.flow.gate import Gate
from scoreboard_server.flow.submitting import Submitting
from scoreboard_server.rules.action_types import ActionType, Catalogue, Proof
from scoreboard_server.rules.bans import Ban, BanList
from scoreboard_server.rules.claims import READ, WRITE, WRITE_ANY, Identity
from scoreboard_server.rules.entry import Receipt, Submission
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.refusals import CaptchaRequired, Forbidden, Refusal, Unacceptable
from scoreboard_server.rules.revocations import Revocation, RevocationList
from scoreboard_server.rules.tallies import DAY_US, Tallies
from scoreboard_server.rules.tickets import TicketOffice

SECOND = 1_000_000
REPEATED = Receipt(10, 1, 10, replayed=True)


class FakePipeline:
    """Counts in a dict; `refusal`: what the next submissions raise instead. Each deadline is another one.

    deadlines: with which it was asked.
    """

    def __init__(self) -> None:
        self.counted: dict[tuple[str, str], str] = {}
        self.recalls: list[Submission] = []
        self.refusal: BaseException | None = None
        self.roads = 0
        self.deadlines: list[float] = []

    def deadline(self) -> float:
        self.roads += 1
        return float(self.roads)

    async def submit(self, submission: Submission, points: int, deadline: float) -> Receipt:
        self.deadlines.append(deadline)
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        before = await self._before(submission)
        if before is not None:
            return before
        self.counted[submission.user, submission.action] = submission.type
        return Receipt(10, 1, points)

    async def recall(self, submission: Submission, deadline: float) -> Receipt | None:
        self.deadlines.append(deadline)
        await asyncio.sleep(0)
        self.recalls.append(submission)
        return await self._before(submission)

    async def _before(self, submission: Submission) -> Receipt | None:
        kind = self.counted.get((submission.user, submission.action))
        if kind not in (None, submission.type):
            raise Unacceptable("action_id_reused", "another type")
        return None if kind is None else REPEATED


class FakeVetting:
    """Lets pass, or raises `refusal` after a turn of the loop; who met a limit is in `met`.

    deadlines: with which it was asked.
    """

    def __init__(self) -> None:
        self.refusal: BaseException | None = None
        self.met: list[str] = []
        self.deadlines: list[float] = []

    def refused(self, user: str) -> None:
        self.met.append(user)

    async def vet(self, *_: object, deadline: float) -> None:
        self.deadlines.append(deadline)
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal


class FakeProfiles:
    """Remembers whom it was told of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def seen(self, user: str, profile: Profile) -> None:
        self.told.append(user)


class Setup:
    """Submitting on fakes behind a real gate, with a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 20_000 * DAY_US + 3_600 * SECOND
        self.bans, self.revocations = BanList(), RevocationList()
        self.pipeline, self.vetting, self.profiles = FakePipeline(), FakeVetting(), FakeProfiles()
        self.catalogue = Catalogue([])
        self.offer(ActionType("one", 10, per_day=1), ActionType("two", 10, per_day=2))
        self.gate = self.gate_of(b"s" * 32)

    def offer(self, *types: ActionType) -> None:
        ticket = ActionType("quiz", 50, Proof.TICKET, min_seconds=3, ticket_ttl=60)
        self.catalogue.replace(
            [ActionType("open", 10), ActionType("match", 10, Proof.TRUSTED), ticket, *types]
        )

    def gate_of(self, secret: bytes) -> Gate:
        office = TicketOffice([secret])
        return Gate(self.catalogue, office, bans=self.bans, tallies=Tallies(), now_us=lambda: self.now)

    async def submit(self, action: str, kind: str, *, user: str | None = None, scope: str = WRITE) -> Receipt:
        parts = (self.gate, self.vetting, self.profiles, self.pipeline)
        submitting = Submitting(self.revocations.check, *parts)  # type: ignore[arg-type]
        return await submitting.submit(identity(scope), action, kind, user)

    async def code(self, action: str, kind: str, *, user: str | None = None, scope: str = WRITE) -> str:
        """The code of the refusal, "counted" or "replayed"."""
        try:
            receipt = await self.submit(action, kind, user=user, scope=scope)
        except Refusal as refusal:
            return refusal.code
        return "replayed" if receipt.replayed else "counted"


def identity(scope: str = WRITE) -> Identity:
    """Ann."""
    return Identity("ann", "t1", 1e12, frozenset({scope}), Profile())


@pytest.fixture
def setup() -> Setup:
    return Setup()


async def test_what_is_admitted_is_counted_and_nothing_is_read(setup: Setup) -> None:
    """The ledger is asked about none of the accepted, and a bearer's name is remembered."""
    assert [await setup.code(f"a{i}", "open") for i in range(3)] == ["counted"] * 3
    assert await setup.code("a0", "open") == "replayed"
    assert (setup.pipeline.recalls, setup.profiles.told) == ([], ["ann"] * 4)


async def test_whom_a_trusted_server_names_has_not_its_name(setup: Setup) -> None:
    """Its token tells its own."""
    await setup.submit("a1", "match", user="ben", scope=WRITE_ANY)
    assert ("ben", "a1") in setup.pipeline.counted and setup.profiles.told == []


def expire(setup: Setup) -> None:
    """The ticket's time is over."""
    setup.now += 100 * SECOND


def fill_cap(setup: Setup) -> None:
    """The least time has begun anew."""
    setup.now += SECOND


def remove_types(setup: Setup) -> None:
    """Nothing is on offer any more."""
    setup.catalogue.replace([])


def ask_for_more(setup: Setup) -> None:
    """Now only trusted servers may claim such."""
    setup.catalogue.replace([ActionType("quiz", 50, Proof.TRUSTED)])


def replace_secret(setup: Setup) -> None:
    """A year later the server signs with another secret."""
    setup.gate = setup.gate_of(b"n" * 32)


def ask_for_a_captcha(setup: Setup) -> None:
    """Now there is a captcha, too."""
    setup.now += 3 * SECOND
    setup.vetting.refusal = CaptchaRequired("captcha_required", "a captcha")


CHANGES: dict[Callable[[Setup], None], str] = {
    expire: "ticket_expired",
    fill_cap: "too_soon",
    remove_types: "unknown_action_type",
    ask_for_more: "scope_missing",
    replace_secret: "ticket_invalid",
    ask_for_a_captcha: "captcha_required",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_repeat_is_answered_whatever_has_come_between(
    setup: Setup, change: Callable[[Setup], None]
) -> None:
    """What was counted stays counted and is told so; what wasn't is refused for its reason."""
    ticket, other = (setup.gate.ticket(identity(), "quiz").text for _ in range(2))
    setup.now += 3 * SECOND
    assert await setup.code(ticket, "quiz") == "counted"
    change(setup)
    assert await setup.code(ticket, "quiz") == "replayed"
    assert await setup.code(other, "quiz") == CHANGES[change]
    assert await setup.code(ticket, "open2") == "action_id_reused"


async def test_a_repeat_past_its_cap_is_no_sign_of_haste(setup: Setup) -> None:
    """Only who is refused has met a limit, and never a trusted server."""
    assert await setup.code("a1", "one") == "counted"
    assert [await setup.code("a1", "one") for _ in range(9)] == ["replayed"] * 9
    assert setup.vetting.met == []
    assert await setup.code("a2", "one") == "cap_reached"
    assert await setup.code("a3", "nope", scope=WRITE_ANY) == "unknown_action_type"
    assert setup.vetting.met == ["ann"]


@pytest.mark.parametrize("scope", [READ, WRITE])
async def test_who_may_not_claim_is_not_answered_from_the_ledger(setup: Setup, scope: str) -> None:
    """Out of scope, or banned: the store is not even asked."""
    await setup.submit("a1", "open")
    setup.bans.put(Ban("ann", "b1", "cheats", "admin", setup.now))
    with pytest.raises(Forbidden):
        await setup.submit("a1", "open", scope=scope)
    assert setup.pipeline.recalls == []


async def test_repeats_take_nothing_from_a_cap(setup: Setup) -> None:
    """However many of an id that was counted, and within the cap."""
    assert await setup.code("a1", "two") == "counted"
    assert [await setup.code("a1", "two") for _ in range(5)] == ["replayed"] * 5
    assert [await setup.code(f"b{i}", "two") for i in range(2)] == ["counted", "cap_reached"]


@pytest.mark.parametrize(
    ("refusal", "left"),
    [
        (not_added(), "counted"),
        (Unacceptable("action_id_reused", "x"), "counted"),
        (unknown(), "cap_reached"),
    ],
    ids=["not added", "refused", "unknown"],
)
async def test_a_cap_is_given_back_what_was_not_counted(setup: Setup, refusal: Refusal, left: str) -> None:
    """But not what may be counted for all that anybody knows: else an outage would open every cap."""
    setup.pipeline.refusal = refusal
    assert await setup.code("a1", "one") == refusal.code
    setup.pipeline.refusal = None
    assert await setup.code("a2", "one") == left


@pytest.mark.parametrize(
    "error", [CaptchaRequired("captcha_failed", "x"), RuntimeError("x"), asyncio.CancelledError()]
)
async def test_who_is_not_let_through_by_the_captcha_has_taken_nothing(
    setup: Setup, error: BaseException
) -> None:
    """Refused, failed or gone while it was checked."""
    setup.vetting.refusal = error
    with pytest.raises(type(error)):
        await setup.submit("a1", "one")
    setup.vetting.refusal = None
    assert await setup.code("a2", "one") == "counted"


@pytest.mark.parametrize("refusal", [None, CaptchaRequired("captcha_failed", "x")], ids=["passed", "failed"])
async def test_a_road_has_one_deadline(setup: Setup, refusal: Refusal | None) -> None:
    """The captcha's part, the ledger's and a look for a repeat share it, and so end together."""
    setup.vetting.refusal = refusal
    await setup.code("a1", "one")
    await setup.code("a2", "nope")
    assert (setup.vetting.deadlines, setup.pipeline.deadlines) == ([1.0], [1.0, 2.0])


async def test_who_has_asked_the_store_in_vain_does_not_ask_it_again(setup: Setup) -> None:
    """For a captcha; the ledger would not tell of a repeat either, and the caps are given theirs back."""
    setup.vetting.refusal = NotReached("store_unavailable", "away")
    assert await setup.code("a1", "one") == "store_unavailable"
    assert setup.pipeline.recalls == []
    setup.vetting.refusal = None
    assert await setup.code("a2", "one") == "counted"


async def test_who_leaves_while_it_is_counted_has_taken_it(setup: Setup) -> None:
    """Leaving early is no way past a cap."""
    setup.pipeline.refusal = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await setup.submit("a1", "one")
    setup.pipeline.refusal = None
    assert await setup.code("a2", "one") == "cap_reached"


async def test_at_once_no_more_than_the_cap_are_counted(setup: Setup) -> None:
    """Of fifty ids of one user, while each of them is under way."""
    codes = await asyncio.gather(*(setup.code(f"a{i}", "two") for i in range(50)))
    assert sorted(codes) == ["cap_reached"] * 48 + ["counted"] * 2


def ban(setup: Setup) -> None:
    """The user plays no more."""
    setup.bans.put(Ban("ann", "b1", "cheats", "admin", setup.now))


def revoke(setup: Setup) -> None:
    """The token is good no more."""
    setup.revocations.add(Revocation(1.0, 1e12, token_id="t1"))


@pytest.mark.parametrize(("decide", "code"), [(ban, "banned"), (revoke, "token_revoked")])
async def test_what_is_decided_during_the_captcha_counts(
    setup: Setup, decide: Callable[[Setup], None], code: str
) -> None:
    """The action is refused and not looked up, and the caps are given theirs back."""

    async def vet(*_: object, deadline: float) -> None:
        decide(setup)

    setup.vetting.vet = vet  # type: ignore[method-assign]
    assert await setup.code("a1", "one") == code
    assert (setup.pipeline.counted, setup.pipeline.recalls, setup.profiles.told) == ({}, [], [])
    setup.bans.replace([])
    setup.revocations.replace([])
    setup.vetting.vet = FakeVetting().vet  # type: ignore[method-assign]
    assert await setup.code("a1", "one") == "counted"
