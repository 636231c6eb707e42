"""Users who act at once, repeat an id until they have a final answer, and check what they are told."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ..conftest import token
from ..nginx import SERVED_BY, who_answered
from .chronicle import ACTION_TYPE, Chronicle
from .http_client import Answer, Connection, NoAnswer
from .memory import Record
from .stage import Stage

_PATH = "/api/scores/update"
_PATIENCE_S = 30.0
_IMPATIENCE_S = 0.004
_IMPATIENT = 0.02  # the share of requests whose sender leaves at once
_REPEATS = 0.08  # the share of requests that repeat what was acknowledged
_STRAYS = 0.02  # the share of requests that go to another server for no reason
_PAUSE_S = 0.02
_RETRY_PAUSE_S = 0.3
# Until everybody has a final answer once everything is back; a violation after that.
_FINAL_S = 120.0


class Lane:
    """One of the things that a user does at the same time; one request after the other."""

    def __init__(
        self,
        record: Record,
        name: str,
        chronicle: Chronicle,
        rng: random.Random,
        *,
        ports: Sequence[int],
        servers: Sequence[int],
    ) -> None:
        """ports: where to ask. servers: who may answer there."""
        self._record = record
        self._name = name
        self._servers = servers
        self._chronicle = chronicle
        self._rng = rng
        self._bearer = token(record.user, ttl=86_400)
        self._connections = [Connection(port) for port in ports]
        self._connection = rng.choice(self._connections)

    async def act_until(self, over: asyncio.Event) -> None:
        """Act and repeat; every id that was begun has its final answer when this returns."""
        while not over.is_set():
            if self._record.acknowledged and self._rng.random() < _REPEATS:
                await self._repeat()
            else:
                await self._act()
            await asyncio.sleep(self._rng.random() * _PAUSE_S)

    def close(self) -> None:
        """Leave all connections."""
        for connection in self._connections:
            connection.close()

    async def _act(self) -> None:
        action = f"{self._name}-{len(self._record.asked)}"
        self._record.asked.add(action)
        asked_at = await self._insist(action)
        self._chronicle.acknowledge(asked_at)

    async def _repeat(self) -> None:
        recent = list(self._record.acknowledged)[-200:]
        await self._insist(self._rng.choice(recent))
        self._chronicle.repeated += 1

    async def _insist(self, action: str) -> float:
        """Ask until there is a final answer; when (monotonic) the attempt was sent that brought it."""
        attempts = 0
        while True:
            if self._rng.random() < _STRAYS:
                self._connection = self._rng.choice(self._connections)
            attempts += 1
            asked_at = time.monotonic()
            if await self._is_answered(action, is_new=attempts == 1):
                return asked_at
            self._chronicle.asked_again += 1
            self._connection = self._rng.choice(self._connections)
            await asyncio.sleep(self._rng.random() * _RETRY_PAUSE_S)

    async def _is_answered(self, action: str, *, is_new: bool) -> bool:
        record = self._record
        is_new = is_new and action not in record.acknowledged
        expected = {port: record.expect(action, port, is_new=is_new) for port in self._servers}
        answer = await self._ask(action)
        if answer is None or not self._is_final(answer, action):
            return False
        score: int = json.loads(answer.body)["newScore"]
        port = who_answered(answer.headers.get(SERVED_BY, f":{self._connection.port}"))
        season, fitting = record.learn(action, score, port, expected[port])
        if season is None:
            words = f"{record.user}'s {action} at {port}: told {score}, must be in {fitting}"
            self._chronicle.violation(words)
        elif score < expected[port].highest.get(season, 0):
            self._chronicle.behind_another += 1
        return True

    async def _ask(self, action: str) -> Answer | None:
        body = json.dumps({"actionId": action, "actionType": ACTION_TYPE}).encode()
        patience = _IMPATIENCE_S if self._rng.random() < _IMPATIENT else _PATIENCE_S
        try:
            return await self._connection.post(_PATH, self._bearer, body, patience)
        except NoAnswer:
            return None

    def _is_final(self, answer: Answer, action: str) -> bool:
        if answer.status not in (200, 429, 503):
            words = f"{self._record.user}'s {action}: {answer.status} {answer.body[:200]!r}"
            self._chronicle.violation(words)
        elif answer.status != 200 and "retry-after" not in answer.headers:
            self._chronicle.violation(f"a {answer.status} without Retry-After")
        return answer.status == 200


class Crowd:
    """All users of a stage."""

    def __init__(self, stage: Stage, chronicle: Chronicle, *, seed: str, users: int = 16) -> None:
        self.records = [Record(f"user{i}", stage.seasons) for i in range(users)]
        servers = [server.port for server in stage.servers]
        self._over = asyncio.Event()
        self._lanes = [
            Lane(
                record,
                lane,
                chronicle,
                random.Random(f"{seed}-{record.user}-{lane}"),
                ports=stage.ports,
                servers=servers,
            )
            for record in self.records
            for lane in "ab"
        ]

    @asynccontextmanager
    async def acting(self) -> AsyncIterator[None]:
        """They act for the length of the block; at its end everybody has a final answer to everything."""
        self._over.clear()
        tasks = [asyncio.create_task(lane.act_until(self._over)) for lane in self._lanes]
        try:
            yield
            self._over.set()
            async with asyncio.timeout(_FINAL_S):
                await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for lane in self._lanes:
                lane.close()
