"""Diagnosing: a store is asked what it is, without changing anything in it, and judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Protocol

from msgspec import Struct

from ..rules.checkup import machine, store
from ..rules.checkup.finding import Finding, ok, skipped, wrong
from ..rules.checkup.store_facts import DatabaseFacts, ServerFacts
from .ports import Books, History
from .verifying import verify

# Servers fold every few seconds, and what a server left behind when it ended is folded by any other.
_LONG_PENDING_US = 60_000_000
LEDGER_PATIENCE_S = 20.0


class Diagnosis(Protocol):
    """A store that answers for itself."""

    async def server(self, now_us: Callable[[], int]) -> ServerFacts:
        """What the database server or cluster is. Raises StoreUnavailable."""
        ...

    async def database(self, before_us: int) -> DatabaseFacts:
        """What the score board's own database is; pending entries of before then. Raises StoreUnavailable."""
        ...


class Circumstances(Struct, frozen=True):
    """What decides how grave a fact is."""

    is_embedded: bool
    server_runs: bool


async def diagnose(
    diagnosis: Diagnosis,
    books: Books,
    history: History,
    circumstances: Circumstances,
    *,
    now_us: Callable[[], int],
    ledger_patience_s: float | None = LEDGER_PATIENCE_S,
) -> list[Finding]:
    """Every check of the store, in their order; the disk only where it is somebody else's machine's.

    now_us: µs since the Unix epoch. ledger_patience_s: how long to fold the ledger, None for not at all.
    Raises StoreUnavailable.
    """
    server = await diagnosis.server(now_us)
    findings = list(_of_server(server, circumstances))
    if server.refusal is not None:
        return _complete(findings, "a score board can't use this store", circumstances)
    database = await diagnosis.database(now_us() - _LONG_PENDING_US)
    if not circumstances.is_embedded:
        findings.append(machine.disk(database.disk, "the store's"))
    if not database.is_made:
        return _complete(findings, "no server has used this database yet", circumstances)
    findings.append(store.documents(database))
    if database.newer is not None:
        return _complete(findings, "a newer version knows better", circumstances)
    findings.append(store.indexes(database))
    findings.append(store.pending(database, server_runs=circumstances.server_runs))
    findings.append(await _ledger(database, books, history, now_us, ledger_patience_s))
    return findings


def _of_server(facts: ServerFacts, circumstances: Circumstances) -> Iterator[Finding]:
    is_embedded = circumstances.is_embedded
    yield store.version(facts, is_embedded=is_embedded)
    yield store.topology(facts, is_embedded=is_embedded)
    if facts.refusal is None:
        yield store.write_concern(facts)
    yield store.clock(facts)
    if facts.refusal is None:
        yield store.oplog(facts)


def _complete(findings: list[Finding], why: str, circumstances: Circumstances) -> list[Finding]:
    told = {each.name for each in findings}
    unknown = store.nothing_known(why, is_embedded=circumstances.is_embedded)
    return findings + [each for each in unknown if each.name not in told]


async def _ledger(
    database: DatabaseFacts,
    books: Books,
    history: History,
    now_us: Callable[[], int],
    patience_s: float | None,
) -> Finding:
    """Fold the ledger as far as there is time, and compare it with the standings."""
    if database.missing:
        return skipped("ledger", "is read by an index that is missing")
    if not database.has_season:
        return store.no_season()
    if database.is_partial:
        return store.partial()
    if patience_s is None:
        return skipped("ledger", "not read, as asked")
    give_up = time.monotonic() + patience_s
    entries, users, differing = 0, 0, 0
    async with aclosing(verify(books, history, now_us=now_us)) as spans:
        async for checked in spans:
            entries += checked.entries
            users += checked.users
            differing += len(checked.standings)
            if time.monotonic() > give_up and entries < (about := await books.entries()):
                return _verdict(differing, f"the first {entries:,} of about {about:,} entries", whole=False)
    return _verdict(differing, f"{entries:,} entries of {users:,} users", whole=True)


def _verdict(differing: int, read: str, *, whole: bool) -> Finding:
    if differing:
        return wrong(
            "ledger",
            f"{read}; standings that differ from their entries: {differing:,}",
            "`scoreboard verify` shows whose; `scoreboard verify --repair` sets them right.",
        )
    more = "" if whole else "; `scoreboard verify` reads all"
    return ok("ledger", f"{read}: standings agree{more}")
