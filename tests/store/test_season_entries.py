"""Entries of a season in order: whatever a user has, and however it falls into chunks."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from scoreboard_server.store import season_entries
from scoreboard_server.store.season_entries import in_order

CHUNK = 5


class Ledger:
    """Documents that are read as MongoDB would, in any order where none is asked for."""

    def __init__(self, counts: Sequence[int], seed: int) -> None:
        self.documents = [
            {"user": f"u{user}", "action": f"a{action}", "season": season}
            for season in (1, 2)
            for user, count in enumerate(counts)
            for action in range(count)
        ]
        random.Random(seed).shuffle(self.documents)

    async def scan(
        self, wanted: dict[str, Any], *, sort: Sequence[str], hint: str, limit: int = 0
    ) -> AsyncIterator[dict[str, Any]]:
        assert (hint, wanted["late"]) in [("of_season", None), ("user_action", None)]
        user = wanted["user"]
        found = [d for d in self.documents if d["season"] == wanted["season"]]
        found = [
            d for d in found if d["user"] == user or (isinstance(user, dict) and d["user"] > user["$gt"])
        ]
        found.sort(key=lambda each: [each[field] for field in sort])
        for document in found[:limit] if limit else found:
            yield document


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "counts",
    [
        [],
        [1],
        [5],
        [6],
        [4, 1],
        [4, 2],
        [5, 5, 5],
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
        [2, 17, 3, 4, 1],
        [0, 4, 6, 0, 5, 1],
    ],
)
async def test_each_once_and_in_order(monkeypatch: pytest.MonkeyPatch, counts: list[int], seed: int) -> None:
    """Of that season alone; users who have more than fits, who just fit, and who are cut in two."""
    monkeypatch.setattr(season_entries, "_CHUNK", CHUNK)
    ledger = Ledger(counts, seed)
    found = [(d["user"], d["action"]) async for d in in_order(ledger.scan, 2)]
    assert found == sorted((d["user"], d["action"]) for d in ledger.documents if d["season"] == 2)
