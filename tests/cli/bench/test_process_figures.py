"""What the kernel tells about a process."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from scoreboard_cli.bench import process_figures
from scoreboard_cli.bench.process_figures import cpu_seconds, resident_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@pytest.mark.parametrize("name", ["cpu_seconds", "_coarse_cpu_seconds"])
def test_work_shows(name: str) -> None:
    """Time on a processor rises by about what this process itself knows."""

    def read() -> float:
        found = cpu_seconds(os.getpid()) if name == "cpu_seconds" else _coarse()
        assert found is not None
        return found

    before, known = read(), time.process_time()
    while time.process_time() < known + 0.2:
        pass
    assert read() - before == pytest.approx(time.process_time() - known, abs=0.08)


def _coarse() -> float:
    return process_figures._coarse_cpu_seconds(Path(f"/proc/{os.getpid()}"))


def test_memory_shows() -> None:
    """What is taken and written to is resident."""
    before = resident_bytes(os.getpid())
    taken = bytearray(b"x" * (64 << 20))
    after = resident_bytes(os.getpid())
    assert before is not None and after is not None
    assert after - before > len(taken) / 2


def test_a_process_that_is_gone_tells_nothing() -> None:
    """None instead of a failure."""
    assert cpu_seconds(2**22 + 1) is None
    assert resident_bytes(2**22 + 1) is None
