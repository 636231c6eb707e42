"""JSON that means one thing only."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scoreboard_server.rules.refusals import Malformed, Unacceptable
from scoreboard_server.web import strict_json


class Flat(msgspec.Struct, forbid_unknown_fields=True):
    """Like the bodies that are read."""

    a: str
    b: str
    c: str | None = None


class Ping(msgspec.Struct, tag="ping", forbid_unknown_fields=True):
    """Like the messages that are read."""


class Note(msgspec.Struct, tag="note", forbid_unknown_fields=True):
    """The same, with a field."""

    text: str


_flat = msgspec.json.Decoder(Flat)
_tagged: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Ping | Note)


def escaped(text: str) -> str:
    """The same text, every character as an escape."""
    return '"' + "".join(f"\\u{ord(c):04x}" for c in text) + '"'


@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.one_of(st.sampled_from(["", "x", '"', '""', "\\", '{"a":"b"}', "é", "\0"]), st.none()),
            st.booleans(),
            st.booleans(),
        ),
        max_size=6,
    ),
    as_text=st.booleans(),
)
@example(fields=[("a", "x", False, False), ("b", "x", False, False), ("a", "y", True, False)], as_text=False)
@example(fields=[("a", "x", False, False), ("b", "x", False, False), ("c", None, False, False)], as_text=True)
def test_a_flat_body_is_taken_exactly_when_each_key_stands_once(
    fields: list[tuple[str, str | None, bool, bool]], as_text: bool
) -> None:
    """However keys and values are spelt, twice is malformed and else it means what JSON says."""
    parts = [
        f"{escaped(key) if odd_key else json.dumps(key)}:"
        f"{escaped(value) if odd_value and value is not None else json.dumps(value)}"
        for key, value, odd_key, odd_value in fields
    ]
    body = "{" + ",".join(parts) + "}"
    keys = [key for key, *_ in fields]
    meant = json.loads(body)
    given_body = body if as_text else body.encode()
    if len(set(keys)) < len(keys):
        with pytest.raises(Malformed):
            strict_json.decode(given_body, _flat)
    elif meant.get("a") is None or meant.get("b") is None:
        with pytest.raises(Unacceptable):
            strict_json.decode(given_body, _flat)
    else:
        taken = strict_json.decode(given_body, _flat)
        assert {"c": None} | meant == {"a": taken.a, "b": taken.b, "c": taken.c}


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """No bytes at all cause another exception."""
    with contextlib.suppress(Malformed, Unacceptable):  # either may be right; anything else is not
        strict_json.decode(body, _flat)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    """Neither does any JSON, nor what only Python takes for it."""
    body = json.dumps(value)
    with contextlib.suppress(Malformed, Unacceptable):  # either may be right; anything else is not
        strict_json.decode(body, _tagged)


@pytest.mark.parametrize(
    "body",
    [
        '{"type":"ping","type":"ping"}',
        '{"type":"ping","\\u0074ype":"ping"}',
        '{"type":"note","text":"x","type":"note"}',
        '{"type":"note","text":"x","te\\u0078t":"x"}',
        '{"type":"note","text":1,"text":"x"}',
        '{"type":"nope","type":"ping"}',
        '{"type":"ping","x":{"y":1,"y":2}}',
    ],
)
def test_keys_twice_are_malformed_also_with_a_tag(body: str) -> None:
    """The key that tells the type counts like the others, and so do keys inside of what is not wanted."""
    with pytest.raises(Malformed, match="twice"):
        strict_json.decode(body, _tagged)


def test_tagged_messages_are_read() -> None:
    """In any order of keys, with quotes inside."""
    assert strict_json.decode('{"type":"ping"}', _tagged) == Ping()
    assert strict_json.decode('{"text":"\\"","type":"note"}', _tagged) == Note('"')


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_takes_for_json_is_malformed(constant: str) -> None:
    """Also behind a field of the wrong type, where the fast reader has stopped already."""
    with pytest.raises(Malformed):
        strict_json.decode(f'{{"a":1,"b":{constant}}}', _flat)


def test_an_endless_integer_is_json() -> None:
    """Wrong content, not a broken message: 422 rather than 400."""
    with pytest.raises(Unacceptable):
        strict_json.decode('{"a":' + "9" * 10_000 + "}", _flat)


@pytest.mark.parametrize(
    "body", ["[" * 20_000 + "]" * 20_000, '{"a":' * 20_000 + "1" + "}" * 20_000, "[" * 20_000]
)
def test_depth_is_malformed_not_fatal(body: str) -> None:
    """Nesting without end is refused before it ends the process."""
    with pytest.raises(Malformed):
        strict_json.decode(body, _flat)
    with pytest.raises(Malformed):
        strict_json.decode('{"a":"x","b":"x","x":' + body + "}", _flat)


def test_the_words_of_a_refusal_can_be_sent() -> None:
    """A field name from outside is repeated in a form that is JSON again."""
    with pytest.raises(Unacceptable) as refused:
        strict_json.decode(b'{"a":"x","b":"y","\\"\\u0000\\ud83c\\udfc6":1}', _flat)
    assert json.loads(msgspec.json.encode(refused.value.detail)) == refused.value.detail
