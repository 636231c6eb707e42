"""Looking up single entries of the ledger, for whoever asks whether something was counted before.

While one look is under way, all that is asked for meanwhile gathers for the next one. So however many ask,
the store does one thing at a time for them, and takes as many as it can at once.
"""

from __future__ import annotations

import asyncio
from itertools import islice

from .flights import not_added
from .ports import Key, Ledger, Recorded, StoreUnavailable

_KEYS_AT_ONCE = 200

_Told = asyncio.Future[Recorded | None]


class Lookups:
    """Tells what the ledger has recorded."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._asked: dict[Key, _Told] = {}
        self._one_at_a_time = asyncio.Lock()

    async def find(self, key: Key, patience: float) -> Recorded | None:
        """The entry of that key, None when there is none.

        patience: seconds. Raises Unavailable `store_unavailable`.
        """
        told = self._asked.get(key)
        if told is None:
            told = self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(patience), self._one_at_a_time:
                while not told.done():
                    await self._look()
        except (TimeoutError, StoreUnavailable):
            raise not_added() from None
        finally:
            self._leave(key, told)
        if told.cancelled():  # whoever looked for all was not told, or has left
            raise not_added()
        return told.result()

    def _leave(self, key: Key, told: _Told) -> None:
        """Keep nothing of who has given up; who asks the same is told to ask again."""
        if self._asked.get(key) is told:
            del self._asked[key]
        told.cancel()

    async def _look(self) -> None:
        keys = list(islice(self._asked, _KEYS_AT_ONCE))
        asked = {key: self._asked.pop(key) for key in keys}
        try:
            found = await self._ledger.look_up(keys)
            for key, told in asked.items():
                told.set_result(found.get(key))
        finally:
            for told in asked.values():
                told.cancel()
