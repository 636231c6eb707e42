"""What a server in this process is made of, where no request leads to."""

from __future__ import annotations

from types import MethodType

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from scoreboard_server.live.seat import Seat
from scoreboard_server.parts import Parts
from scoreboard_server.web.frame_writer import FrameWriter
from scoreboard_server.web.services import Services
from scoreboard_server.web.slow_senders import SlowSenders

from ..conftest import Api


def services(api: Api) -> Services:
    """What the handlers of a ready server are given."""
    given = api.server._lifecycle.services
    assert given is not None
    return given


def parts(api: Api) -> Parts:
    """What a ready server consists of."""
    given = api.server._parts
    assert given is not None
    return given


def listener(api: Api) -> HTTPServer:
    """What takes its connections."""
    taking = api.server._http
    assert taking is not None
    return taking


def senders_of(api: Api) -> SlowSenders:
    """What cuts off whoever is too slow for it."""
    watching = listener(api).request_callback
    assert isinstance(watching, SlowSenders)
    return watching


def stream_of(seat: Seat) -> IOStream:
    """Where a socket's seat writes to."""
    write = seat._write_bytes
    assert isinstance(write, MethodType)
    writer = write.__self__
    assert isinstance(writer, FrameWriter)
    return writer._stream
