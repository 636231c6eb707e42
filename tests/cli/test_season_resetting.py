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
from scoreboard_server.clock import now_us
from scoreboard_server.rules.board import Standing
from scoreboard_server.rules.seasons import Closing, first_season

from ..flow.seasons import FakeArchives, FakeSeasons, LeftBehind


@pytest.mark.parametrize(("minutes", "closes"), [(1, None), (60, None), (60, "season-1")])
def test_a_wish_that_came_true_long_ago_is_not_taken_for_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], minutes: int, closes: str | None
) -> None:
    """Nobody was told, and somebody wants to close a season: which of the two must be said."""
    seasons = FakeSeasons(first_season(1))
    archives = FakeArchives(seasons, [Standing("ann", 10, 5, 1)])
    store: Any = SimpleNamespace(seasons=seasons, archives=archives, standings=LeftBehind())
    monkeypatch.setattr(
        season_resetting, "with_seasons", lambda _session, work, **_: asyncio.run(work(store))
    )
    session = Session(as_json=True, flags={}, config=None)
    finish(session, None, Next(None, None), None)
    seasons.wish = Closing(1, "season-2", None, "root", now_us() - minutes * 60_000_000)
    if minutes == 1 or closes:  # the same, once more
        finish(session, None, Next(None, None), closes)
    else:
        with pytest.raises(SystemExit) as ended:
            finish(session, None, Next(None, None), None)
        assert ended.value.code == 1
        assert "run it again to close season-2, too" in capsys.readouterr().err
    assert asyncio.run(seasons.closing()) is None
    assert [season.number for season in seasons.kept] == [2, 1]


def test_begun_again_when_all_was_done_it_closes_no_second_season(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The wish was struck out and the answer to that was lost: nothing is closed, nor told, once more."""
    seasons = FakeSeasons(first_season(1))
    archives = FakeArchives(seasons, [Standing("ann", 10, 5, 1)])
    store: Any = SimpleNamespace(seasons=seasons, archives=archives, standings=LeftBehind())

    def twice(_session: Session, work: Callable[[Any], Awaitable[Any]], **_: object) -> Any:
        async def run() -> Any:
            await work(store)
            assert seasons.wish is None
            return await work(store)

        return asyncio.run(run())

    monkeypatch.setattr(season_resetting, "with_seasons", twice)
    finish(Session(as_json=True, flags={}, config=None), None, Next(None, None), None)
    assert [season.number for season in seasons.kept] == [2, 1]
    assert json.loads(capsys.readouterr().out)["closed"]["name"] == "season-1"
