"""Clients that hold connections by being slow, while an honest one measures what it is answered in."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import time
from dataclasses import dataclass

from ..conftest import token
from ..web.wire import request, submission, wire
from .findings import Findings
from .target import Target

CONNECTIONS = 500
_RATE = 250  # new connections a second
_PAUSE_S = 0.01
# Where two cores are shared with the attackers themselves, an honest answer may take so much longer.
_P99_MS = 100.0

MODES = {
    "slow header": ["-H", "-i", "5"],
    "slow body": ["-B", "-i", "5", "-s", "8192"],
    "slow read": ["-X", "-w", "256", "-y", "512", "-n", "5", "-z", "16", "-k", "3"],
}
_PATHS = {"slow body": "/api/scores/update", "slow read": "/api/leaderboard?limit=1000"}


@dataclass(frozen=True)
class Waits:
    """How long an honest client waited, in milliseconds."""

    answers: int
    p50: float
    p99: float
    worst: float

    def __str__(self) -> str:
        return (
            f"p50 {self.p50:5.1f}  p99 {self.p99:6.1f}  worst {self.worst:6.1f} ms  ({self.answers} answers)"
        )


def slowhttptest() -> str | None:
    """The program, None where it is not installed."""
    return shutil.which("slowhttptest")


async def measure(port: int, seconds: float, name: str) -> Waits:
    """An honest user submits and reads, on a connection that is new for every tenth request."""
    waits: list[float] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        began = time.perf_counter()
        async with wire(port) as connection:
            for _ in range(10):
                data = submission(token("honest"), f"{name.replace(' ', '-')}-{len(waits)}")
                await connection.send(data if len(waits) % 2 else request("/api/leaderboard"))
                assert (await connection.answer()).code == 200
                waits.append(1000 * (time.perf_counter() - began))
                await asyncio.sleep(_PAUSE_S)
                began = time.perf_counter()
    cuts = statistics.quantiles(waits, n=100)
    return Waits(len(waits), cuts[49], cuts[98], max(waits))


async def under(mode: str, target: Target, seconds: float, findings: Findings) -> Waits:
    """The same while slow clients do their worst, once most of them are there."""
    program = slowhttptest()
    assert program is not None
    size = ["-c", str(CONNECTIONS), "-r", str(_RATE), "-l", str(int(seconds + 6)), "-p", "3"]
    where = ["-u", target.address + _PATHS.get(mode, "/")]
    silent = asyncio.subprocess.DEVNULL
    attackers = await asyncio.create_subprocess_exec(
        program, *MODES[mode], *size, *where, stdout=silent, stderr=silent
    )
    try:
        await asyncio.sleep(CONNECTIONS / _RATE + 1)
        held = target.open_files()
        waits = await measure(target.port, seconds, mode)
    finally:
        if attackers.returncode is None:
            attackers.terminate()
        await attackers.wait()
    _judge(mode, held, waits, findings)
    return waits


def _judge(mode: str, held: int, waits: Waits, findings: Findings) -> None:
    if held < CONNECTIONS / 2:
        findings.violation(f"{mode}: the slow clients held only {held} connections; nothing was shown")
    if waits.p99 > _P99_MS:
        findings.violation(f"{mode}: an honest client waits {waits.p99:.0f} ms at the 99th percentile")
