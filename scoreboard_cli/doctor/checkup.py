"""All checks in their order: the machine first, so that it is told of also where the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from msgspec import Struct

from scoreboard_server.clock import now_us
from scoreboard_server.rules.checkup import configuration, store
from scoreboard_server.rules.checkup.finding import Finding, ok, skipped, wrong
from scoreboard_server.settings import Settings
from scoreboard_server.store.data_dir import DataDir

from ..session import taking_turns
from . import installation, places
from .listening import Listening

_REMEDIES = {
    "memory": "Use --store embedded to keep scores, and to let commands see them.",
    "embedded": "See mongod.log in the data directory.",
}


class Checkup(Struct):
    """What was found. is_reached: whether the store answered; None when it wasn't asked, or refused us."""

    findings: list[Finding]
    is_reached: bool | None = None


def without_settings(words: str) -> Checkup:
    """What can be checked when the settings can't be used."""
    return Checkup([installation.python(), installation.packages(), configuration.refused(words)])


def check_up(settings: Settings, file: str | None, *, is_quick: bool) -> Checkup:
    """Everything. file: of the settings. is_quick: without folding the ledger."""
    listening = Listening(settings)
    findings = list(_of_machine(settings, file, listening))
    of_store = _of_store(settings, listening, is_quick=is_quick)
    return Checkup(findings + of_store.findings, of_store.is_reached)


def _of_machine(settings: Settings, file: str | None, listening: Listening) -> Iterator[Finding]:
    from scoreboard_server.parts import action_types  # noqa: PLC0415 -- half a second that --help needn't wait

    server, folder = settings.server, settings.store.data_dir
    yield installation.python()
    yield installation.packages()
    yield configuration.sources(file, settings.origins.values())
    yield configuration.network(server.host, server.trusted_proxies, server.trusted_origins)
    yield configuration.actions(action_types(settings), has_captcha=settings.captcha.provider != "none")
    yield places.signing_secret(settings)
    yield places.file_modes(settings)
    yield installation.open_files(settings.limits.sockets)
    yield listening.server()
    yield listening.port()
    if settings.store.uri in ("embedded", "memory"):
        yield places.data_directory(folder)
    else:
        yield skipped("data dir", "not used: the store is elsewhere")
    if settings.store.uri == "embedded":
        yield places.disk(folder)
        yield installation.mongod()
    else:
        yield skipped("mongod", "not used by this store")


def _of_store(settings: Settings, listening: Listening, *, is_quick: bool) -> Checkup:
    if settings.store.uri == "embedded":
        folder = settings.store.data_dir
        if not places.is_ours(folder):  # a mongod of ours would leave files there that are not its owner's
            return _unasked("not asked, because of the data directory")
        if not DataDir(folder).dbpath.exists():
            return _unasked("none yet; the first `scoreboard serve` makes it")
    return _asked(settings, server_runs=listening.server_runs, is_quick=is_quick)


def _unasked(why: str) -> Checkup:
    return Checkup([skipped("store", why), *store.nothing_known("no store to ask", is_embedded=True)])


def _asked(settings: Settings, *, server_runs: bool, is_quick: bool) -> Checkup:
    from scoreboard_server.store.opening import (  # noqa: PLC0415 -- the driver takes 300 ms to import
        StoreRefusedError,
        StoreUnavailable,
    )

    where = settings.store
    try:
        asked = asyncio.run(
            taking_turns(where.uri, lambda: _ask(settings, server_runs=server_runs, is_quick=is_quick))
        )
    except StoreUnavailable as error:
        remedy = _REMEDIES.get(where.uri, "Start it, or set store.uri right.")
        return _lost(where.uri, f"can't be reached: {error}", remedy, is_reached=False)
    except StoreRefusedError as error:
        return _lost(
            where.uri, str(error), "Set that right; nothing else of the store can be checked before."
        )
    return Checkup([ok("store", "answers"), *asked], is_reached=True)


def _lost(uri: str, found: str, remedy: str, *, is_reached: bool | None = None) -> Checkup:
    unknown = store.nothing_known("the store can't be asked", is_embedded=uri == "embedded")
    return Checkup([wrong("store", found, remedy), *unknown], is_reached)


async def _ask(settings: Settings, *, server_runs: bool, is_quick: bool) -> list[Finding]:
    from scoreboard_server.flow.diagnosing import (  # noqa: PLC0415 -- as above
        LEDGER_PATIENCE_S,
        Circumstances,
        diagnose,
    )
    from scoreboard_server.store.examining import examining  # noqa: PLC0415 -- as above

    where = settings.store
    async with examining(where.uri, where.database, where.data_dir) as store_there:
        return await diagnose(
            store_there.diagnosis,
            store_there.books,
            store_there.history,
            Circumstances(is_embedded=where.uri == "embedded", server_runs=server_runs),
            now_us=now_us,
            ledger_patience_s=None if is_quick else LEDGER_PATIENCE_S,
        )
