"""A captcha's answer is good for one action, and who is asked for one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import inf

import pytest

from scoreboard_server.flow import captcha
from scoreboard_server.flow.captcha import Captcha, failed, unavailable
from scoreboard_server.flow.few_at_once import NotReached
from scoreboard_server.flow.ports import Key, StoreUnavailable
from scoreboard_server.flow.vetting import Vetting
from scoreboard_server.rules.action_types import ActionType, Asked, Catalogue
from scoreboard_server.rules.claims import WRITE, WRITE_ANY, Identity
from scoreboard_server.rules.entry import Submission
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.refusals import CaptchaRequired, Refusal, Unavailable
from scoreboard_server.rules.suspicion import REFUSALS

HASTE_S = 0.2


class FakeSpent:
    """Marks in a dict; `away` makes every call fail. `late`: what a look does not see yet.

    While `looks` or `spends` is clear, such calls hang, as a thread of the driver does: whoever leaves.
    under_way, most: how many calls there are, and were at once.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Key] = {}
        self.away = False
        self.late = False
        self.looks, self.spends = asyncio.Event(), asyncio.Event()
        self.looks.set()
        self.spends.set()
        self.under_way = self.most = 0

    async def spent_on(self, mark: str) -> Key | None:
        await self._reach(self.looks)
        return None if self.late else self.kept.get(mark)

    async def spend(self, mark: str, key: Key, until: float) -> bool:
        await self._reach(self.spends)
        return self.kept.setdefault(mark, key) == key

    async def _reach(self, answers: asyncio.Event) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await answers.wait()
        finally:
            self.under_way -= 1
        if self.away:
            raise StoreUnavailable("away")


class FakeProvider:
    """Takes answers that begin with `good`; those of one number are one answer, and `none` is none at all."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()

    def offer(self) -> Mapping[str, object]:
        return {"provider": "fake"}

    def mark(self, answer: str) -> str:
        if answer == "none":
            raise failed()
        return answer.strip()

    async def verify(self, answer: str, address: str | None) -> float:
        self.asked.append((answer, address))
        await self.answers.wait()
        if self.away:
            raise unavailable()
        if not answer.strip().startswith("good"):
            raise failed()
        return 1e12


class Setup:
    """A captcha with its neighbours, and Ann's wish."""

    def __init__(self) -> None:
        self.spent = FakeSpent()
        self.provider = FakeProvider()
        self.is_cut_off = False
        self.captcha = Captcha(self.provider, self.spent, lambda: self.is_cut_off)
        self.now = 0.0
        types = Catalogue(ActionType(asked.value, 10, per_minute=30, captcha=asked) for asked in Asked)
        self.vetting = Vetting(self.captcha, types, lambda: self.now)

    async def vet(
        self, action_type: str, answer: str | None = None, *, action: str = "a1", scope: str = WRITE
    ) -> str:
        """The code of the refusal, or an empty text."""
        identity = Identity("ann", "t1", 1e12, frozenset({scope}), Profile())
        try:
            submission = Submission("ann", action, action_type)
            await self.vetting.vet(identity, submission, answer, "10.0.0.1", deadline=inf)
        except Refusal as refusal:
            return refusal.code
        return ""


@pytest.fixture
def setup() -> Setup:
    return Setup()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Setup:
    """Where nobody waits for longer than an instant."""
    monkeypatch.setattr(captcha, "PATIENCE_S", HASTE_S)
    return Setup()


async def code(setup: Setup, answer: str | None, action: str = "a1", patience: float = inf) -> str | bool:
    """The code of the refusal, or whether this was the answer's first use."""
    deadline = asyncio.get_running_loop().time() + patience
    try:
        return await setup.captcha.check(answer, key=("ann", action), address=None, deadline=deadline)
    except Refusal as refusal:
        return refusal.code


@pytest.mark.parametrize("answer", [None, ""])
async def test_no_answer_is_asked_for(setup: Setup, answer: str | None) -> None:
    """And nobody else is bothered with it."""
    assert await code(setup, answer) == "captcha_required"
    assert setup.provider.asked == []


