"""The canonical export: its very bytes, as others will compute its digest."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.board import Standing
from scoreboard_server.rules.canonical import (
    Digest,
    entry_fields,
    hidden_fields,
    line,
    season_fields,
    standing_fields,
)
from scoreboard_server.rules.entry import Correction, Entry
from scoreboard_server.rules.seasons import Seal, Season

SEASON = Season(1, "season-1", 5, seal=Seal(9, "root"))
LINES = {
    b'{"kind":"season","name":"season-1","number":1,"sealedAt":9,"startedAt":5}\n': season_fields(SEASON),
    b'{"action":"a1","at":7,"kind":"entry","points":-10,"type":"t","user":"ann"}\n': entry_fields(
        Entry("ann", "a1", "t", -10, 7)
    ),
    b'{"action":"!adjusted/1","at":8,"kind":"entry","points":1,"reason":"d\xc3\xa9j\xc3\xa0 \\"vu\\"",'
    b'"type":"!adjusted","user":"ann"}\n': entry_fields(
        Correction("ann", "!adjusted/1", "!adjusted", 1, 8, 'déjà "vu"')
    ),
    b'{"action":"!taken-back/b/a1","at":8,"kind":"entry","of":"a1","points":10,"reason":"x",'
    b'"type":"!taken-back","user":"ann"}\n': entry_fields(
        Correction("ann", "!taken-back/b/a1", "!taken-back", 10, 8, "x", "a1")
    ),
    b'{"kind":"hidden","user":"ben"}\n': hidden_fields("ben"),
    b'{"kind":"standing","rank":1,"reachedAt":7,"score":-9,"user":"ann"}\n': standing_fields(
        Standing("ann", -9, 7, 1)
    ),
}


@pytest.mark.parametrize(("expected", "fields"), LINES.items())
def test_a_line_is_these_bytes(expected: bytes, fields: dict[str, object]) -> None:
    """Keys in order, no space, UTF-8 as it is."""
    assert line(fields) == expected


def test_the_digest_is_that_of_all_lines() -> None:
    """SHA-256 over them, one after the other."""
    digest = Digest()
    for fields in LINES.values():
        digest.add(fields)
    assert digest.hex == hashlib.sha256(b"".join(LINES)).hexdigest()


@given(reason=st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_is_spelled_as_the_standard_says(reason: str) -> None:
    """RFC 8785, section 3.2.2.2: as ECMAScript's JSON.stringify, which Python's encoder agrees with."""
    fields = entry_fields(Correction("ann", "!adjusted/1", "!adjusted", 1, 8, reason))
    told = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert line(fields) == told.encode() + b"\n"
