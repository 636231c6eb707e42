"""What goes to the log, and how a line looks: JSON for programs, text for people.

An event is said with the standard library's `logging`; its fields are given as `extra`.
"""

from __future__ import annotations

import logging
import os
import sys

from .hiding import one_line
from .json_lines import JsonLines
from .text_lines import TextLines

__all__ = ["JsonLines", "TextLines", "log_to_stderr", "one_line", "set_level", "writes_json"]

_OURS = "scoreboard"
_handler: logging.Handler | None = None


def log_to_stderr(level: str, form: str) -> None:
    """One line an event, on standard error.

    level: of the settings. form: `json`, `text`, or `auto`: text where somebody looks, else JSON.
    """
    global _handler  # noqa: PLW0603 -- as the process has one standard error
    _handler = logging.StreamHandler()
    _handler.setFormatter(_formatter(form))
    logging.basicConfig(handlers=[_handler])
    set_level(level)


def set_level(level: str) -> None:
    """Tell nothing of lesser weight from now on. Whose log isn't written by `log_to_stderr` sets his own."""
    if _handler is None:
        return
    least: int = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger(_OURS).setLevel(least)
    # What libraries say to those who debug them quotes headers and documents.
    logging.getLogger().setLevel(max(least, logging.INFO))
    # Tornado tells of every malformed request there, quoting its headers: a flood for whoever wants to cause
    # one, and a place for tokens to leak to.
    logging.getLogger("tornado.general").setLevel(max(least, logging.WARNING))
    # The driver tells there, with a trace, that it could not end a cursor at a server that has gone with it.
    # What matters comes to us as an exception.
    logging.getLogger("pymongo.client").setLevel(logging.CRITICAL)


def writes_json() -> bool:
    """Whether programs read what is written on standard error."""
    return _handler is not None and isinstance(_handler.formatter, JsonLines)


def _formatter(form: str) -> logging.Formatter:
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    if form == "json" or (form == "auto" and not is_terminal):
        encoding = (getattr(sys.stderr, "encoding", None) or "utf-8").lower()
        return JsonLines(ascii_only=not encoding.startswith("utf"))
    takes_colours = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return TextLines(coloured=takes_colours)
