"""What the kernel tells about a process: time on a processor and memory. Linux only; elsewhere None."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_seconds(pid: int) -> float | None:
    """How long it has been on a processor so far, all threads together."""
    for read in (_fine_cpu_seconds, _coarse_cpu_seconds):
        try:
            return read(Path(f"/proc/{pid}"))
        except (OSError, ValueError, IndexError):
            continue
    return None


def resident_bytes(pid: int) -> int | None:
    """How much memory it holds."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _fine_cpu_seconds(process: Path) -> float:
    # In nanoseconds, while `stat` counts in ticks, of which a second has a hundred.
    tasks = (process / "task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _coarse_cpu_seconds(process: Path) -> float:
    # The name, in brackets, may hold anything; utime and stime are counted from behind it.
    user, system = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
