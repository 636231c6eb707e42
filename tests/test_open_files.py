"""The limit of open files."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SHOW = (
    "import resource; from scoreboard_server.open_files import raise_open_files_limit as r;"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (64, {hard})); r();"
    "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
@pytest.mark.parametrize("hard", [64, 500])
def test_the_soft_limit_is_raised_as_far_as_allowed(hard: int) -> None:
    """In a process of its own, as the limits of this one are needed."""
    ended = subprocess.run(
        [sys.executable, "-c", _SHOW.format(hard=hard)], capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == [str(hard), str(hard)]
