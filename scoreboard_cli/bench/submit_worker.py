"""The process of the submitters."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import ssl
import time
from collections.abc import Callable

from scoreboard_server.open_files import raise_open_files_limit

from ..server_address import ServerAddress
from .submitting import Log, Player, Submitter
from .workers import Message, run_worker

_ANSWERS_WITHIN_S = 15.0
_ID_LENGTH = 20


class Submitters:
    """The first of them are markers: one user each, who so stays at the top. The others share the crowd."""

    def __init__(self) -> None:
        self._address = ServerAddress("", 0)
        self._submitters: list[Submitter] = []

    async def handle(self, verb: str, spec: Message) -> Message:
        """Do what the parent asks."""
        if verb == "begin":
            self._begin(**spec)
            return {}
        return await self._run(**spec)

    def _begin(
        self, *, url: str, markers: list[list[str]], crowd: list[list[str]], count: int, kind: str
    ) -> None:
        raise_open_files_limit()
        self._address = ServerAddress.of(url)

        def player(user: str, token: str) -> Player:
            return Player.of(self._address, user, token, kind, _ID_LENGTH)

        new_id = _ids()
        others = [player(*each) for each in crowd]
        for i in range(count):
            if i < len(markers):
                self._submitters.append(Submitter([player(*markers[i])], True, new_id))
            else:
                start = i * len(others) // count  # each begins elsewhere in the crowd
                self._submitters.append(Submitter(others[start:] + others[:start], False, new_id))

    async def _run(self, *, connections: int, seconds: float, rate: float | None) -> Message:
        some = self._submitters[:connections]
        await asyncio.gather(*(self._connect(each) for each in some if not each.is_open))
        log, cpu = Log(), time.process_time()
        gap = None if rate is None else connections / rate
        delays = (0.0 if gap is None else gap * i / connections for i in range(connections))
        runs = [each.run(log, seconds, gap, delay) for each, delay in zip(some, delays, strict=True)]
        _, unanswered = await asyncio.wait(runs, timeout=seconds + _ANSWERS_WITHIN_S)
        if unanswered:
            log.errors["no answer"] += len(unanswered)
        return {
            "sent": log.sent,
            "acknowledged": log.acknowledged,
            "marks": log.marks,
            "errors": log.errors,
            "cpu": time.process_time() - cpu,
        }

    async def _connect(self, submitter: Submitter) -> None:
        context = ssl.create_default_context() if self._address.secure else None
        await asyncio.get_running_loop().create_connection(
            lambda: submitter, self._address.host, self._address.port, ssl=context
        )


def _ids() -> Callable[[], bytes]:
    """Ids of actions of one length, new in each run."""
    start = secrets.token_hex(5)
    numbers = itertools.count()

    def new_id() -> bytes:
        return f"{start}{next(numbers):010d}".encode()

    return new_id


if __name__ == "__main__":
    run_worker(Submitters().handle)
