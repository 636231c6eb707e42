"""Frames of RFC 6455, and what is none."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

from .grammar import near_miss

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_CONTROL = (CLOSE, PING, PONG)


@dataclass
class Sent:
    """Some frames on the wire. is_whole: the server has all the bytes that the frames claim to have."""

    kind: str
    data: bytes
    is_whole: bool = True


def frame(
    opcode: int,
    payload: bytes,
    *,
    fin: bool = True,
    reserved: int = 0,
    masked: bool = True,
    claimed: int | None = None,
    wide: bool = False,
) -> bytes:
    """One frame. claimed: the length that it tells; wide: told in eight bytes, however small."""
    size = len(payload) if claimed is None else claimed
    flag = 0x80 if masked else 0
    if wide or size > 0xFFFF:
        length = bytes([flag | 127]) + struct.pack("!Q", size)
    else:
        length = bytes([flag | size]) if size < 126 else bytes([flag | 126]) + struct.pack("!H", size)
    mask = b"\x37\xfa\x21\x3d" if masked else b""
    covered = bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if masked else payload
    return bytes([(0x80 if fin else 0) | reserved | opcode]) + length + mask + covered


def some_frames(rng: random.Random, *, polite: bool) -> Sent:
    """One input: a frame, or a few that belong together. polite: most keep to RFC 6455, and the socket."""
    kinds = [_message, _fragments, _noise, _bad_length, _bad_text, _huge, _control, _raw]
    weights = [50, 4, 1, 0, 0, 0, 0, 0] if polite else [10, 12, 12, 6, 6, 4, 12, 8]
    return rng.choices(kinds, weights)[0](rng)


def _message(rng: random.Random) -> Sent:
    return Sent("near-miss messages", frame(TEXT, near_miss(rng)))


def _noise(rng: random.Random) -> Sent:
    payload = rng.randbytes(rng.choice([0, 1, 10, 125, 126, 1000]))
    sent = frame(
        rng.randrange(16),
        payload,
        fin=rng.random() < 0.8,
        reserved=rng.choice([0, 0, 0x10, 0x20, 0x40, 0x70]),
        masked=rng.random() < 0.9,
    )
    return Sent("random bytes in frames of every opcode", sent)


def _fragments(rng: random.Random) -> Sent:
    whole = near_miss(rng)
    cuts = sorted(rng.randrange(len(whole) + 1) for _ in range(rng.randrange(1, 6)))
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    pieces = []
    for number, part in enumerate(parts):
        wrong = rng.random() < 0.1
        opcode = TEXT if (number == 0) != wrong else 0
        pieces.append(frame(opcode, part, fin=number == len(parts) - 1 and rng.random() < 0.95))
        if rng.random() < 0.3:
            pieces.append(frame(rng.choice([PING, PONG]), b"in between", fin=rng.random() < 0.95))
    return Sent("fragments", b"".join(pieces))


def _bad_length(rng: random.Random) -> Sent:
    payload = near_miss(rng)
    claimed = rng.choice([0, 1, len(payload) + 1, 4096, 4097, 0xFFFF, 2**31, 2**63 - 1, 2**63, 2**64 - 1])
    sent = frame(rng.choice([TEXT, BINARY, PING]), payload, claimed=claimed, wide=rng.random() < 0.5)
    return Sent("wrong lengths", sent, is_whole=False)


def _bad_text(rng: random.Random) -> Sent:
    bad = rng.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"])
    message = b'{"type":"ping","x":"' + bad + b'"}'
    parts = rng.choice([[message], [message[:21], message[21:]]])
    made = [frame(0 if n else TEXT, part, fin=n == len(parts) - 1) for n, part in enumerate(parts)]
    return Sent("text that is no UTF-8", b"".join(made))


def _huge(rng: random.Random) -> Sent:
    size = rng.choice([4096, 4097, 16_384, 65_535, 65_536, 300_000])
    return Sent("huge frames", frame(rng.choice([TEXT, BINARY, 0]), b"[" * size, fin=rng.random() < 0.7))


def _control(rng: random.Random) -> Sent:
    code = struct.pack("!H", rng.choice([0, 999, 1000, 1001, 1005, 1006, 1015, 2999, 3000, 4999, 65_535]))
    payload = rng.choice([b"", b"x", code, code + b"bye", code + b"\xff", code + b"x" * 124])
    opcode = rng.choice(_CONTROL)
    return Sent("control frames", frame(opcode, payload, fin=rng.random() < 0.9))


def _raw(rng: random.Random) -> Sent:
    return Sent("bytes that are no frames", rng.randbytes(rng.randrange(1, 60)), is_whole=False)
