"""An act in words: how things were before it, and how after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .times import readable

if TYPE_CHECKING:
    from scoreboard_server.rules.acts import Act

# Of these a number is an instant, in µs since the Unix epoch.
_OF_TIMES = frozenset({"season ends"})
_TIMES = frozenset({"reached_at"})


def change(act: Act) -> str:
    """What it changed, in one line; empty when its details don't tell."""
    details = act.details
    ban = details.get("ban")
    parts = [_terms(ban)] if act.what == "ban" and isinstance(ban, Mapping) else []
    if "before" in details and "after" in details:
        sides = _without_same(details["before"], details["after"])
        where = f"{details['season']}: " if details.get("season") else ""
        parts.append(where + " → ".join(_state(side, act.what in _OF_TIMES) for side in sides))
    elif details.get("before") is not None:
        parts.append(f"was {_state(details['before'], False)}")
    elif details.get("season") and details.get("next"):
        parts.append(f"{details['season']} → {details['next']}")
    if details.get("tokenId"):
        parts.append(f"token {details['tokenId']}")
    return "; ".join(parts)


def _terms(ban: Mapping[str, object]) -> str:
    terms = f"until {_instant(ban['until'])}" if ban.get("until") else "for good"
    since = ban.get("taken_back_from")
    return f"{terms}, points since {_instant(since)} taken back" if since else terms


def _without_same(before: object, after: object) -> tuple[object, object]:
    """Both, without what is the same in both."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping) or before == after:
        return before, after
    same = {name for name, value in before.items() if name in after and after[name] == value}
    was, now = ({name: v for name, v in side.items() if name not in same} for side in (before, after))
    return was or None, now or None


def _state(value: object, is_time: bool) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        told = (f"{name.replace('_', ' ')} {_state(v, name in _TIMES)}" for name, v in value.items())
        return ", ".join(told)
    if isinstance(value, int):
        return _instant(value) if is_time else f"{value:,}"
    return str(value)


def _instant(value: object) -> str:
    return readable(value) if isinstance(value, int) else str(value)
