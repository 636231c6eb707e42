"""Closing a season by hand, when the store goes away in the middle of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from scoreboard_cli import season_resetting
from scoreboard_cli.season_resetting import Next, finish
from scoreboard_cli.session import Session
from scoreboard_server.rules.board import Standing
from scoreboard_server.rules.seasons import first_season

from ..flow.seasons import FakeArchives, FakeSeasons, LeftBehind


def test_begun_again_when_all_was_done_it_closes_no_second_season(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The wish was struck out and the answer to that was lost: nothing is closed, nor told, once more."""
    seasons = FakeSeasons(first_season(1))
    archives = FakeArchives(seasons, [Standing("ann", 10, 5, 1)])
    store: Any = SimpleNamespace(seasons=seasons, archives=archives, standings=LeftBehind())

    def twice(_session: Session, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            await work(store)
            assert seasons.wish is None
            return await work(store)

        return asyncio.run(run())

    monkeypatch.setattr(season_resetting, "with_seasons", twice)
    finish(Session(as_json=True, flags={}, config=None), None, Next(None, None), None)
    assert [season.number for season in seasons.kept] == [2, 1]
    assert json.loads(capsys.readouterr().out)["closed"]["name"] == "season-1"