async def test_an_answer_is_good_for_one_action(setup: Setup) -> None:
    """Another action is refused; the same one may bring it again, and the provider isn't asked twice."""
    assert await code(setup, "good1") is True
    assert await code(setup, "good1") is False
    assert await code(setup, "good1", "a2") == "captcha_failed"
    assert await code(setup, " good1 ", "a2") == "captcha_failed"
    assert await code(setup, "good2", "a2") is True
    assert [answer for answer, _ in setup.provider.asked] == ["good1", "good2"]


async def test_of_two_at_once_one_wins(setup: Setup) -> None:
    """Somebody else has spent it between look and spending: who comes second is refused."""
    setup.spent.late = True
    setup.spent.kept["good1"] = ("ben", "b1")
    assert await code(setup, "good1") == "captcha_failed"


async def test_a_wrong_answer_is_not_remembered(setup: Setup) -> None:
    """It is refused each time, and fills nothing."""
    for _ in range(2):
        assert await code(setup, "bad") == "captcha_failed"
    assert setup.spent.kept == {}


async def test_when_it_can_not_be_checked_it_is_a_no(setup: Setup) -> None:
    """Refused for the moment, with the time to come back; whether it is the provider or the store is told."""
    setup.provider.away = True
    with pytest.raises(Unavailable) as refused:
        await setup.captcha.check("good1", key=("ann", "a1"), address=None, deadline=inf)
    assert (refused.value.code, refused.value.retry_after) == ("captcha_unavailable", 5)
    setup.provider.away, setup.spent.away = False, True
    with pytest.raises(NotReached) as in_vain:
        await setup.captcha.check("good1", key=("ann", "a1"), address=None, deadline=inf)
    assert (in_vain.value.code, in_vain.value.may_be_done) == ("store_unavailable", False)


async def test_a_store_that_is_known_to_be_away_is_not_asked(setup: Setup) -> None:
    """Refused at once, as without a captcha; but what can be seen to be no answer is told so."""
    setup.spent.looks.clear()
    setup.is_cut_off = True
    assert await code(setup, "good1") == "store_unavailable"
    assert await code(setup, "none") == "captcha_failed"
    assert setup.spent.most == 0


async def test_nobody_waits_for_a_store_that_hangs(hasty: Setup) -> None:
    """Each is told at its deadline; however many come and leave, few calls are under way; then it goes on."""
    hasty.spent.looks.clear()
    for wave in range(3):
        crowd = [code(hasty, f"good{wave}-{i}", f"a{i}", patience=HASTE_S) for i in range(20)]
        assert set(await asyncio.gather(*crowd)) == {"store_unavailable"}
    assert (hasty.spent.most, hasty.spent.under_way) == (4, 4)
    assert await code(hasty, "good", patience=inf) == "store_unavailable", "at once, when it is known to hang"
    hasty.spent.looks.set()
    await asyncio.sleep(0.01)
    assert await code(hasty, "good0-0", "a0") is True
    assert (hasty.spent.most, hasty.spent.under_way) == (4, 0)


async def test_who_finds_all_places_taken_while_the_store_answers_is_told_so(setup: Setup) -> None:
    """The store is well; there are too many for it."""
    assert await code(setup, "good0", "a0") is True
    setup.spent.looks.clear()
    crowd = [asyncio.create_task(code(setup, f"good{i}", f"a{i}", patience=0.05)) for i in range(1, 20)]
    assert set(await asyncio.gather(*crowd)) == {"overloaded"}


async def test_what_a_provider_has_taken_is_noted_though_the_caller_has_left(hasty: Setup) -> None:
    """A service takes an answer once: the repeat of the action passes without its being asked again."""
    hasty.spent.spends.clear()
    assert await code(hasty, "good1", patience=HASTE_S) == "store_unavailable"
    repeats = [asyncio.create_task(code(hasty, "good1")) for _ in range(2)]
    await asyncio.sleep(0.01)
    hasty.spent.spends.set()
    assert await asyncio.gather(*repeats) == [True, True]
    assert (await code(hasty, "good1"), await code(hasty, "good1", "a2")) == (False, "captcha_failed")
    assert (len(hasty.provider.asked), hasty.captcha._uses) == (1, {})


