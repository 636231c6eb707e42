"""A few calls of the store at once: who gets a place, for how long, and what the others are told."""

from __future__ import annotations

import asyncio
import logging
from math import inf

import pytest

from scoreboard_server.flow.few_at_once import FewAtOnce, NotReached
from scoreboard_server.flow.ports import StoreUnavailable
from scoreboard_server.rules.refusals import NotFound

PATIENCE_S = 0.2


class Setup:
    """Two places, and a store whose calls hang while `answers` is clear, and fail while `error` is set."""

    def __init__(self) -> None:
        self.few = FewAtOnce(
            2,
            PATIENCE_S,
            away=lambda: NotReached("store_unavailable", "away"),
            crowded=lambda: NotReached("overloaded", "crowded"),
        )
        self.answers = asyncio.Event()
        self.answers.set()
        self.error: Exception | None = None
        self.calls = self.under_way = self.most = 0

    async def ask(self) -> str:
        self.calls += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.answers.wait()
        finally:
            self.under_way -= 1
        if self.error is not None:
            raise self.error
        return "told"

    async def call(self, patience: float = PATIENCE_S) -> str:
        """The answer, or the code of the refusal."""
        try:
            return await self.few.call(self.ask, asyncio.get_running_loop().time() + patience)
        except NotReached as refusal:
            return refusal.code

    async def crowd(self, patience: float = PATIENCE_S) -> set[str]:
        """What ten at once are told."""
        return set(await asyncio.gather(*(self.call(patience) for _ in range(10))))


@pytest.fixture
def setup() -> Setup:
    return Setup()


async def test_all_are_told_a_few_at_once(setup: Setup) -> None:
    """Who has no place waits for one."""
    setup.answers.clear()
    crowd = asyncio.create_task(setup.crowd(inf))
    await asyncio.sleep(0.01)
    assert setup.under_way == 2
    setup.answers.set()
    assert (await crowd, setup.calls, setup.most) == ({"told"}, 10, 2)


async def test_a_place_is_free_when_its_call_is_over(setup: Setup) -> None:
    """Not when its caller has left: however many come meanwhile, no more threads are blocked."""
    setup.answers.clear()
    for _ in range(3):
        assert await setup.crowd() == {"store_unavailable"}
    leaving = asyncio.create_task(setup.call(inf))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0.01)
    assert (setup.under_way, setup.most, setup.calls) == (2, 2, 2)
    setup.answers.set()
    await asyncio.sleep(0.01)
    assert (await setup.crowd(), setup.most) == ({"told"}, 2)


async def test_nobody_waits_once_it_is_known_to_hang(setup: Setup) -> None:
    """Who comes then is told at once, whatever its deadline; and also while it goes on to fail."""
    setup.answers.clear()
    assert await setup.crowd() == {"store_unavailable"}
    await asyncio.sleep(PATIENCE_S)
    assert await setup.crowd(inf) == {"store_unavailable"}
    setup.error = StoreUnavailable("away")
    setup.answers.set()
    await asyncio.sleep(0.01)
    setup.answers.clear()
    setup.error = None
    probes = [asyncio.create_task(setup.call(inf)) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (setup.under_way, await setup.crowd(inf)) == (2, {"store_unavailable"})
    setup.answers.set()
    assert await asyncio.gather(*probes) == ["told", "told"]


async def test_long_silence_when_nobody_has_asked_is_no_sign(setup: Setup) -> None:
    """Nor is a failure of long ago: the first who come again wait for their places."""
    setup.error = StoreUnavailable("away")
    assert await setup.call() == "store_unavailable"
    setup.error = None
    await asyncio.sleep(2 * PATIENCE_S)
    setup.answers.clear()
    crowd = asyncio.create_task(setup.crowd(inf))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late = asyncio.create_task(setup.call(inf))
    await asyncio.sleep(0)
    setup.answers.set()
    assert (await crowd, await late) == ({"told"}, "told")


@pytest.mark.parametrize("others", [None, NotFound("x", "y")], ids=["answered", "refused"])
async def test_a_crowd_is_not_told_that_the_store_is_away(setup: Setup, others: Exception | None) -> None:
    """While it answers others, with whatever, who waits in vain has met a crowd."""
    setup.answers.clear()
    setup.error = others
    crowd = asyncio.gather(*(setup.call() for _ in range(300)), return_exceptions=True)
    while not crowd.done():  # two are answered every now and then
        await asyncio.sleep(PATIENCE_S / 20)
        setup.answers.set()
        await asyncio.sleep(0)
        setup.answers.clear()
    refused = [told for told in await crowd if told not in ("told", others)]
    assert len(refused) > 200 and set(refused) == {"overloaded"}


async def test_what_fails_for_nobody_is_told(setup: Setup, caplog: pytest.LogCaptureFixture) -> None:
    """A fault is not lost because its caller has left; that the store is away is no fault."""
    for error in (RuntimeError("a fault"), StoreUnavailable("away"), NotFound("x", "y")):
        setup.answers.clear()
        setup.error = error
        assert await setup.call(0.01) in ("store_unavailable", "overloaded")
        setup.answers.set()
        await asyncio.sleep(0.01)
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [str(record.exc_info[1]) for record in faults if record.exc_info] == ["a fault"]
