"""Auditing: pages of the trail, and how an act is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.flow.auditing import audit, told
from scoreboard_server.flow.ports import Wanted
from scoreboard_server.rules.acts import Act


def act(at: int, reason: str = "") -> Act:
    """Something that was done then."""
    return Act(at, "aylin", "ban", "ann", reason, {})


class FakeTrail:
    """A trail in a list."""

    def __init__(self, acts: Sequence[Act]) -> None:
        self._acts = sorted(acts, key=lambda act: -act.at)

    async def acts(self, wanted: Wanted, limit: int) -> AsyncIterator[Act]:
        matching = [a for a in self._acts if wanted.until is None or a.at < wanted.until]
        for each in matching[:limit]:
            yield each


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_a_page_that_shows_all_is_the_last(count: int) -> None:
    """Also when it is just full."""
    page = await audit(FakeTrail([act(at) for at in range(count)]), Wanted(), 3)
    assert (len(page.acts), page.older) == (count, None)


@given(st.lists(st.integers(0, 12), max_size=20, unique=True), st.integers(1, 5))
async def test_page_by_page_each_act_comes_once(times: list[int], limit: int) -> None:
    """Newest first, whatever the pages' length."""
    trail = FakeTrail([act(at) for at in times])
    seen: list[int] = []
    until: int | None = None
    while True:
        page = await audit(trail, Wanted(until=until), limit)
        seen += [each.at for each in page.acts]
        if page.older is None:
            break
        until = page.older
    assert seen == sorted(times, reverse=True)


async def test_of_two_at_the_same_instant_none_is_lost_between_pages() -> None:
    """One is shown again instead."""
    trail = FakeTrail([act(5, "a"), act(5, "b"), act(4, "c")])
    first = await audit(trail, Wanted(), 1)
    second = await audit(trail, Wanted(until=first.older), 5)
    assert {each.reason for each in (*first.acts, *second.acts)} == {"a", "b", "c"}
    assert all(before.at >= after.at for before, after in pairwise(second.acts))


def test_an_act_is_told_as_everything_else_is() -> None:
    """In camel case throughout, its time in UTC to the microsecond."""
    details = {
        "ban": {"taken_back_from": 3, "until": None},
        "before": {"score": 2**40},
        "all_of": [{"a_b": 1}],
    }
    one = Act(1_790_000_000_000_001, "aylin", "ban", "ann", "cheats", details)
    assert msgspec.to_builtins(told(one)) == {
        "at": "2026-09-21T14:13:20.000001Z",
        "by": "aylin",
        "what": "ban",
        "userId": "ann",
        "reason": "cheats",
        "details": {
            "ban": {"takenBackFrom": 3, "until": None},
            "before": {"score": 2**40},
            "allOf": [{"aB": 1}],
        },
    }