async def test_what_a_provider_has_taken_is_not_asked_again(setup: Setup) -> None:
    """A store that fails to note it costs no new captcha: the repeat of the action has it noted."""
    setup.spent.spends.clear()
    asking = asyncio.create_task(code(setup, "good1"))
    await asyncio.sleep(0.01)
    setup.spent.away = True
    setup.spent.spends.set()
    assert await asking == "store_unavailable"
    setup.spent.away = False
    assert [await code(setup, "good1"), await code(setup, "good1", "a2")] == [True, "captcha_failed"]
    assert (len(setup.provider.asked), setup.captcha._verified) == (1, {})


async def test_who_leaves_while_the_provider_is_asked_has_it_noted_too(setup: Setup) -> None:
    """As its answer to that is lost otherwise."""
    setup.provider.answers.clear()
    leaving = asyncio.create_task(code(setup, "good1"))
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.sleep(0)
    setup.provider.answers.set()
    assert await code(setup, "good1") is True
    assert (setup.spent.kept, len(setup.provider.asked)) == ({"good1": ("ann", "a1")}, 1)


def test_a_captcha_that_lacks_is_a_kind_of_forbidden() -> None:
    """Clients that don't know the code see that they may not, not that they should sign in."""
    assert isinstance(failed(), CaptchaRequired)


# --- who is asked ---------------------------------------------------------------------------------


async def test_always_is_each_time(setup: Setup) -> None:
    """Every new action takes an answer of its own."""
    assert await setup.vet("always") == "captcha_required"
    assert await setup.vet("always", "good1") == ""
    assert await setup.vet("always", "good1", action="a2") == "captcha_failed"
    assert setup.provider.asked == [("good1", "10.0.0.1")]


async def test_an_answer_that_nobody_asked_for_is_left_alone(setup: Setup) -> None:
    """It is neither checked nor used up, right or wrong."""
    assert await setup.vet("never", "bad") == ""
    assert await setup.vet("suspicious", "good1") == ""
    assert (setup.provider.asked, setup.spent.kept) == ([], {})


async def test_a_suspicion_asks_until_one_captcha_is_passed(setup: Setup) -> None:
    """For types that ask at all; then the evidence is forgotten."""
    for _ in range(REFUSALS):
        setup.vetting.refused("ann")
    assert await setup.vet("suspicious") == "captcha_required"
    assert await setup.vet("suspicious", "bad") == "captcha_failed"
    assert await setup.vet("never") == ""
    assert await setup.vet("suspicious", "good1") == ""
    assert await setup.vet("suspicious", action="a2") == ""


async def test_an_old_answer_lifts_no_suspicion(setup: Setup) -> None:
    """It lets its own action through again; the next one is still asked for."""
    assert await setup.vet("always", "good1") == ""
    for _ in range(REFUSALS):
        setup.vetting.refused("ann")
    assert await setup.vet("suspicious", "good1") == ""
    assert await setup.vet("suspicious", action="a2") == "captcha_required"


async def test_a_pace_just_under_the_cap_is_asked_about(setup: Setup) -> None:
    """Without a single refusal: 29 a minute of 30, for five minutes."""
    answers = set()
    for i in range(150):
        setup.now = i * 60 / 29
        answers.add(await setup.vet("suspicious", action=f"a{i}"))
    assert answers == {"", "captcha_required"}


@pytest.mark.parametrize("asked", Asked)
async def test_a_trusted_server_is_never_asked(setup: Setup, asked: Asked) -> None:
    """Nor suspected, at whatever pace."""
    for i in range(500):
        setup.now = i * 0.1
        assert await setup.vet(asked.value, action=f"a{i}", scope=WRITE_ANY) == ""


async def test_without_a_captcha_everyone_passes() -> None:
    """What the types say means nothing then, and nothing is kept of anyone."""
    setup = Setup()
    types = Catalogue([ActionType("always", 10, captcha=Asked.ALWAYS)])
    setup.vetting = Vetting(None, types, lambda: 0.0)
    setup.vetting.refused("ann")
    assert await setup.vet("always") == ""
