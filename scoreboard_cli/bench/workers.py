"""Load generators as processes of their own, told what to do by lines of JSON, so that none slows another."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Self

Message = dict[str, Any]

_LONGEST_LINE = 1 << 30
_END_WITHIN_S = 3.0


class BenchFailedError(Exception):
    """The bench can't go on; the message says why."""


class Worker:
    """The parent's side of one worker."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, module: str, **spec: object) -> Self:
        """Run the module `bench.<module>`, and have it ready. Raises BenchFailedError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"{__package__}.{module}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        worker = cls(process)
        try:
            await worker.ask("begin", **spec)
        except BaseException:
            await worker.stop()
            raise
        return worker

    async def ask(self, verb: str, **more: object) -> Message:
        """Have it do something; its answer. Raises BenchFailedError."""
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101 -- both are pipes
        try:
            self._process.stdin.write(json.dumps({"verb": verb, **more}).encode() + b"\n")
            await self._process.stdin.drain()
            line = await self._process.stdout.readline()
        except ConnectionError:
            line = b""
        if not line:
            raise BenchFailedError("A load generator has ended.")
        answer: Message = json.loads(line)
        if "failure" in answer:
            raise BenchFailedError(str(answer["failure"]))
        return answer

    async def stop(self) -> None:
        """Have it end: it reads its input to the end, and then leaves."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_END_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def _answer_lines(handle: Callable[[str, Message], Awaitable[Message]]) -> None:
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        message: Message = json.loads(line)
        try:
            answer = await handle(message.pop("verb"), message)
        except OSError as error:
            answer = {"failure": f"The server can't be reached: {error.strerror or error}."}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def run_worker(handle: Callable[[str, Message], Awaitable[Message]]) -> None:
    """The worker's side: answer until the parent closes the input or has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the parent, who ends us
    with asyncio.Runner() as runner:
        runner.run(_answer_lines(handle))
    sys.stdout.flush()
    os._exit(0)  # thousands of sockets need not be closed one by one
