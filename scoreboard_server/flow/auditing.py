"""Auditing: who did what, when and why, as it is told to other admins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ..rules.acts import Act
from ..rules.instants import timestamp
from .ports import Trail, Wanted

_HUMP = re.compile(r"_([a-z])")


class Told(Struct, frozen=True, rename="camel"):
    """An act as it is told. at: RFC 3339 in UTC. details: what else belongs to it, times in µs."""

    at: str
    by: str
    what: str
    user_id: str | None
    reason: str
    details: Mapping[str, Any]


class Page(Struct, frozen=True):
    """Some acts, newest first. older: the end of what comes before them, None when that is nothing."""

    acts: list[Act]
    older: int | None


async def audit(trail: Trail, wanted: Wanted, limit: int) -> Page:
    """Up to `limit` acts of the trail. Raises StoreUnavailable."""
    acts = [act async for act in trail.acts(wanted, limit + 1)]
    if len(acts) <= limit:
        return Page(acts, None)
    # The end is not part of what is before it, and the first act that was left out must be.
    return Page(acts[:limit], acts[limit].at + 1)


def told(act: Act) -> Told:
    """The act, as it is told."""
    at = timestamp(act.at, "microseconds")
    return Told(at, act.by, act.what, act.user, act.reason, _camel(act.details))


def _camel(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_HUMP.sub(lambda m: m[1].upper(), name): _camel(inner) for name, inner in value.items()}
    return [_camel(inner) for inner in value] if isinstance(value, list) else value
