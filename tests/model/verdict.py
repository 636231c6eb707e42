"""What the model says when a rule is broken."""

from __future__ import annotations


class Untrue(AssertionError):
    """Something that the score board promises does not hold. Only this is a finding of the model."""


def hold(promise: bool, broken: str) -> None:
    """Raise Untrue when the promise is not kept; `broken` says what is wrong then."""
    if not promise:
        raise Untrue(broken)
