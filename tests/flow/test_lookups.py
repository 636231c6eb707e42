"""Looking up whether something was counted before: in groups, and without end for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from scoreboard_server.flow.lookups import Lookups
from scoreboard_server.flow.ports import Key, Recorded, StoreUnavailable
from scoreboard_server.rules.entry import Entry
from scoreboard_server.rules.refusals import Unavailable

from .fakes import FakeLedger


class SlowLedger(FakeLedger):
    """Answers each look when `go` is set; `looks`: for how many keys each time; `away`: with an error."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[int] = []
        self.under_way = 0
        self.most = 0
        self.away = False

    async def look_up(self, keys: Collection[Key]) -> dict[Key, Recorded]:
        self.looks.append(len(keys))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.go.wait()
            if self.away:
                raise StoreUnavailable("away")
            return await super().look_up(keys)
        finally:
            self.under_way -= 1


def soon(seconds: float) -> float:
    """A deadline."""
    return asyncio.get_running_loop().time() + seconds


@pytest.fixture
def ledger() -> SlowLedger:
    """One that has Ann's a0 to a9."""
    made = SlowLedger()
    for i in range(10):
        made.put(Entry("ann", f"a{i}", "open", i, 1), "other")
    return made


async def test_each_is_told_its_own(ledger: SlowLedger) -> None:
    """What is there and what isn't; of the same key asked for by many each is told."""
    ledger.go.set()
    lookups = Lookups(ledger)
    keys = [("ann", f"a{i % 20}") for i in range(100)]
    found = await asyncio.gather(*(lookups.find(key, soon(5)) for key in keys))
    assert [told and told.points for told in found] == [*(list(range(10)) + [None] * 10)] * 5


async def test_however_many_ask_the_store_has_one_thing_to_do(ledger: SlowLedger) -> None:
    """A thousand ids of somebody who means ill are a few looks, one after the other."""
    lookups = Lookups(ledger)
    asked = [asyncio.create_task(lookups.find(("ann", f"b{i}"), soon(60))) for i in range(1_000)]
    await asyncio.sleep(0)
    ledger.go.set()
    assert set(await asyncio.gather(*asked)) == {None}
    assert (sum(ledger.looks), ledger.most) == (1_000, 1)
    assert len(ledger.looks) <= 6


async def test_nobody_waits_for_ever(ledger: SlowLedger) -> None:
    """Who has waited long enough is told so, the next one looks again, and nothing is kept of anyone."""
    lookups = Lookups(ledger)
    asked = [lookups.find(("ann", f"a{i % 3}"), soon(0.05)) for i in range(6)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(each, Unavailable) and not each.may_be_done for each in told)
    assert lookups._asked == {}
    ledger.go.set()
    assert (await lookups.find(("ann", "a1"), soon(5)) or pytest.fail()).points == 1


async def test_a_store_that_is_away_is_told(ledger: SlowLedger) -> None:
    """To all who asked with it; the next ones are asked for again."""
    ledger.away = True
    ledger.go.set()
    lookups = Lookups(ledger)
    told = await asyncio.gather(
        *(lookups.find(("ann", f"a{i}"), soon(5)) for i in range(5)), return_exceptions=True
    )
    assert all(isinstance(each, Unavailable) for each in told)
    ledger.away = False
    assert (await lookups.find(("ann", "a2"), soon(5)) or pytest.fail()).points == 2


async def test_while_a_look_hangs_there_is_no_other(ledger: SlowLedger) -> None:
    """However many come and leave again: what blocks a thread of the driver does so on when nobody waits."""
    lookups = Lookups(ledger)
    for wave in range(3):
        asked = [lookups.find(("ann", f"b{wave}{i}"), soon(0.01 + i / 500)) for i in range(5)]
        assert {type(told) for told in await asyncio.gather(*asked, return_exceptions=True)} == {Unavailable}
    assert (ledger.under_way, ledger.most) == (1, 1)


async def test_who_leaves_takes_nobody_along(ledger: SlowLedger) -> None:
    """Whoever has asked first is not whom the others depend on."""
    lookups = Lookups(ledger)
    leaving = asyncio.create_task(lookups.find(("ann", "a1"), soon(60)))
    staying = asyncio.create_task(lookups.find(("ann", "a2"), soon(60)))
    await asyncio.sleep(0.01)
    leaving.cancel()
    ledger.go.set()
    told = await asyncio.gather(leaving, staying, return_exceptions=True)
    assert isinstance(told[0], asyncio.CancelledError)
    assert isinstance(told[1], Recorded) and told[1].points == 2
