"""The composition root: builds the parts, serves, drains."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from . import log_lines
from .clock import now_us
from .flow.loading import Loaded, load_board
from .flow.ports import StoreUnavailable
from .metrics.exposition import Exposition
from .outside.jwks import FetchedKeys
from .parts import Keys, Parts, action_types, make_parts
from .rules.action_types import Catalogue
from .settings import Settings, SettingsError
from .signing_keys import key_ring, keys_of_file
from .signing_secret import signing_secret
from .store.opening import Store, open_for_server
from .waiting import at_most, patiently
from .web.long_bodies import DISCARDED_LIMIT
from .web.routes import application
from .web.services import Lifecycle
from .web.slow_senders import SlowSenders

log = logging.getLogger("scoreboard.app")

_HEADER_LIMIT = 16 * 1024
_HEADER_PATIENCE_S = 15
_BODY_PATIENCE_S = 10
_ANSWER_PATIENCE_S = 30
_KEYS_PATIENCE_S = 5.0
# Together they stay under the ten seconds that supervisors give a process to stop.
_FLUSH_PATIENCE_S = 3.0
_FOLD_PATIENCE_S = 1.5
_TASKS_PATIENCE_S = 0.5
_CLOSE_PATIENCE_S = 0.5
_LEAST_STORE_PATIENCE_S = 2.5  # more than the driver takes to say goodbye; then a private MongoDB is killed
_STOP_PATIENCE_S = 9.0


class StartError(Exception):
    """The server can't start as it is told to; the message says what to do."""


class ServerFailedError(Exception):
    """A part that the server can't do without has failed."""


