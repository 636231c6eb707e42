"""Lines for programs: one JSON object an event."""

from __future__ import annotations

import json
import logging
import re

from .event import Value, event_of


class JsonLines(logging.Formatter):
    """JSON on one printable line, whatever stands in the event; its trace is a field like any other."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        """ascii_only: for a stream that can't write everything; what it can't would come out as no JSON."""
        super().__init__()
        self._unfit = re.compile(r"[^ -~]") if ascii_only else None

    def format(self, record: logging.LogRecord) -> str:
        """The event."""
        event = event_of(record)
        line: dict[str, Value] = {
            "time": event.time,
            "level": event.level,
            "logger": event.logger,
            "message": event.message,
        }
        if event.trace is not None:
            line["trace"] = event.trace
        # What everybody relies on comes first, so that no field of the event can stand for it.
        line |= {name: value for name, value in event.fields.items() if name not in line}
        whole = {_well_formed(name): _well_formed(value) for name, value in line.items()}
        return self._printable(json.dumps(whole, ensure_ascii=False, separators=(",", ":")))

    def _printable(self, text: str) -> str:
        if self._unfit is not None:
            return self._unfit.sub(lambda match: _escaped(match[0]), text)
        return printable(text)


def printable(text: str) -> str:
    """JSON that says the same: what ends a line or moves a terminal is escaped."""
    return text if text.isprintable() else "".join(map(_escaped_if_need_be, text))


def _well_formed(value: Value) -> Value:
    """Half a character, which JSON can spell and few programs take, is told as text."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return value.encode("utf-8", "backslashreplace").decode()


def _escaped_if_need_be(character: str) -> str:
    return character if character.isprintable() else _escaped(character)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1] if ord(character) > 0x7F else f"\\u{ord(character):04x}"
