"""Looks: questions that wait for a publication are answered from its board, in time or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from scoreboard_server.live import looks as looks_module
from scoreboard_server.live.frames import Published
from scoreboard_server.live.looks import Looks
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.refusals import Unavailable

BOARD = Board([("ann", 10, 1)])
FOREVER = 1e9


def state(version: int = 1) -> Published:
    """Some published state."""
    return Published(epoch="e", version=version, revision=version, rows=(), total=1, last_at=1)


class Questions:
    """Asks, and notes what was looked up in what order."""

    def __init__(self) -> None:
        self.looks = Looks()
        self.asked: list[str] = []

    async def ask(self, name: str, rows: int = 1) -> asyncio.Task[tuple[Published, str]]:
        """Somebody who waits by now."""
        task = asyncio.create_task(self.looks.wait(self._query(name), name, rows))
        await asyncio.sleep(0)
        return task

    def _query(self, name: str) -> Callable[[Board], str]:
        def query(board: Board) -> str:
            assert board is BOARD
            self.asked.append(name)
            return name

        return query


async def test_the_same_question_is_answered_once() -> None:
    """All who ask it have the answer; who asks it later has a later one."""
    questions = Questions()
    asking = [await questions.ask("top") for _ in range(5)]
    questions.looks.answer(first := state(), BOARD, FOREVER)
    later = await questions.ask("top")
    questions.looks.answer(second := state(2), BOARD, FOREVER)
    assert await asyncio.gather(*asking) == [(first, "top")] * 5
    assert await later == (second, "top")
    assert questions.asked == ["top"] * 2


async def test_the_small_ones_come_first_and_the_rest_wait_on() -> None:
    """No time at all is enough for one; among equals who came first is first."""
    questions = Questions()
    asking = {name: await questions.ask(name, int(name[0])) for name in ("9a", "9b", "1a", "1b")}
    for version, name in enumerate(("1a", "1b", "9a", "9b"), 1):
        questions.looks.answer(state(version), BOARD, 0.0)
        assert (await asking[name])[0].version == version
        assert len(questions.looks) == 4 - version
    assert questions.asked == ["1a", "1b", "9a", "9b"]


async def test_who_has_waited_too_long_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is kept for ever; what nobody waits for any more is not looked up."""
    monkeypatch.setattr(looks_module, "PATIENCE_S", 0.01)
    questions = Questions()
    with pytest.raises(Unavailable, match="overloaded"):
        await (await questions.ask("top"))
    questions.looks.answer(state(), BOARD, FOREVER)
    assert (questions.asked, len(questions.looks)) == ([], 0)


async def test_who_leaves_takes_no_answer_along() -> None:
    """Those who ask the same go on waiting."""
    questions = Questions()
    leaver, stayer = [await questions.ask("top") for _ in range(2)]
    leaver.cancel()
    await asyncio.sleep(0)
    questions.looks.answer(told := state(), BOARD, FOREVER)
    assert await stayer == (told, "top")
    assert leaver.cancelled()
