"""How a user is shown: the name and the avatar that came with the token, made fit for everyone's eyes."""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

from msgspec import Struct

NAME_LENGTH = 32
AVATAR_LENGTH = 2048

# Cc control, Cf format (bidi overrides, zero-width), Cs surrogate, Co private, Zl/Zp line and paragraph
# separators: none of these is a letter of a name. Unassigned (Cn) may: Unicode grows faster than Python.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Letters and symbols by category, with nothing to be seen: fillers of Hangul, and Braille without dots.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_JOINER = "\u200d"  # part of many emoji and of some scripts; harmless by itself


class Profile(Struct, frozen=True, gc=False):
    """`name`: at most 32 characters; `avatar`: an https URL. None: not told."""

    name: str | None = None
    avatar: str | None = None


def clean_name(text: str) -> str | None:
    """NFC, without control, format and bidi characters, white space folded, at most 32 characters.

    None when nothing is left.
    """
    # Normalising is superlinear on hostile input, so the cut comes first (and once more after it).
    normal = unicodedata.normalize("NFC", text[: 8 * NAME_LENGTH])
    kept = (c if _is_printable(c) else " " for c in normal)
    name = " ".join("".join(kept).split())[:NAME_LENGTH].strip(" " + _JOINER)
    return name if any(_is_seen_alone(c) for c in name) else None


def _is_printable(character: str) -> bool:
    if character == _JOINER:
        return True
    return character not in _BLANK and unicodedata.category(character) not in _UNPRINTABLE


def _is_seen_alone(character: str) -> bool:
    """Neither a space nor a mark, which is seen with a letter before it, nor the joiner, which is Cf."""
    category = unicodedata.category(character)
    return category[0] not in "ZM" and category not in _UNPRINTABLE


def clean_avatar(url: str) -> str | None:
    """The URL if it is a plain https one of at most 2,048 printable ASCII characters, else None."""
    if len(url) > AVATAR_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme != "https" or not host or parts.username is not None:
        return None
    return url


def clean_profile(name: object, avatar: object) -> Profile:
    """A Profile from untrusted claims; what can't be shown is left out."""
    return Profile(
        clean_name(name) if isinstance(name, str) else None,
        clean_avatar(avatar) if isinstance(avatar, str) else None,
    )