class Server:
    """One process: REST, WebSockets and everything behind them."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError when there is no usable signing secret, or no usable key in a file of keys."""
        self._settings = settings
        self.secret = signing_secret(settings)
        self.keys = key_ring(settings.auth, self.secret)
        url = settings.auth.jwks_url
        self._fetched_keys = FetchedKeys(url, self.keys) if url is not None else None
        self._lifecycle = Lifecycle()
        self._lifecycle.access.sample(settings.log.access_sample)
        self._exposition = Exposition(self._lifecycle)
        self._writer = secrets.token_hex(8)
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._http: HTTPServer | None = None
        self._store: Store | None = None
        self._parts: Parts | None = None
        self._catalogue = Catalogue(action_types(settings))
        self._stopped = False
        self.port = 0

    @property
    def address(self) -> str:
        """Where the page is, for people."""
        host = self._settings.server.host
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
        return f"http://{shown}:{self.port}"

    async def start(self) -> None:
        """Listen, then get ready. Raises StartError, StoreRefusedError or StoreUnavailable."""
        self._listen()
        if self._fetched_keys is not None:
            self._supervise("fetching keys", self._fetched_keys.run())
        if self._settings.store.uri == "memory":
            log.warning("the `memory` store keeps nothing: every score is gone when this server stops")
        store = self._store = await patiently(self._open_store)
        await self._build(store, await patiently(lambda: load_board(store.snapshots, now_us())))

    def reload_keys(self) -> None:
        """Read the file of keys again. One that is refused is told in the log, and changes nothing."""
        if self._settings.auth.jwks_file is None:
            return
        try:
            self.keys.replace(keys_of_file(self._settings.auth))
        except SettingsError as error:
            log.error("the keys of before stay: %s", error)
        else:
            file = self._settings.auth.jwks_file
            log.info("the keys of %s are read again", file, extra={"keys": str(file)})

    async def run_until(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises ServerFailedError when a part has failed for good."""
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        for task, name in self._tasks.items():
            if task.done():
                _explain(task, name)

    async def stop(self) -> None:
        """Drain: refuse what is new, finish what is under way, fold, leave nothing behind. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        ends = time.monotonic() + _STOP_PATIENCE_S
        self._lifecycle.services = None
        self._lifecycle.is_stopping = True
        if self._http is not None:
            self._http.stop()
        async with contextlib.AsyncExitStack() as afterwards:  # whatever becomes of the steps before
            afterwards.push_async_callback(self._close_store, ends)
            afterwards.push_async_callback(self._close_connections)
            afterwards.push_async_callback(self._cancel_tasks)
            if self._parts is not None:
                await self._drain(self._parts)

    async def holds_others_than(self, prefix: str) -> bool:
        """True when somebody is on the board, or was on one before, whose id doesn't begin with `prefix`.

        Raises StoreUnavailable.
        """
        if self._parts is None:
            return False
        if any(not standing.user.startswith(prefix) for standing in self._parts.live.board):
            return True
        books = self._parts.store.books
        return books is not None and await books.has_others_than(prefix)

    # --- starting ---------------------------------------------------------------------------------

    def _listen(self) -> None:
        server = self._settings.server
        routes = application(
            self._lifecycle,
            top=self._settings.live.top,
            trusted_origins=server.trusted_origins,
            trusted_proxies=server.trusted_proxies,
            expose=self._exposition.text,
        )
        try:
            sockets = bind_sockets(server.port, server.host)
        except (OSError, UnicodeError) as error:  # the latter for a name that no host can have
            raise StartError(_why_not_listening(server.host, server.port, error)) from None
        slow_senders = SlowSenders(
            routes,
            header_patience=_HEADER_PATIENCE_S,
            body_patience=_BODY_PATIENCE_S,
            answer_patience=_ANSWER_PATIENCE_S,
            clock=time.monotonic,
        )
        self._supervise("watching for slow senders", slow_senders.run())
        self._http = HTTPServer(slow_senders, max_body_size=DISCARDED_LIMIT, max_header_size=_HEADER_LIMIT)
        self._http.conn_params.header_timeout = None  # else an hour, by a timer per request
        self._http.add_sockets(sockets)
        self.port = sockets[0].getsockname()[1]

    async def _open_store(self) -> Store:
        store = self._settings.store
        return await open_for_server(store.uri, store.database, store.data_dir, now_us=now_us())

    async def _build(self, store: Store, loaded: Loaded) -> None:
        keys = Keys(self.secret, self.keys, self._fetched_keys)
        parts = self._parts = make_parts(
            self._settings, store, loaded, keys, self._catalogue, writer=self._writer
        )
        self._exposition.parts = parts
        for name, part in parts.to_run():
            self._supervise(name, part)
        await parts.profiles.fetch([standing.user for standing in parts.hub.leaders()])
        parts.hub.begin_again()
        if self._fetched_keys is not None:
            await self._fetched_keys.first(_KEYS_PATIENCE_S)  # else it starts without, and keeps trying
        self._lifecycle.is_cut_off = parts.is_cut_off
        self._lifecycle.services = parts.services
        store.announce(self.address)
        users, season = len(loaded.board), loaded.season.name
        log.info(
            "ready: %d users on the board of %s", users, season, extra={"users": users, "season": season}
        )

    def _supervise(self, name: str, part: Coroutine[Any, Any, Any]) -> None:
        self._tasks[asyncio.create_task(part, name=name)] = name

    def reload(self, reread: Callable[[], Settings]) -> None:
        """Offer the catalogue, trust the keys and log as the settings say now; all else stays as it was.

        reread: the settings; when it raises SettingsError, the log says so and nothing changes.
        """
        try:
            settings = reread()
        except SettingsError as error:
            log.error("the action types of before stay: %s", error)
        else:
            self._catalogue.replace(action_types(settings))
            self._lifecycle.access.sample(settings.log.access_sample)
            log_lines.set_level(settings.log.level)
            offered = len(settings.actions)
            log.info("offering %d action types from now on", offered, extra={"actionTypes": offered})
        self.reload_keys()

    # --- stopping ---------------------------------------------------------------------------------

    async def _drain(self, parts: Parts) -> None:
        flushed = await self._flush(parts)
        parts.hub.dismiss_all()
        if flushed:
            await self._settle(parts)

    async def _flush(self, parts: Parts) -> bool:
        """Whether everything under way was counted; who still waits is told otherwise."""
        parts.pipeline.close()
        drained = await at_most(_FLUSH_PATIENCE_S, parts.pipeline.drained())
        parts.pipeline.give_up()
        await asyncio.sleep(0.01)  # lets the answers reach their connections
        return drained

    async def _settle(self, parts: Parts) -> None:
        """What is pending after it is folded by the next start."""
        try:
            await at_most(_FOLD_PATIENCE_S, parts.fold_and_save())
        except StoreUnavailable:
            pass
        except Exception as error:  # the server stops, perhaps for this very reason, and says why
            log.error("what is pending is not folded: %s", error)

    async def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await at_most(_TASKS_PATIENCE_S, asyncio.gather(*self._tasks, return_exceptions=True))
        self._tasks.clear()

    async def _close_connections(self) -> None:
        if self._http is not None:
            await at_most(_CLOSE_PATIENCE_S, self._http.close_all_connections())
        self._lifecycle.access.settle()

    async def _close_store(self, ends: float) -> None:
        if self._store is not None:
            left = max(_LEAST_STORE_PATIENCE_S, ends - time.monotonic())
            await at_most(left, self._store.close())


def _explain(task: asyncio.Task[Any], name: str) -> NoReturn:
    error = None if task.cancelled() else task.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    why = f"{type(error).__name__}: {error}" if error else "it has ended"
    raise ServerFailedError(f"The server stops because {name} failed: {why}") from error


def _why_not_listening(host: str, port: int, error: OSError | UnicodeError) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use. Name another one with --port."
    why = (isinstance(error, OSError) and error.strerror) or error
    return f"Can't listen on {host}:{port}: {why}."
