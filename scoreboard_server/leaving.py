"""Ending the process at once."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End with this exit code, without waiting for threads.

    A driver's thread may wait for a database that doesn't answer; the interpreter would wait for it.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, AttributeError):  # closed by the reader, or never there
            stream.flush()
    os._exit(code)
