"""A real logger with our lines, and what programs read of them."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

HOSTILE = [
    "a\nERROR root: forged",
    'a"}\n{"level":"error","message":"forged"}',
    "a\r\nforged",
    "a\tstatus=500",
    "a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b",
    "\x1b[2J\x1b]0;title\x07\x9b31m",
    "\x00\x08\x7f",
    "\u202egnp.exe\u2066",
    "\ud800",
    "\\ud800\\",
]


class Log:
    """A logger of its own that writes in this format."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(formatter)
        self.logger = logging.Logger("test", logging.DEBUG)
        self.logger.addHandler(self.handler)

    @property
    def text(self) -> str:
        """All that was written."""
        return self._stream.getvalue()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Each line as JSON that says nothing twice."""
        return [json.loads(line, object_pairs_hook=_once) for line in self.text.splitlines()]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    assert len(found) == len(pairs), pairs
    return found
