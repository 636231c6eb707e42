"""Lines for programs."""

from __future__ import annotations

import logging
import math
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.log_lines import JsonLines
from scoreboard_server.request_context import RequestContext

from ..conftest import token
from .writing import HOSTILE, Log

TOKEN, PASSWORD = token(), "mongodb://admin:hunter22@db.example/?x=1"

_texts = st.text(max_size=30) | st.sampled_from([*HOSTILE, TOKEN, f"x {TOKEN}\n", PASSWORD, f"({PASSWORD}"])
_values = _texts | st.integers() | st.floats() | st.booleans() | st.none() | st.binary() | st.lists(_texts)
# What `logging` itself refuses, so that it never gets as far as a line.
_NOT_EXTRA = {"message", "asctime", *vars(logging.makeLogRecord({}))}
_names = _texts.filter(lambda name: name not in _NOT_EXTRA)


@pytest.fixture
def log() -> Log:
    return Log(JsonLines())


def test_an_event_is_an_object(log: Log) -> None:
    """Time in UTC, level, logger and message; fields beside them, with their types."""
    before = datetime.now(UTC)
    log.logger.warning(
        "%s is odd", "it", extra={"status": 503, "durationMs": 1.5, "user": "ann", "none": None}
    )
    (event,) = log.events
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    assert abs((datetime.fromisoformat(event.pop("time")) - before).total_seconds()) < 60
    assert event == {
        "level": "warning",
        "logger": "test",
        "message": "it is odd",
        "status": 503,
        "durationMs": 1.5,
        "user": "ann",
        "none": None,
    }


@given(message=_texts, fields=st.dictionaries(_names, _values, max_size=5), name=_texts, trace=st.booleans())
def test_any_event_is_one_line_of_json_without_secrets(
    message: str, fields: dict[str, Any], name: str, trace: bool
) -> None:
    """Whatever stands in message, fields, their names, the logger's name and an error: one line, which a
    strict parser takes, in which nothing stands for what every line has, and which tells no secret.
    """
    log = Log(JsonLines())
    log.logger.name = name
    try:
        raise ValueError(message)
    except ValueError:
        log.logger.error("%s", message, extra=fields, exc_info=trace, stack_info=trace)
    assert log.text.endswith("\n") and len(log.text.splitlines()) == 1
    assert log.text[:-1].isprintable()
    event = msgspec.json.decode(log.text)
    assert (event["level"], "trace" in event) == ("error", trace or "trace" in fields)
    assert event == log.events[0]
    assert "eyJ" not in log.text and "hunter22" not in log.text
    if message.isprintable() and TOKEN not in message and "://" not in message:
        assert event["message"] == message


@pytest.mark.parametrize("name", ["time", "level", "logger", "trace"])
def test_no_field_stands_for_another(log: Log, name: str) -> None:
    """What an event calls like one that every line has is left out."""
    try:
        raise KeyError
    except KeyError:
        log.logger.info("x", extra={name: "forged", "requestId": "r1"}, exc_info=True)
    assert "forged" not in log.text
    assert log.events[0]["requestId"] == "r1"


def test_a_trace_is_a_field(log: Log) -> None:
    """Its lines are lines again when the JSON is read, and each error's cause is in it."""
    try:
        raise ValueError("this") from KeyError("that")
    except ValueError:
        log.logger.exception("failed")
    (event,) = log.events
    lines = event["trace"].splitlines()
    assert lines[0] == "KeyError: 'that'" and lines[-1] == "ValueError: this"
    assert "Traceback (most recent call last):" in lines


class Unspeakable:
    """An object that can't be told."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (2**63, str(2**63)),
        (ValueError("x"), "x"),
        ({"a": TOKEN}, "{'a': '(a token)'}"),
        (Unspeakable(), "(Unspeakable)"),
    ],
)
def test_what_json_has_no_word_for_is_text(log: Log, value: object, told: str) -> None:
    """No program has to take what is no number to others, and no object costs an event."""
    log.logger.info("x", extra={"value": value, "huge": 10**5000})
    assert (log.events[0]["value"], log.events[0]["huge"]) == (told, "(int)")


def test_a_slip_in_a_call_costs_no_event(log: Log) -> None:
    """What the arguments don't fit, and an object that can't be told, are told as far as they go."""
    log.logger.info("%d and %s", "one")  # noqa: PLE1206 -- the slip
    log.logger.info("%s", Unspeakable())
    assert [event["message"] for event in log.events] == ["%d and %s", "%s"]


def test_names_of_all_scripts_stay_legible() -> None:
    """Except to a stream that can't write them, for which they are escaped."""
    name = "Zoë 王小明 🎉 עברית"
    for ascii_only in (False, True):
        log = Log(JsonLines(ascii_only=ascii_only))
        log.logger.info(name)
        assert log.events[0]["message"] == name
        assert (name in log.text, log.text.isascii()) == (not ascii_only, ascii_only)


def test_an_event_within_a_request_names_it(log: Log) -> None:
    """By its id, and by the caller's trace; what says itself of which request it is, is believed."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"X-Request-Id": "r1", "Traceparent": f"00-{trace}-00f067aa0ba902b7-01"}

    def within() -> None:
        RequestContext(headers).enter()
        log.logger.info("in it")
        log.logger.info("of another", extra={"requestId": "r2"})

    from contextvars import copy_context

    copy_context().run(within)
    log.logger.info("beside it")
    inside, other, beside = log.events
    assert (inside["requestId"], inside["traceId"]) == ("r1", trace)
    assert other["requestId"] == "r2" and "traceId" not in other
    assert not {"requestId", "traceId"} & set(beside)
