"""Writing frames: straight into the kernel while it takes them, through the stream's buffer when it doesn't.

A frame for a thousand sockets costs each of them one `send`; a task, a copy and a future for each would cost
more than twice as much. Order is kept, as nothing goes straight while something waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from tornado.iostream import IOStream, SSLIOStream, StreamClosedError

from .traffic import Traffic

# Who takes nothing for so long is cut off: it may answer pings all the same, and would hold its place for
# ever.
WRITE_PATIENCE_S = 10.0
# Small, as what waits in the kernel is what nobody sees to be waiting; the kernel doubles it.
_KERNEL_BUFFER = 32 * 1024


class FrameWriter:
    """Writes to one stream.

    is_closing: whether a close frame has left or come, after which there may be no other (RFC 6455, section
    5.5.1), or the stream is closed. cut: called when it is closed because nobody reads. traffic: counts what
    is written.
    """

    def __init__(
        self, stream: IOStream, is_closing: Callable[[], bool], cut: Callable[[], None], traffic: Traffic
    ) -> None:
        self._stream = stream
        self._is_closing = is_closing
        self._cut = cut
        self._traffic = traffic
        self._is_plain = not isinstance(stream, SSLIOStream)
        if not stream.closed():  # by who has gone since the handshake
            with contextlib.suppress(OSError):
                stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)

    def write(self, frame: bytes) -> asyncio.Future[None] | None:
        """None when the frame has left, else a future: done when it has, failing when it never will."""
        stream = self._stream
        if self._is_closing():
            return _gone()
        traffic = self._traffic
        traffic.frames += 1
        traffic.frame_bytes += len(frame)
        if self._is_plain and not stream.writing():
            sent = self._send(frame)
            if sent == len(frame):
                return None
            frame = frame[sent:]
        return self._write_later(frame)

    def _send(self, frame: bytes) -> int:
        """How many bytes the kernel took."""
        try:
            return self._stream.socket.send(frame)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._stream.close(exc_info=error)
            return 0

    def _write_later(self, frame: bytes) -> asyncio.Future[None]:
        try:
            written: asyncio.Future[None] = self._stream.write(frame)
        except StreamClosedError:
            return _gone()
        if not written.done():
            timer = asyncio.get_running_loop().call_later(WRITE_PATIENCE_S, self._give_up)
            written.add_done_callback(lambda _: timer.cancel())
        return written

    def _give_up(self) -> None:
        self._cut()
        self._stream.close()


def _gone() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(StreamClosedError())
    future.exception()  # looked at: a closed socket is noticed by its reader
    return future
