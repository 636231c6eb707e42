"""The `traceparent` of W3C Trace Context: which request of which system a request here is a part of."""

from __future__ import annotations

import re
from typing import NamedTuple

# Version, trace id, the caller's span id, flags; what a later version may add begins with a dash.
_SHAPE = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
# Those that are defined (sampled, random trace id). Of others nobody knows what passing them on would say.
_KNOWN_FLAGS = 0b11


class TraceParent(NamedTuple):
    """Which trace it is, and from which of its spans the call came."""

    trace_id: str
    span_id: str
    flags: int

    def from_span(self, span_id: str) -> str:
        """The header of a call that is made in that span of the same trace."""
        return f"00-{self.trace_id}-{span_id}-{self.flags:02x}"


def parse(text: str) -> TraceParent | None:
    """None for what is no valid header: that is as if there were none, and never an error.

    A version that comes after this one (00) is read as far as this one goes.
    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceParent(trace_id, span_id, int(flags, 16) & _KNOWN_FLAGS)
