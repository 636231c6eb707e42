"""Which request something is done for."""

from __future__ import annotations

import asyncio
import re
from contextvars import copy_context

import pytest

from scoreboard_server.request_context import RequestContext, current, outgoing_headers

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = {"X-Request-Id": "r1", "Traceparent": f"00-{TRACE}-{SPAN}-01"}


def test_what_the_caller_names_is_taken() -> None:
    """The id as it came, and the trace beside it."""
    assert RequestContext(TRACED).fields() == {"requestId": "r1", "traceId": TRACE}


@pytest.mark.parametrize("told", ["", "a b", "x" * 65, "a\n"])
def test_what_is_no_id_is_replaced(told: str) -> None:
    """By one of ours, which stays the same; what is no trace is as none."""
    request = RequestContext({"X-Request-Id": told, "Traceparent": f"00-{TRACE}-{SPAN}-0"})
    assert re.fullmatch("[0-9a-f]{16}", request.request_id)
    assert request.fields() == request.fields() == {"requestId": request.request_id}


async def test_what_a_request_starts_works_for_it_and_nothing_else_does() -> None:
    """Its tasks and threads know it, its neighbours and who has started it don't."""

    async def serve(name: str) -> list[str | None]:
        RequestContext({"X-Request-Id": name}).enter()
        await asyncio.sleep(0)
        in_task = asyncio.create_task(told())
        return [_id(), await in_task, await asyncio.to_thread(_id)]

    async def told() -> str | None:
        return _id()

    served = await asyncio.gather(*(asyncio.create_task(serve(name)) for name in ("a", "b")))
    assert served == [["a"] * 3, ["b"] * 3]
    assert current() is None and outgoing_headers() == {}


def _id() -> str | None:
    request = current()
    return None if request is None else request.request_id


def test_a_call_to_others_goes_on_in_the_trace() -> None:
    """Each from a span of its own. Without a trace nothing is said, the request's id least of all."""

    def call(headers: dict[str, str]) -> list[dict[str, str]]:
        RequestContext(headers).enter()
        return [outgoing_headers(), outgoing_headers()]

    sent = copy_context().run(call, TRACED)
    spans = [re.fullmatch(f"00-{TRACE}-([0-9a-f]{{16}})-01", each["traceparent"]) for each in sent]
    assert all(len(each) == 1 for each in sent)
    assert len({span[1] for span in spans if span} | {SPAN}) == 3
    assert copy_context().run(call, {"X-Request-Id": "r1"}) == [{}, {}]
