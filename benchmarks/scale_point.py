"""One size of `benchmarks.scale`: a server on a crowd of its own, measured from within, then to be asked.

    python -m benchmarks.scale_point FOLDER

Prints a line of JSON with what the start took and what the parts take, and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scoreboard_cli.bench.process_figures import resident_bytes
from scoreboard_server.app import Server
from scoreboard_server.clock import now_us
from scoreboard_server.flow.loading import load_board
from scoreboard_server.live.reader import View
from scoreboard_server.parts import Parts
from scoreboard_server.rules.entry import Submission
from scoreboard_server.serving import collect_garbage_less_often
from scoreboard_server.settings import load_settings

SECRET = "of no other server than this one, for an hour"  # noqa: S105 -- it guards made-up users
_ROUNDS, _SAMPLE = 15, 300
_PAUSE_S = 0.002
_FAR = 10**15  # µs: later than anything in the crowd


def peak_bytes() -> float:
    """The most memory that this process held."""
    told = Path("/proc/self/status").read_text()
    return float(told.partition("VmHWM:")[2].split()[0]) * 1024


def forget_peak() -> None:
    """The peak is to be that from now on."""
    Path("/proc/self/clear_refs").write_text("5")


@dataclass
class Stall:
    """The longest that the event loop left others waiting, in seconds.

    own: for which this process was computing; else it waited for a processor that others had.
    """

    in_all: float = 0.0
    own: float = 0.0


async def _watch(longest: Stall) -> None:
    while True:
        before, busy_before = time.perf_counter(), time.process_time()
        await asyncio.sleep(_PAUSE_S)
        stall, busy = time.perf_counter() - before - _PAUSE_S, time.process_time() - busy_before
        longest.in_all = max(longest.in_all, stall)
        longest.own = max(longest.own, min(stall, busy))


@contextmanager
def stalls() -> Iterator[Stall]:
    """The longest stall of the loop meanwhile."""
    longest = Stall()
    watching = asyncio.create_task(_watch(longest))
    try:
        yield longest
    finally:
        watching.cancel()


async def start(folder: str) -> tuple[Server, dict[str, float]]:
    """As `Server.start`, with a look at the memory between its steps (the kernel's, in bytes)."""
    flags = {"store.data_dir": folder, "server.port": 0, "auth.secret": SECRET}
    settings = load_settings(flags, environ={})
    settings = replace(settings, limits=replace(settings.limits, updates_per_minute=0, per_ip_per_minute=0))
    server = Server(settings)
    server._listen()
    store = server._store = await server._open_store()
    gc.collect()
    before = resident_bytes(os.getpid()) or 0
    began = time.perf_counter()
    with stalls() as longest:
        loaded = await load_board(store.snapshots, now_us())
    took = time.perf_counter() - began
    after, peak = resident_bytes(os.getpid()) or 0, peak_bytes()
    await server._build(store, loaded)
    users = len(loaded.board)
    return server, {
        "users": users,
        "loadSeconds": took,
        "stallMs": longest.own * 1e3,
        "bytesPerUser": (after - before) / users,
        "peakBytesPerUser": (peak - before) / users,
    }


async def _timed(work: Callable[[Any], Awaitable[object] | object], of: list[Any]) -> float:
    """The best of some rounds, in µs for each; of the rest others on the same machine were a part."""
    took = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for each in of:
            answer = work(each)
            if isinstance(answer, Awaitable):
                await answer
        took.append((time.perf_counter() - began) / len(of) * 1e6)
    return min(took)


async def parts_of(parts: Parts) -> dict[str, float]:
    """What the server's own board, hub and reader take (µs), nothing else being asked of them."""
    dice = random.Random(1)  # noqa: S311 -- a sample, not a secret
    board, reader, hub = parts.live.board, parts.services.reader, parts.hub
    users = [board.page(dice.randrange(len(board)), 1)[0].user for _ in range(_SAMPLE)]
    pages = [View(10, offset=dice.randrange(len(board))) for _ in range(_SAMPLE)]
    around = [View(10, around=user) for user in users]
    instants = itertools.count(_FAR)

    async def fresh(view: View) -> None:
        reader._readings.clear()
        await reader.read(view)

    async def nameless(view: View) -> None:
        parts.profiles.forget()
        await fresh(view)

    found = {"top, from kept bytes": await _timed(reader.read, [View(10)] * _SAMPLE)}
    found["page, names from the store"] = await _timed(nameless, pages[: _SAMPLE // 10])
    await asyncio.gather(*(reader.read(view) for view in [*pages, *around]))
    found["top"] = await _timed(fresh, [View(10)] * _SAMPLE)
    found["page"] = await _timed(fresh, pages)
    found["around"] = await _timed(fresh, around)
    # Each user as often as any other: no place is warm because somebody has just been there.
    ever_others = [board.page(dice.randrange(len(board)), 1)[0].user for _ in range(10 * _SAMPLE)]
    found["update + rank"] = await _timed(
        lambda user: parts.live.apply(user, 10, next(instants)), ever_others
    )
    found["publish"] = await _timed(lambda _: hub._publish(), [None] * _SAMPLE)
    before = time.perf_counter()
    gc.collect()
    found["garbage collection"] = (time.perf_counter() - before) * 1e6
    return found


async def _submit(parts: Parts, waits: list[float]) -> None:
    """One after the other, for ever; how long each waited for its receipt, in seconds."""
    for number in itertools.count():
        began = time.perf_counter()
        await parts.pipeline.submit(Submission(f"late:{number}", "a", "task.completed"), 10)
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(_PAUSE_S)


async def reload(parts: Parts) -> dict[str, float]:
    """The board is read again, as when the change feed has lost its place, while somebody submits.

    Also because what was applied to measure it is in no ledger.
    """
    assert parts.following is not None  # noqa: S101 -- the store has a change feed
    users, before = len(parts.live.board), resident_bytes(os.getpid()) or 0
    forget_peak()
    began = time.perf_counter()
    waits: list[float] = []
    submitting = asyncio.create_task(_submit(parts, waits))
    with stalls() as longest:
        await parts.following.reload()
    took = time.perf_counter() - began
    submitting.cancel()
    return {
        "reloadSeconds": took,
        "reloadLongestWaitMs": max(waits) * 1e3,
        "reloadStallMs": longest.own * 1e3,
        "reloadPeakBytesPerUser": (peak_bytes() - before) / users,
    }


async def main(folder: str) -> None:
    """Measure, tell, serve."""
    collect_garbage_less_often()
    server, figures = await start(folder)
    try:
        assert server._parts is not None  # noqa: S101 -- it has started
        inside = await parts_of(server._parts)
        again = await reload(server._parts)
        told = {**figures, **again, "inside": inside, "url": server.address, "pid": os.getpid()}
        print(json.dumps(told), flush=True)  # noqa: T201 -- what it is for
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
