"""Names and avatars, made fit for everyone's eyes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.profiles import NAME_LENGTH, Profile, clean_avatar, clean_name, clean_profile


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Ann", "Ann"),
        ("  Ann \t  Lee ", "Ann Lee"),
        ("e\u0301a", "éa"),
        ("evil\u202egnp", "evil gnp"),
        ("a\x00b\x1b[31m", "a b [31m"),
        ("line\nbreak", "line break"),
        ("x" * 40, "x" * 32),
        ("\u200b\u200b", None),
        ("", None),
        ("\ud800", None),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("<b>", "<b>"),
        ("\u3164", None),
        ("\u2800\u2800", None),
        ("\u0301\ufe0f", None),
        ("Ann\u3164", "Ann"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("\U000e0fff", "\U000e0fff"),  # of no Unicode so far: another Python may know it
    ],
)
def test_names_are_cleaned(raw: str, shown: str | None) -> None:
    """What a name may not do is taken out; what it may look like stays."""
    assert clean_name(raw) == shown


@given(st.text(max_size=100))
def test_a_clean_name_is_clean_for_good(raw: str) -> None:
    """Whatever comes in: short, printable, NFC, and cleaning it again changes nothing."""
    name = clean_name(raw)
    if name is not None:
        assert 1 <= len(name) <= NAME_LENGTH
        assert clean_name(name) == name
        assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in name)
        name.encode()


@pytest.mark.parametrize(
    "url", ["https://x.example/a.png", "https://x.example:8443/a?b=c#d", "https://[2001:db8::1]/a"]
)
def test_https_avatars_stay(url: str) -> None:
    """An https URL is kept as it is."""
    assert clean_avatar(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://x.example/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "//x.example/a",
        "https://",
        "https:///a",
        "https://user:pw@x.example/",
        "https://x.example/a b",
        "https://x.example/\n",
        "https://ex\u202eample/",
        "https://[::1",
        "https://x.example/" + "a" * 2048,
        "",
    ],
)
def test_other_avatars_go(url: str) -> None:
    """Anything else than a plain https URL is left out."""
    assert clean_avatar(url) is None


def test_claims_of_the_wrong_type_tell_nothing() -> None:
    """A name that is no text is no name."""
    assert clean_profile(7, ["https://x.example"]) == Profile()
