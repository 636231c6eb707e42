"""Lag: what a mark takes there and back, and how long a missing one has been missing."""

from __future__ import annotations

import asyncio

import pytest

from scoreboard_server.flow import lag as lag_module
from scoreboard_server.flow.lag import Lag


class Fence:
    """Passes when `way` is clear, unless it is `away`; what it takes is `takes` seconds of the clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.takes = 0.0
        self.away = False
        self.clear = asyncio.Event()
        self.clear.set()
        self.asked = 0

    async def passed(self, patience: float) -> bool:
        self.asked += 1
        if self.away:
            return False
        await self.clear.wait()
        self.now += self.takes
        return True


@pytest.fixture
async def fence() -> Fence:
    return Fence()


@pytest.fixture
async def lag(fence: Fence) -> Lag:
    return Lag(fence, lambda: fence.now)


async def test_it_is_what_the_last_mark_took(fence: Fence, lag: Lag) -> None:
    """Of several, the last; it does not grow with the time since."""
    for takes in (3.0, 0.25):
        fence.takes = takes
        await lag.measure()
        fence.now += 60
        assert lag.seconds == takes


async def test_it_grows_while_a_mark_is_missing(fence: Fence, lag: Lag) -> None:
    """From when it was sent, and ends with it."""
    fence.clear.clear()
    measuring = asyncio.create_task(lag.measure())
    await asyncio.sleep(0)
    for passed in (1.0, 2.0, 40.0):
        fence.now = 100 + passed
        assert lag.seconds == passed
    fence.clear.set()
    await measuring
    fence.now += 100
    assert lag.seconds == 40.0


async def test_it_goes_on_growing_over_marks_that_are_lost(fence: Fence, lag: Lag) -> None:
    """A store that is away for minutes shows as minutes, however often it was asked."""
    fence.away = True
    for _ in range(10):
        await lag.measure()
        fence.now += 30
    assert lag.seconds == 300
    fence.away, fence.takes = False, 0.5
    await lag.measure()
    assert lag.seconds == 0.5


async def test_it_is_measured_again_and_again(
    fence: Fence, lag: Lag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when nothing happens."""
    monkeypatch.setattr(lag_module, "INTERVAL_S", 0.001)
    running = asyncio.create_task(lag.run())
    async with asyncio.timeout(20):
        while fence.asked < 5:
            await asyncio.sleep(0.001)
    running.cancel()
