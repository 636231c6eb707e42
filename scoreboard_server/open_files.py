"""How many connections the operating system lets this process hold."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

# Sockets, the store's connections and files; where the hard limit is endless the soft one needn't be.
_WANTED = 65_536


def raise_open_files_limit() -> None:
    """Raise the soft limit of open files, often 1,024, as far as it is wanted and allowed."""
    try:
        resource: Any = importlib.import_module("resource")
    except ImportError:  # there is no such limit on Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
