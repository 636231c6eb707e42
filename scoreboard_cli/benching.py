"""What a bench needs around it: a server, users with tokens, workers and a progress bar."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from scoreboard_server.flow.tokens import TokenIssuer
from scoreboard_server.settings import Settings, load_settings

from . import console
from .bench.own_server import own_server
from .bench.report import Findings, Load
from .bench.running import MARKER_PREFIX, Bench, Progress, planned_seconds, watching_processes
from .bench.workers import BenchFailedError, Worker
from .live_server import LiveServer
from .session import Session
from .token_commands import signing_key

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_PREFIX = "bench:"
_CROWD = 500  # users whom those submitters share who are no markers
_MARKERS = 5  # so few that all of them are among the top ten
_TOKEN_TTL_S = 6 * 3600.0
_TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Target:
    """A server to load. signing: the settings whose key its tokens are signed with."""

    url: str
    pid: int | None
    signing: Settings


class _Phases:
    """One bar for all phases, which moves with the clock: nobody is asked, nobody is disturbed."""

    def __init__(self, bar: Bar, seconds: float) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=seconds)
        self._before = self._planned = 0.0
        self._began = time.monotonic()

    def begin(self, words: str, seconds: float) -> None:
        """The next phase."""
        self._before += self._planned
        self._planned, self._began = seconds, time.monotonic()
        self._bar.update(self._task, description=f"{words:<25}", completed=self._before)

    async def tick(self) -> None:
        """Move, until cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            elapsed = min(self._planned, time.monotonic() - self._began)
            self._bar.update(self._task, completed=self._before + elapsed)


def measure(session: Session, load: Load, kind: str, *, pid: int | None, anyway: bool) -> Findings:
    """Do it all, and leave nothing behind. Raises BenchFailedError or ServerUnreachable.

    kind: the action type that is claimed. anyway: also on a real board.
    """
    try:
        return asyncio.run(_measure(session, load, kind, pid, anyway))
    except asyncio.CancelledError:
        console.leave_interrupted()


async def _measure(session: Session, load: Load, kind: str, pid: int | None, anyway: bool) -> Findings:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 -- asyncio.run has made one
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with _progress(planned_seconds(load, is_measured=load.server is None or pid is not None)) as progress:
        progress("Starting", 0.0)
        async with _target(session, load, kind, pid, anyway) as target, AsyncExitStack() as stack:
            submitters = await _submitters(target, load.submitters, kind)
            stack.push_async_callback(submitters.stop)
            watchers = []
            for _ in range(watching_processes(load.watchers)):
                watchers.append(await Worker.start("watch_worker", url=target.url, markers=MARKER_PREFIX))
                stack.push_async_callback(watchers[-1].stop)
            bench = Bench(load, submitters=submitters, watchers=watchers, pid=target.pid, progress=progress)
            return await bench.run(version("scoreboard"))


@asynccontextmanager
async def _target(
    session: Session, load: Load, kind: str, pid: int | None, anyway: bool
) -> AsyncIterator[Target]:
    settings = session.settings()
    if load.server is not None:
        if not anyway and await _is_real(load.server):
            raise BenchFailedError("This server holds a real board. --yes adds the users of a bench to it.")
        yield Target(load.server, pid, settings)
        return
    assert load.store is not None  # noqa: S101 -- of a server of our own it is known
    live = settings.live
    async with own_server(load.store, kind, live.top, live.interval_ms) as own:
        flags = {"store.uri": load.store, "store.data_dir": str(own.data_dir)}
        yield Target(own.url, own.pid, load_settings(flags, environ={}, config=None))


async def _is_real(url: str) -> bool:
    return any(not user.startswith(_PREFIX) for user in await LiveServer(url).users(0))


async def _submitters(target: Target, count: int, kind: str) -> Worker:
    auth = target.signing.auth
    key = signing_key(target.signing)
    issuer = TokenIssuer(key, issuer=auth.issuer, audience=auth.audience, clock=time.time)
    ttl = min(_TOKEN_TTL_S, auth.max_ttl)

    def users(prefix: str, many: int) -> list[tuple[str, str]]:
        ids = [f"{prefix}{number}" for number in range(1, many + 1)]
        return [(user, issuer.issue(user, ttl=ttl, name=user)) for user in ids]

    markers = users(MARKER_PREFIX, min(_MARKERS, count))
    crowd = users(f"{_PREFIX}u", _CROWD if count > _MARKERS else 0)
    return await Worker.start(
        "submit_worker", url=target.url, markers=markers, crowd=crowd, count=count, kind=kind
    )


@contextmanager
def _progress(seconds: float) -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield lambda words, seconds: None
        return
    from rich.console import Console  # noqa: PLC0415 -- as in console
    from rich.progress import Progress as RichBar  # noqa: PLC0415 -- as in console

    with RichBar(console=Console(stderr=True), transient=True) as bar:
        phases = _Phases(bar, seconds)
        ticking = asyncio.create_task(phases.tick())
        try:
            yield phases.begin
        finally:
            ticking.cancel()
