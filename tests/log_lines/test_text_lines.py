"""Lines for people."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.log_lines import TextLines
from scoreboard_server.log_lines.hiding import hide

from .test_json_lines import _NOT_EXTRA, PASSWORD, TOKEN
from .writing import HOSTILE, Log

_SGR = re.compile(r"\x1b\[[0-9;]*m")
_texts = st.text(max_size=30) | st.sampled_from([*HOSTILE, TOKEN, f"x {TOKEN}\n", PASSWORD])
_names = _texts.filter(lambda name: name not in _NOT_EXTRA)


@pytest.fixture
def log() -> Log:
    return Log(TextLines())


def _without_time(line: str) -> str:
    time, _, rest = line.partition(" ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    return rest


def test_an_event_is_a_line(log: Log) -> None:
    """Time, level, logger, message; the fields behind a tab, in quotes where they would not stand apart."""
    log.logger.info("ready", extra={"users": 3, "season": "season-1", "reason": "two words", "none": None})
    log.logger.warning("odd")
    first, second = map(_without_time, log.text.splitlines())
    assert first == 'INFO    test: ready\tusers=3 season=season-1 reason="two words" none=null'
    assert second == "WARNING test: odd"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_event_is_one_printable_line(log: Log, hostile: str) -> None:
    """Whatever stands in it: in the message, in an argument or in the logger's name."""
    log.logger.warning("%s is odd", hostile)
    log.logger.warning(hostile)
    log.logger.name = hostile
    log.logger.warning("x")
    assert len(log.text.splitlines()) == 3
    assert log.text.replace("\n", "").isprintable()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_trace_forges_no_event(log: Log, hostile: str) -> None:
    """What an exception says is quoted: its lines begin with a bar, and so do its cause's and its notes'."""
    try:
        try:
            raise KeyError(hostile)
        except KeyError as cause:
            error = ValueError(hostile)
            error.add_note(hostile)
            raise error from cause
    except ValueError:
        log.logger.exception("failed", stack_info=True)
    first, *rest = log.text.rstrip("\n").split("\n")
    assert _without_time(first) == "ERROR   test: failed"
    assert len(rest) > 8 and all(line.startswith("    | ") for line in rest)
    assert log.text.replace("\n", "").isprintable()


@given(message=_texts, fields=st.dictionaries(_names, _texts | st.integers(), max_size=4))
def test_any_event_is_one_line_whose_fields_can_be_told_from_its_message(
    message: str, fields: dict[str, Any]
) -> None:
    """Exactly as many fields as were given stand behind the one tab; none of them is a secret."""
    log = Log(TextLines())
    log.logger.error("%s", message, extra=fields)
    assert len(log.text.splitlines()) == 1
    told, tab, behind = log.text[:-1].partition("\t")
    assert told.isprintable() and behind.isprintable()
    assert bool(tab) == bool(fields)
    shown = {hide(name): value if isinstance(value, int) else hide(value) for name, value in fields.items()}
    assert dict(_fields(behind)) == {name: str(value) for name, value in shown.items()}
    assert "eyJ" not in log.text and "hunter22" not in log.text


def _fields(text: str) -> list[tuple[str, Any]]:
    """As a program would read them."""
    found: list[tuple[str, Any]] = []
    while text:
        name, text = _part(text)
        assert text.startswith("=")
        value, text = _part(text[1:])
        assert text[:1] in ("", " ")
        found.append((name, value))
        text = text[1:]
    return found


def _part(text: str) -> tuple[str, str]:
    if text.startswith('"'):
        value, end = json.JSONDecoder().raw_decode(text)
        return value, text[end:]
    plain = re.match(r"[^ =]*", text)
    assert plain is not None
    return plain[0], text[plain.end() :]


def test_colours_are_ours_alone() -> None:
    """Level, time and fields have one; what an event says has none, and without them the line is the same."""
    plain, coloured = Log(TextLines()), Log(TextLines(coloured=True))
    for log in (plain, coloured):
        for level in (10, 20, 30, 40, 50):
            log.logger.log(level, "\x1b[31mred", extra={"status": "\x1b[31m"})
    assert len(set(_SGR.findall(coloured.text))) == 7  # five levels, dim, and their end
    told = [_without_time(line) for line in _SGR.sub("", coloured.text).splitlines()]
    assert told == [_without_time(line) for line in plain.text.splitlines()]
    assert "\x1b" not in plain.text
