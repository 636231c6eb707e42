"""What one check of an installation came to."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """How grave it is. SKIPPED: it could not be checked, or there is nothing to check."""

    OK = "ok"
    HINT = "hint"
    WRONG = "wrong"
    SKIPPED = "skipped"


class Finding(Struct, frozen=True):
    """found: what is the case. remedy: what to do about it, None when there is nothing to do."""

    name: str
    state: State
    found: str
    remedy: str | None = None


def ok(name: str, found: str) -> Finding:
    """All is as it should be."""
    return Finding(name, State.OK, found)


def hint(name: str, found: str, remedy: str) -> Finding:
    """It works, and could be better."""
    return Finding(name, State.HINT, found, remedy)


def wrong(name: str, found: str, remedy: str) -> Finding:
    """Somebody has to do something."""
    return Finding(name, State.WRONG, found, remedy)


def skipped(name: str, why: str) -> Finding:
    """Nothing is known."""
    return Finding(name, State.SKIPPED, why)


_GRAVITY = (State.WRONG, State.HINT)


def together(name: str, remarks: Sequence[Finding], well: str) -> Finding:
    """One finding of several remarks, as grave as the gravest. well: what to say when there are none."""
    if not remarks:
        return ok(name, well)
    state = min((remark.state for remark in remarks), key=_GRAVITY.index)
    found = "; ".join(remark.found for remark in remarks)
    remedies = dict.fromkeys(remark.remedy for remark in remarks if remark.remedy is not None)
    return Finding(name, state, found, " ".join(remedies))
