"""A server with the product's sockets, which it shows a frame on demand: `POST /go`, with the body in it.

    python -m benchmarks.fanout_server PORT

Answers `{"n": how many it was shown to, "seconds": what that took}`, so that it can be put beside others that
do the same with the library's own `write_message` or with one bare `transport.write` a connection.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace

from tornado.web import RequestHandler

from scoreboard_server.app import Server
from scoreboard_server.live.frames import text_frame
from scoreboard_server.live.hub import Hub
from scoreboard_server.open_files import raise_open_files_limit
from scoreboard_server.settings import load_settings


class Go(RequestHandler):
    """Shows the body to everybody who watches."""

    def initialize(self, hub: Hub) -> None:
        """Called by Tornado with what the route was made with."""
        self._hub = hub

    def post(self) -> None:
        """Answer with what it took."""
        frame = text_frame({"fill": self.request.body.decode()})
        began = time.perf_counter()
        self._hub._fan_out(frame)
        seconds = time.perf_counter() - began
        self.finish(json.dumps({"n": len(self._hub._seats), "seconds": seconds}))


async def main() -> None:
    """Serve until killed."""
    raise_open_files_limit()
    flags = {"store.uri": "memory", "server.port": sys.argv[1], "auth.secret": "x" * 32}
    settings = load_settings(flags, environ={})
    settings = replace(settings, limits=replace(settings.limits, sockets=0, sockets_per_ip=0))
    server = Server(settings)
    await server.start()
    application = server._http.request_callback._application  # type: ignore[union-attr]
    hub = server._parts.hub  # type: ignore[union-attr]
    application.add_handlers(".*", [("/go", Go, {"hub": hub})])
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
