"""Lines for people: time, level, logger, message, and behind a tab the fields."""

from __future__ import annotations

import json
import logging
import re

from .event import Value, event_of
from .hiding import one_line
from .json_lines import printable

_LEAD = "    | "
# A tab can't be in the message, as it is escaped there: so what looks like a field in it is none.
_BEFORE_FIELDS = "\t"
_PLAIN = re.compile(r"[\w.,:;/@%+~*()-]+")
_DIM, _END = "\x1b[2m", "\x1b[0m"
_COLOURS = {
    "debug": "\x1b[34m",
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
    "critical": "\x1b[1;31m",
}


class TextLines(logging.Formatter):
    """Lines that nothing within an event can forge, and that tell no secret.

    An event is one line; a trace goes on in lines that begin with a bar, which no event does.
    """

    def __init__(self, *, coloured: bool = False) -> None:
        super().__init__()
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        """The event, and its trace if it has one."""
        event = event_of(record)
        level = self._in_colour(f"{event.level.upper():<7}", _COLOURS.get(event.level, ""))
        told = " ".join(f"{_name(name)}={_shown(value)}" for name, value in event.fields.items())
        fields = _BEFORE_FIELDS + self._in_colour(told, _DIM) if told else ""
        time = self._in_colour(event.time, _DIM)
        line = f"{time} {level} {one_line(event.logger)}: {one_line(event.message)}{fields}"
        return line if event.trace is None else f"{line}\n{_barred(event.trace)}"

    def _in_colour(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_END}" if self._coloured and colour else text


def _name(name: str) -> str:
    return name if name.isidentifier() else _quoted(name)


def _shown(value: Value) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    return printable(json.dumps(text, ensure_ascii=False))


def _barred(text: str) -> str:
    # Of all that would end a line only the newline is meant; the others are escaped as what they are.
    return "\n".join(_LEAD + one_line(line) for line in text.split("\n"))
