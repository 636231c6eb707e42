"""What no line may hold: secrets, and what would end a line or move a terminal."""

from __future__ import annotations

import re

# A token as JWTs look, and what stands between a scheme and its host. Nothing logs either on purpose.
_TOKEN = re.compile(r"\beyJ[\w-]*\.[\w-]*(?:\.[\w-]*)*")
_PASSWORD = re.compile(r"(://[^\s:/@]*):[^\s/]*@")


def hide(text: str) -> str:
    """The text without secrets."""
    return _PASSWORD.sub(r"\1:***@", _TOKEN.sub("(a token)", text))


def one_line(text: str) -> str:
    """One printable line: what ends a line or moves a terminal is escaped, secrets are left out."""
    hidden = hide(text)
    return hidden if hidden.isprintable() else "".join(map(_escaped, hidden))


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
