"""The client's side of a WebSocket, against the server's side of an independent implementation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from scoreboard_cli.server_address import ServerAddress
from scoreboard_cli.socket_wire import (
    PING,
    PONG,
    TEXT,
    Frames,
    NotASocketError,
    check_handshake,
    frame,
    handshake,
)

ADDRESS = ServerAddress("board.test", 8080)
KEY = bytes(range(16))


def _bytes(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=False)


def _answer(request: bytes) -> bytes:
    server = ServerProtocol()
    server.receive_data(request)
    (event,) = server.events_received()
    server.send_response(server.accept(event))  # type: ignore[arg-type]
    return b"".join(server.data_to_send())


def test_the_handshake_is_accepted_and_recognised() -> None:
    """A standard server takes the request, and its answer passes; with another key it doesn't."""
    head = _answer(handshake(ADDRESS, "/ws", KEY)).partition(b"\r\n\r\n")[0]
    check_handshake(head, KEY)
    with pytest.raises(NotASocketError, match="fit"):
        check_handshake(head, bytes(16))


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 404 Not Found", b"SSH-2.0", b"HTTP/1.1 200 OK\r\nA: b"])
def test_who_answers_otherwise_is_no_socket(head: bytes) -> None:
    """Any status but 101, and what is no HTTP at all, is refused."""
    with pytest.raises(NotASocketError, match="answers"):
        check_handshake(head, KEY)


def test_its_frames_are_understood() -> None:
    """A standard server reads a masked frame."""
    server = ServerProtocol()
    server.receive_data(handshake(ADDRESS, "/ws", KEY))
    (event,) = server.events_received()
    server.send_response(server.accept(event))  # type: ignore[arg-type]
    server.receive_data(frame(TEXT, b'{"type":"ping"}', b"\x01\x02\x03\x04"))
    assert [received.data for received in server.events_received()] == [b'{"type":"ping"}']  # type: ignore[union-attr]


@given(st.lists(st.integers(0, 70_000), max_size=4), st.integers(1, 70_000))
def test_messages_come_whole_however_they_arrive(sizes: list[int], chunk: int) -> None:
    """All three forms of length, cut anywhere."""
    messages = [bytes(size) for size in sizes]
    stream = b"".join(_bytes(Opcode.TEXT, message) for message in messages)
    frames = Frames()
    got = [each for at in range(0, len(stream), chunk) for each in frames.feed(stream[at : at + chunk])]
    assert got == [(TEXT, message) for message in messages]


def test_parts_are_joined_around_a_ping() -> None:
    """A message in parts is one, and a ping between them is told at once."""
    stream = _bytes(Opcode.TEXT, b"a", fin=False) + _bytes(Opcode.PING, b"?") + _bytes(Opcode.CONT, b"b")
    assert list(Frames().feed(stream)) == [(PING, b"?"), (TEXT, b"ab")]


@pytest.mark.parametrize("data", [frame(PONG, b"", bytes(4)), b"\x81\x7f" + (1 << 40).to_bytes(8)])
def test_what_no_server_sends(data: bytes) -> None:
    """A masked frame and an endless one are refused before anything is kept of them."""
    with pytest.raises(NotASocketError):
        list(Frames().feed(data))
