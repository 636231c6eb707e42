"""An event: what a record of the standard library's `logging` says, in the parts that a line is made of."""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..request_context import current
from .hiding import hide

Value = str | int | float | bool | None

_Untold = logging.LogRecord("", 0, "", 0, "", None, None)
# What every record has; what else is there was given as `extra`.
_RECORD = {*vars(_Untold), "message", "asctime", "taskName"}
_LARGEST = 2**63
_traces = logging.Formatter()


class Event(NamedTuple):
    """Without secrets, but not yet fit for a line. time: RFC 3339, UTC. trace: of the error, its lines."""

    time: str
    level: str
    logger: str
    message: str
    fields: dict[str, Value]
    trace: str | None


def event_of(record: logging.LogRecord) -> Event:
    """What the record says; within a request the fields say for which one."""
    given = {hide(name): _value(value) for name, value in vars(record).items() if name not in _RECORD}
    request = current()
    # What is told of a request from elsewhere names that one itself.
    if request is not None and "requestId" not in given:
        given |= request.fields()
    return Event(
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        record.levelname.lower(),
        hide(record.name),
        hide(_message(record)),
        given,
        _trace(record),
    )


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # a slip in a call, or an object that can't be told: no reason to lose the event
        return _text(record.msg)


def _trace(record: logging.LogRecord) -> str | None:
    # Not `exc_text`, where another handler may have left what it made of it.
    parts = [_traces.formatException(record.exc_info)] if record.exc_info else []
    parts += [record.stack_info] if record.stack_info else []
    return hide("\n".join(parts)) if parts else None


def _value(given: Any) -> Value:
    """As JSON and people can take it."""
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, int) and -_LARGEST <= given < _LARGEST:
        return int(given)
    if isinstance(given, float) and math.isfinite(given):
        return float(given)
    return hide(_text(given))


def _text(given: object) -> str:
    try:
        return str(given)
    except Exception:
        return f"({type(given).__name__})"
