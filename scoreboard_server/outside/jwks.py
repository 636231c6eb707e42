"""The keys that an identity provider publishes at `auth.jwks_url`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from jwt.exceptions import PyJWKClientError

from ..flow.jwks import NotAKeySet, read_keys
from ..flow.keys import Key, KeyRing
from ..rules.refusals import Unavailable
from .jwks_client import JwksClient

log = logging.getLogger("scoreboard.keys")


class Pace(NamedTuple):
    """How often and how long, in seconds.

    deadline: of a whole fetch. lifespan: from a good fetch to the next. after_failure, until_first: from a
    failed one to the next, the latter while there never was a good one. between_looks: when a token names
    an unknown key, the least time since the last fetch.
    """

    deadline: float = 3.0
    lifespan: float = 600.0
    after_failure: float = 10.0
    until_first: float = 1.0
    between_looks: float = 10.0


_PACE = Pace()


class FetchedKeys:
    """Keeps a ring supplied with what is published. Fits `flow.ports.PublishedKeys`.

    Keys that were fetched once stay trusted until a good fetch comes without them.
    """

    def __init__(
        self, url: str, ring: KeyRing, *, pace: Pace = _PACE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """url: https, or http to this machine. clock: seconds from anywhere."""
        self._url = url
        self._ring = ring
        self._pace = pace
        self._clock = clock
        self._fetched = asyncio.Event()
        self._fetching: asyncio.Task[None] | None = None
        self._last_fetch = float("-inf")
        self._failure: str | None = None
        self._problems: tuple[str, ...] = ()

    async def run(self) -> None:
        """Fetch again and again."""
        try:
            while True:
                await self._fetch_once()
                await asyncio.sleep(self._pause())
        finally:
            if self._fetching is not None:
                self._fetching.cancel()

    async def first(self, patience: float) -> bool:
        """Whether there has been a good fetch; waits for it so many seconds."""
        try:
            async with asyncio.timeout(patience):
                await self._fetched.wait()
        except TimeoutError:
            return False
        return True

    async def look_again(self) -> None:
        """Fetch, unless that was done a moment ago; whoever asks meanwhile shares it.

        Raises Unavailable `keys_unavailable` when there never was a good fetch.
        """
        if self._fetching is not None or self._clock() - self._last_fetch >= self._pace.between_looks:
            await self._fetch_once()
        if not self._fetched.is_set():
            raise Unavailable("keys_unavailable", "The keys that verify tokens can't be fetched now.", 2)

    async def _fetch_once(self) -> None:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch(), name="fetching keys")
        await asyncio.shield(self._fetching)  # one who leaves takes nobody else along

    async def _fetch(self) -> None:
        client = JwksClient(self._url, timeout=self._pace.deadline)
        try:
            async with asyncio.timeout(self._pace.deadline):
                document = await asyncio.to_thread(client.fetch_data)
            keys, problems = read_keys(document, self._ring.algorithms, published=True)
            self._take(keys, problems)
        except TimeoutError:
            self._failed(f"no whole answer within {self._pace.deadline:g} s")
        except NotAKeySet as error:
            self._failed(f"what it answers {error}")
        except PyJWKClientError as error:
            self._failed(str(error))
        finally:
            client.hang_up()
            self._last_fetch = self._clock()
            self._fetching = None

    def _take(self, keys: tuple[Key, ...], problems: tuple[str, ...]) -> None:
        if problems != self._problems:
            self._problems = problems
            for problem in problems:
                log.warning("of the keys at %s, %s", self._where, problem, extra={"keys": self._where})
        if not keys:  # more likely a mistake there than the wish that nobody gets in
            self._failed(f"it has no key for {', '.join(sorted(self._ring.algorithms))}")
            return
        if self._failure is not None or not self._fetched.is_set():
            told = {"keys": self._where, "count": len(keys)}
            log.info("the keys of %s are fetched: %d", *told.values(), extra=told)
        self._failure = None
        self._ring.replace(keys)
        self._fetched.set()

    def _failed(self, why: str) -> None:
        if self._failure is None:
            kept = "those of before stay trusted" if self._fetched.is_set() else "there are none yet"
            where = {"keys": self._where}
            log.warning("the keys of %s can't be fetched, %s: %s", self._where, kept, why, extra=where)
        self._failure = why

    @property
    def _where(self) -> str:
        """The address without its query, which may hold a secret."""
        return urlsplit(self._url)._replace(query="").geturl()

    def _pause(self) -> float:
        if not self._fetched.is_set():
            return self._pace.until_first
        return self._pace.lifespan if self._failure is None else self._pace.after_failure
