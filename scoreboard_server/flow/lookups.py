"""Looking up single entries of the ledger, for whoever asks whether something was counted before.

While one look is under way, all that is asked for meanwhile gathers for the next one. So however many ask,
the store does one thing at a time for them, and takes as many as it can at once. A look goes on when those
who asked have left, as the driver's thread does: else each who comes would block another one.
"""

from __future__ import annotations

import asyncio
from itertools import islice

from .flights import not_added
from .lasting import Lasting
from .ports import Key, Ledger, Recorded, StoreUnavailable

_KEYS_AT_ONCE = 200


class _Question:
    """One key, and how many wait to be told what is recorded of it; `is_told` if the store has answered."""

    __slots__ = ("askers", "is_told", "over", "recorded")

    def __init__(self) -> None:
        self.askers = 0
        self.over = asyncio.Event()
        self.is_told = False
        self.recorded: Recorded | None = None


class Lookups:
    """Tells what the ledger has recorded."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._asked: dict[Key, _Question] = {}
        self._lasting = Lasting()
        self._is_looking = False

    async def find(self, key: Key, deadline: float) -> Recorded | None:
        """The entry of that key, None when there is none.

        deadline: in the loop's time. Raises Unavailable `store_unavailable`.
        """
        question = self._asked.get(key)
        if question is None:
            question = self._asked[key] = _Question()
        self._look_while_asked()
        question.askers += 1
        try:
            async with asyncio.timeout_at(deadline):
                await question.over.wait()
        except TimeoutError:
            raise not_added() from None
        finally:
            self._leave(key, question)
        if not question.is_told:
            raise not_added()
        return question.recorded

    def _leave(self, key: Key, question: _Question) -> None:
        """Keep nothing that nobody waits for."""
        question.askers -= 1
        if not question.askers and self._asked.get(key) is question:
            del self._asked[key]

    def _look_while_asked(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self._lasting.start(self._look_for_all())

    async def _look_for_all(self) -> None:
        try:
            while self._asked:
                await self._look()
        finally:
            self._is_looking = False

    async def _look(self) -> None:
        asked = {key: self._asked.pop(key) for key in list(islice(self._asked, _KEYS_AT_ONCE))}
        try:
            found = await self._ledger.look_up(asked.keys())
            for key, question in asked.items():
                question.recorded, question.is_told = found.get(key), True
        except StoreUnavailable:
            pass  # which they are told
        finally:
            for question in asked.values():
                question.over.set()
