"""The real nginx from the example in `deploy/`, with ports, places and a certificate of the test's own."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from websockets.asyncio.client import connect
from websockets.typing import Origin

from ..conftest import not_here
from ..mongod import free_port
from ..nginx import end, started

EXAMPLE = Path(__file__).parents[2] / "deploy" / "nginx.conf"
HOST = "board.example.com"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def programs() -> tuple[str, str]:
    """nginx and openssl; skips (in CI: fails) where there are none."""
    nginx, openssl = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin"), shutil.which("openssl")
    if nginx is None or openssl is None:
        not_here("tests of the proxy (nginx or openssl is not installed)")
    return nginx, openssl


class Nginx:
    """One nginx before servers on these ports."""

    def __init__(self, folder: Path, servers: Sequence[int]) -> None:
        self._program, self._openssl = programs()
        self._folder = folder
        self._servers = servers
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.plain_port = free_port()

    @property
    def address(self) -> str:
        """Where the public finds it."""
        return f"https://{HOST}:{self.port}"

    @property
    def errors(self) -> str:
        """What its log says."""
        return (self._folder / "error.log").read_text()

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """A client's that knows the certificate."""
        return ssl.create_default_context(cafile=str(self._folder / "fullchain.pem"))

    # --- its life ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start, and wait until it listens."""
        (self._folder / "cache").mkdir(parents=True)
        self._make_certificate()
        (self._folder / "nginx.conf").write_text(self._adapted(EXAMPLE.read_text()))
        command = [*self._command, "-g", "daemon off;"]
        self._process = started(command, self._folder / "nginx.out", self.port, self.plain_port)

    def check(self) -> str:
        """What `nginx -t` says."""
        asked = subprocess.run([*self._command, "-t"], capture_output=True, text=True, check=False)
        return asked.stderr

    def stop(self) -> None:
        """End it and its workers."""
        if self._process is not None:
            end(self._process)

    @property
    def _command(self) -> list[str]:
        log, settings = self._folder / "error.log", self._folder / "nginx.conf"
        return [self._program, "-p", str(self._folder), "-e", str(log), "-c", str(settings)]

    def _make_certificate(self) -> None:
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "privkey.pem"]
        name = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
        command = [self._openssl, "req", "-x509", *key, *name, "-days", "2", "-out", "fullchain.pem"]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True)

    def _adapted(self, text: str) -> str:
        """The example for this machine; what is no longer there to be replaced is an error."""
        servers = "".join(f"server 127.0.0.1:{port} max_fails=0;\n" for port in self._servers)
        temporary = "".join(f"{kind}_temp_path {self._folder}/{kind};\n" for kind in _TEMPORARY)
        for pattern, replacement in (
            (r"user www-data;", "user root;" if os.geteuid() == 0 else ""),  # others have no choice
            (r"worker_rlimit_nofile .*;", ""),  # not everybody may
            (r"worker_connections .*;", "worker_connections 512;"),
            (r"/run/nginx\.pid", f"{self._folder}/nginx.pid"),
            (r"/var/log/nginx/", f"{self._folder}/"),
            (r"/etc/letsencrypt/live/board\.example\.com/", f"{self._folder}/"),
            (r"/var/cache/nginx/scoreboard", f"{self._folder}/cache"),
            (r"listen \[::\]:.*;", ""),
            (r"listen 80;", f"listen {self.plain_port};"),
            (r"listen 443 ", f"listen {self.port} "),
            (r"server 127\.0\.0\.1:8081 max_fails=0;\n", servers),
            (r"server 127\.0\.0\.1:8082 max_fails=0;\n", ""),
            (r"http \{\n", f"http {{\n{temporary}"),
        ):
            text, count = re.subn(pattern, replacement, text)
            assert count, f"the example has no {pattern}"
        return text

    # --- its clients ------------------------------------------------------------------------------

    async def fetch(
        self, path: str, method: str = "GET", *, bearer: str | None = None, **options: Any
    ) -> HTTPResponse:
        """Any request by the public address; every status is an answer."""
        headers = dict(options.pop("headers", {}))
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        request = HTTPRequest(
            (path if "://" in path else self.address + path),
            method,
            headers,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            ssl_options=self.trust,
            **options,
        )
        client = SimpleAsyncHTTPClient(force_instance=True, hostname_mapping={HOST: "127.0.0.1"})
        try:
            return await client.fetch(request, raise_error=False)
        finally:
            client.close()

    def socket(self, local: str = "127.0.0.1", **headers: str) -> connect:
        """A WebSocket of a page of the board's, from that address of the loopback network."""
        return connect(
            f"wss://{HOST}:{self.port}/ws",
            origin=Origin(self.address),
            ssl=self.trust,
            host="127.0.0.1",
            port=self.port,
            local_addr=(local, 0),
            additional_headers=headers,
        )
