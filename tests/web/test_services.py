"""The server's lifecycle, as those see it who ask too early or too late."""

from __future__ import annotations

import gc
import weakref

import pytest

from scoreboard_server.rules.refusals import Refusal
from scoreboard_server.web.services import Lifecycle


class Request:
    """Something that somebody has sent."""


def refused(lifecycle: Lifecycle) -> weakref.ref[Request]:
    """A request that is answered with the lifecycle's no."""
    request = Request()
    told = weakref.ref(request)
    with pytest.raises(Refusal):
        raise lifecycle.refusal()
    return told


def test_who_was_refused_is_not_remembered() -> None:
    """However many ask while the server starts, nothing of them is kept."""
    lifecycle = Lifecycle()
    asked = [refused(lifecycle) for _ in range(3)]
    gc.collect()
    assert [told() for told in asked] == [None] * 3


def test_the_no_says_where_the_server_is() -> None:
    """On its way up or down."""
    lifecycle = Lifecycle()
    assert lifecycle.refusal().code == "starting"
    lifecycle.is_stopping = True
    assert lifecycle.refusal().code == "stopping"
