"""Which request something is done for: its id, and the trace that it is a part of.

Whatever is logged or asked of others within a request finds it here, without being handed it through every
layer: a context variable goes along with the request's task, and with the tasks and threads that it starts.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextvars import ContextVar

from .rules import trace_context
from .rules.identifiers import is_request_id
from .rules.trace_context import TraceParent


class RequestContext:
    """Made of a request's headers, which are looked at for the trace only when somebody wants to know it."""

    __slots__ = ("_headers", "request_id")

    def __init__(self, headers: Mapping[str, str]) -> None:
        """headers: names in any case."""
        # Asked twice, as a mapping that lacks something takes five times as long to give what stands for it.
        told = headers["X-Request-Id"] if "X-Request-Id" in headers else ""  # noqa: SIM401
        self.request_id = told if is_request_id(told) else secrets.token_hex(8)
        self._headers = headers

    def enter(self) -> None:
        """From here on the running task works for this request."""
        _current.set(self)

    @property
    def trace(self) -> TraceParent | None:
        """What the caller told, if that is valid."""
        return trace_context.parse(self._headers.get("Traceparent", ""))

    def fields(self) -> dict[str, str]:
        """As a line of the log names it."""
        trace = self.trace
        named = {"requestId": self.request_id}
        return named if trace is None else named | {"traceId": trace.trace_id}


_current: ContextVar[RequestContext | None] = ContextVar("request", default=None)


def current() -> RequestContext | None:
    """The request that the running task works for; None beside all requests."""
    return _current.get()


def outgoing_headers() -> dict[str, str]:
    """What a call to another server says of the request that it is made for: nothing outside of a trace.

    The span is a new one, so that two calls can be told apart. `tracestate` stays here: it holds what the
    caller's own systems tell each other, and whom we call are third parties.
    """
    request = _current.get()
    trace = request.trace if request is not None else None
    return {} if trace is None else {"traceparent": trace.from_span(_span_id())}


def _span_id() -> str:
    return f"{secrets.randbelow(2**64 - 1) + 1:016x}"  # all zeros would be none
