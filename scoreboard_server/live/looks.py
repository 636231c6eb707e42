"""Who asks for the board while it moves waits for its next publication, so that the answer has a version."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from ..rules.board import Board
from ..rules.refusals import Unavailable
from .frames import Published

PATIENCE_S = 5.0

T = TypeVar("T")


class _Look:
    """One question, and how many wait for its answer."""

    __slots__ = ("answer", "askers", "query", "rows")

    def __init__(self, query: Callable[[Board], Any], rows: int) -> None:
        self.query = query
        self.rows = rows
        self.askers = 0
        self.answer: asyncio.Future[tuple[Published, Any]] = asyncio.get_running_loop().create_future()


class Looks:
    """The questions that wait. The same question is answered once, whoever asks it."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, _Look] = {}

    def __len__(self) -> int:
        """How many questions wait."""
        return len(self._waiting)

    async def wait(self, query: Callable[[Board], T], key: Hashable, rows: int) -> tuple[Published, T]:
        """The next published state that it comes to, and the query's answer from its very board.

        key: equal for equal queries. rows: how large its answer may get. Raises Unavailable `overloaded`.
        """
        look = self._waiting.get(key)
        if look is None:
            look = self._waiting[key] = _Look(query, rows)
        look.askers += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                # Whoever leaves takes no answer away from the others.
                return cast("tuple[Published, T]", await asyncio.shield(look.answer))
        except TimeoutError:
            detail = "More is asked of the board than it can answer; try again in a moment."
            raise Unavailable("overloaded", detail) from None
        finally:
            look.askers -= 1

    def answer(self, state: Published, board: Board, seconds: float) -> None:
        """Answer for so long, and at least one; the others wait on.

        The small ones first: a thousand users each may be asked for by hundreds, and the rest want ten rows.
        """
        ends = time.perf_counter() + seconds
        for key, look in sorted(self._waiting.items(), key=lambda item: item[1].rows):
            del self._waiting[key]
            if not look.askers:
                continue
            look.answer.set_result((state, look.query(board)))
            if time.perf_counter() > ends:
                return
