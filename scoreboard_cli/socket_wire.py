"""The client's side of a WebSocket (RFC 6455): bytes in, values out; no socket and no clock here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from .server_address import ServerAddress

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_FINAL = 0x80
_MASKED = 0x80
_TWO_BYTES = 126  # a length that says: the length is in the next two bytes; one more says: in eight
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
# A board of a thousand rows is 150 KB; a peer that announces more is none of ours.
_LONGEST = 4 << 20


class NotASocketError(Exception):
    """The peer doesn't speak WebSocket; the message says how one can tell."""


def handshake(address: ServerAddress, path: str, key: bytes) -> bytes:
    """The request that asks for a socket. key: 16 random bytes."""
    lines = [
        f"GET {address.prefix}{path} HTTP/1.1",
        f"Host: {address.host_header}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(key).decode()}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def check_handshake(head: bytes, key: bytes) -> None:
    """Look at the head of the answer. Raises NotASocketError."""
    status, *lines = head.decode("latin-1").split("\r\n")
    if status.split(" ")[1:2] != ["101"]:
        raise NotASocketError(f"it answers {status.partition(' ')[2][:60] or 'nothing that is HTTP'}")
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    digest = hashlib.sha1(base64.b64encode(key) + _GUID)  # noqa: S324 -- the standard's, and no secret
    if fields.get("sec-websocket-accept") != base64.b64encode(digest.digest()).decode():
        raise NotASocketError("its handshake doesn't fit ours")


def frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """A client's short frame; clients mask (section 5.3). mask: 4 random bytes; payload: under 126 bytes."""
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes((_FINAL | opcode, _MASKED | len(payload))) + mask + masked


class Frames:
    """Cuts what arrives into messages; control frames may come between the parts of one."""

    def __init__(self) -> None:
        self._pending = b""
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Each message that is whole by now: opcode and payload. Raises NotASocketError."""
        data = self._pending + data if self._pending else data
        at = 0
        while (span := _payload(data, at)) is not None:
            first, payload = data[at], data[span]
            at = span.stop
            opcode = first & 0x0F
            if opcode >= CLOSE:
                yield opcode, payload
                continue
            self._parts.append(payload)
            if first & _FINAL:
                yield TEXT, self._whole()
        self._pending = data[at:]

    def _whole(self) -> bytes:
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _payload(data: bytes, at: int) -> slice | None:
    """Where the payload of the frame at `at` is; None while the frame isn't whole."""
    if len(data) < at + 2:
        return None
    size, start = data[at + 1], at + 2
    if size >= _MASKED:
        raise NotASocketError("it masks its frames, as only clients do")
    if size >= _TWO_BYTES:
        digits = 2 if size == _TWO_BYTES else 8
        if len(data) < start + digits:
            return None
        size, start = int.from_bytes(data[start : start + digits]), start + digits
    if size > _LONGEST:
        raise NotASocketError("it announces a message that is too long for a board")
    return slice(start, start + size) if len(data) >= start + size else None
