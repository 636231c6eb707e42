"""What the end of a large season costs the server that closes it.

    python -m benchmarks.sealing FOLDER

On an `embedded` store as `benchmarks.crowd` makes it: the season's end comes, the server seals it, reads its
new board and writes the archive, and is asked for the board all the while by a process of its own. Prints
what it took, how long the event loop stood still at the most, and what the answers took before and meanwhile.
The folder's season is closed then.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
import urllib.request

from scoreboard_cli.bench.process_figures import resident_bytes
from scoreboard_server.clock import now_us
from scoreboard_server.flow.deciding import Admin
from scoreboard_server.flow.season_keeping import set_end
from scoreboard_server.serving import collect_garbage_less_often

from .scale_point import forget_peak, peak_bytes, stalls, start

_PATIENCE_S = 900
_QUIET_S = 5.0
_SLOW_S = 0.05


def ask(url: str) -> None:
    """Ask again and again until the input ends; print what each answer took, in seconds."""
    took: list[float] = []
    os.set_blocking(0, False)
    while sys.stdin.buffer.read(1) is None:
        began = time.perf_counter()
        with urllib.request.urlopen(f"{url}/api/leaderboard", timeout=60) as answer:  # noqa: S310 -- ours
            answer.read()
        took.append(time.perf_counter() - began)
        time.sleep(0.01)
    print(json.dumps(sorted(took)))  # noqa: T201 -- what it is for


async def _asking(url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.sealing", "--ask", url,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _told(asking: asyncio.subprocess.Process) -> str:
    out, _ = await asking.communicate(b"")
    took: list[float] = json.loads(out)
    p50, p99 = (took[int(len(took) * share)] * 1e3 for share in (0.5, 0.99))
    slow = sum(each > _SLOW_S for each in took)
    return f"p50 {p50:.1f}, p99 {p99:.1f}, max {took[-1] * 1e3:.1f} ms; {slow} of {len(took)} over 50 ms"


async def main(folder: str) -> None:
    """Let a season end."""
    collect_garbage_less_often()
    server, figures = await start(folder)
    store = server._store
    assert store is not None  # noqa: S101 -- it has started
    try:
        gc.collect()
        before = resident_bytes(os.getpid()) or 0
        quiet = await _asking(server.address)
        await asyncio.sleep(_QUIET_S)
        print("quiet:    ", await _told(quiet))  # noqa: T201 -- what it is for
        asking = await _asking(server.address)
        await asyncio.sleep(1)
        began = time.perf_counter()
        forget_peak()
        await set_end(store.seasons, Admin("benchmark", "sealing", now_us), now_us())
        with stalls() as longest:
            async with asyncio.timeout(_PATIENCE_S):
                while (await store.seasons.all())[-1].is_current:  # noqa: ASYNC110 -- asked as others would
                    await asyncio.sleep(0.05)
                sealed, stall = time.perf_counter() - began, longest.own
                while (await store.seasons.all())[-1].is_behind:  # noqa: ASYNC110 -- as above
                    await asyncio.sleep(0.5)
        took = time.perf_counter() - began
        print("meanwhile:", await _told(asking))  # noqa: T201 -- as above
        grown = (peak_bytes() - before) / 2**20
        print(f"{figures['users']:,.0f} users: sealed after {sealed:.1f} s, archived after {took:.1f} s")  # noqa: T201 -- as above
        print(f"longest stall {stall * 1e3:.0f} ms until sealed, {longest.own * 1e3:.0f} ms until archived")  # noqa: T201 -- as above
        print(f"memory at most {grown:+.0f} MiB")  # noqa: T201 -- as above
    finally:
        await server.stop()


if __name__ == "__main__":
    if sys.argv[1] == "--ask":
        ask(sys.argv[2])
    else:
        asyncio.run(main(sys.argv[1]))
