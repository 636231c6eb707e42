"""Writing frames: in order and whole, whatever the kernel takes at once, and nothing for who has gone."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator

import pytest
from tornado.iostream import IOStream, StreamClosedError

from scoreboard_server.web import frame_writer
from scoreboard_server.web.frame_writer import FrameWriter
from scoreboard_server.web.traffic import Traffic


class Pair:
    """A writer, and the socket that reads what it writes."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.theirs.setblocking(False)
        self.stream = IOStream(ours)
        self.cuts = 0
        self.is_closing = False
        self.traffic = Traffic()
        self.writer = FrameWriter(
            self.stream, lambda: self.is_closing or self.stream.closed(), self._cut, self.traffic
        )
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    def _cut(self) -> None:
        self.cuts += 1

    async def read(self, size: int) -> bytes:
        """So many bytes."""
        data = b""
        async with asyncio.timeout(20):
            while len(data) < size:
                data += await asyncio.get_running_loop().sock_recv(self.theirs, size - len(data))
        return data

    def fill(self) -> tuple[bytes, asyncio.Future[None]]:
        """Write until the kernel takes no more; what was written, and the write under way."""
        written = b""
        while True:
            frame = os.urandom(3000)
            written += frame
            under_way = self.writer.write(frame)
            if under_way is not None:
                return written, under_way


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    made = Pair()
    yield made
    made.stream.close()
    made.theirs.close()


def timers() -> int:
    """How many writes somebody waits for with patience."""
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    of_writers = [t for t in scheduled if getattr(t._callback, "__func__", None) is FrameWriter._give_up]
    return sum(not timer.cancelled() for timer in of_writers)


async def test_what_the_kernel_takes_has_left_at_once(pair: Pair) -> None:
    """No future, no timer, and the bytes are there."""
    assert pair.writer.write(b"one") is None
    assert pair.writer.write(b"two") is None
    assert await pair.read(6) == b"onetwo"
    assert timers() == 0


async def test_what_it_does_not_take_follows(pair: Pair) -> None:
    """A frame larger than all buffers arrives whole, and is done then, with its timer."""
    frame = os.urandom(1_000_000)
    written = pair.writer.write(frame)
    assert written is not None and not written.done()
    assert timers() == 1
    assert await pair.read(len(frame)) == frame
    await written
    await asyncio.sleep(0)
    assert timers() == 0
    assert pair.writer.write(b"straight again") is None


async def test_each_frame_is_counted_once(pair: Pair) -> None:
    """Straight or in parts, and none that nobody is there to take."""
    pair.writer.write(b"four")
    frame = os.urandom(1_000_000)
    written = pair.writer.write(frame)
    assert written is not None
    await pair.read(4 + len(frame))
    await written
    pair.is_closing = True
    pair.writer.write(b"nobody")
    assert (pair.traffic.frames, pair.traffic.frame_bytes) == (2, 4 + len(frame))


async def test_a_part_is_not_sent_twice(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what the kernel has taken only some, the rest follows and no more."""
    whole, send = os.urandom(2000), FrameWriter._send

    def send_some(writer: FrameWriter, frame: bytes) -> int:
        return send(writer, frame[:700])

    monkeypatch.setattr(FrameWriter, "_send", send_some)
    for _ in range(3):
        pair.writer.write(whole)
    assert await pair.read(6000) == whole * 3


async def test_a_kernel_that_takes_nothing_now(pair: Pair) -> None:
    """The whole frame waits; nothing of it is lost."""
    before, under_way = pair.fill()
    assert pair.writer._send(b"more") == 0
    assert not pair.stream.closed()
    after = pair.writer.write(b"behind")
    assert await pair.read(len(before) + 6) == before + b"behind"
    await under_way
    assert after is not None
    await after


@pytest.mark.parametrize("seed", range(5))
async def test_order_is_kept_between_the_two_roads(pair: Pair, seed: int) -> None:
    """Frames of all sizes, and what the protocol writes between them, come in the order of writing."""
    chance = random.Random(seed)
    expected, read = bytearray(), bytearray()
    for _ in range(200):
        frame = chance.randbytes(chance.choice([1, 50, 3000, 40_000]))
        expected += frame
        if chance.random() < 0.2:
            pair.stream.write(frame)  # as pongs and close frames do
        else:
            pair.writer.write(frame)
        if chance.random() < 0.5:
            read += await pair.read(min(chance.choice([10, 5000, 60_000]), len(expected) - len(read)))
    read += await pair.read(len(expected) - len(read))
    assert read == expected


async def test_nothing_is_written_to_who_has_closed(pair: Pair) -> None:
    """A future that has failed, which nobody has to look at."""
    pair.stream.close()
    written = pair.writer.write(b"x")
    assert written is not None
    assert isinstance(written.exception(), StreamClosedError)


async def test_nothing_is_written_behind_a_close_frame(pair: Pair) -> None:
    """The stream is open until the other side has closed, too."""
    pair.is_closing = True
    written = pair.writer.write(b"x")
    assert written is not None
    assert isinstance(written.exception(), StreamClosedError)
    with pytest.raises(BlockingIOError):
        pair.theirs.recv(1)


async def test_who_has_gone_is_noticed_by_writing(pair: Pair) -> None:
    """The stream is closed then, as the reader would have it."""
    pair.theirs.close()
    written = pair.writer.write(b"x")
    assert written is not None
    assert isinstance(written.exception(), StreamClosedError)
    assert (pair.stream.closed(), pair.cuts, timers()) == (True, 0, 0)


async def test_who_goes_while_a_write_is_under_way(pair: Pair) -> None:
    """The write fails, and its timer ends with it."""
    _, under_way = pair.fill()
    pair.theirs.close()
    with pytest.raises(StreamClosedError):
        await asyncio.wait_for(asyncio.shield(under_way), 20)
    await asyncio.sleep(0)
    assert (pair.cuts, timers()) == (0, 0)


async def test_a_writer_for_who_has_gone_already(pair: Pair) -> None:
    """Can be made, and writes nothing."""
    pair.stream.close()
    late = FrameWriter(pair.stream, pair.stream.closed, pair._cut, pair.traffic)
    written = late.write(b"x")
    assert written is not None and written.exception() is not None


async def test_who_does_not_read_is_cut_off(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the patience, once, and the write fails."""
    monkeypatch.setattr(frame_writer, "WRITE_PATIENCE_S", 0.05)
    _, under_way = pair.fill()
    with pytest.raises(StreamClosedError):
        await asyncio.wait_for(asyncio.shield(under_way), 20)
    assert (pair.cuts, pair.stream.closed()) == (1, True)


async def test_who_reads_in_time_is_not_cut_off(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patience is for each write, and ends with it."""
    monkeypatch.setattr(frame_writer, "WRITE_PATIENCE_S", 0.5)
    for _ in range(3):
        before, under_way = pair.fill()
        await pair.read(len(before))
        await under_way
    await asyncio.sleep(0.6)
    assert (pair.cuts, pair.stream.closed()) == (0, False)


async def test_the_kernel_keeps_little() -> None:
    """What waits there is what nobody sees to be waiting."""
    ours, theirs = socket.socketpair()
    stream = IOStream(ours)
    FrameWriter(stream, stream.closed, lambda: None, Traffic())
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 32 * 1024
    stream.close()
    theirs.close()
