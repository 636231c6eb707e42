"""`traceparent`: what is valid, what is carried on, and that nothing at all is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.trace_context import TraceParent, parse

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"

_HEX = "0123456789abcdef"


def _hex(length: int) -> st.SearchStrategy[str]:
    return st.text(_HEX, min_size=length, max_size=length).filter(lambda text: set(text) != {"0"})


_versions = st.text(_HEX, min_size=2, max_size=2).filter(lambda version: version not in ("00", "ff"))


def test_a_good_one_is_read() -> None:
    """Trace, the caller's span, and flags."""
    assert parse(GOOD) == TraceParent(TRACE, SPAN, 1)


@given(trace=_hex(32), span=_hex(16), flags=st.integers(0, 255), new=_hex(16))
def test_a_call_goes_on_in_the_same_trace(trace: str, span: str, flags: int, new: str) -> None:
    """From another span; of the flags those that are defined stay, and the others are 0."""
    told = parse(f"00-{trace}-{span}-{flags:02x}")
    assert told == TraceParent(trace, span, flags & 3)
    assert told is not None and told.from_span(new) == f"00-{trace}-{new}-{flags & 3:02x}"
    assert parse(told.from_span(new)) == told._replace(span_id=new)


@given(version=_versions, more=st.text(st.characters(exclude_characters="\n"), max_size=20))
def test_a_later_version_is_read_as_far_as_this_one_goes(version: str, more: str) -> None:
    """What follows begins with a dash; in this version nothing follows."""
    told = GOOD.removeprefix("00")
    assert parse(f"{version}{told}") == parse(GOOD)
    assert parse(f"{version}{told}-{more}") == parse(GOOD)
    assert parse(f"{version}{told}x{more}") is None
    assert parse(f"00{told}-{more}") is None


@given(st.text(max_size=70) | st.text("0123456789abcdefABCDEF-", min_size=50, max_size=60))
def test_whatever_comes_is_no_error(text: str) -> None:
    """And what is read says the same again."""
    told = parse(text)
    if told is not None:
        assert told.from_span(told.span_id)[2:52] == text[2:52]


@given(at=st.integers(0, len(GOOD) - 1), character=st.characters())
def test_no_other_character_will_do(at: int, character: str) -> None:
    """In any place: lower case hexadecimal digits and dashes, where they belong."""
    told = parse(GOOD[:at] + character + GOOD[at + 1 :])
    assert (told is not None) == (character == "-" if GOOD[at] == "-" else character in _HEX)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f" {GOOD}",
        f"{GOOD}\n",
        f"{GOOD}-",
        f"{GOOD},{GOOD}",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"0-{TRACE}-{SPAN}-01",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    """Zeros, the forbidden version, upper case, a header that came twice, too little, too much."""
    assert parse(text) is None
