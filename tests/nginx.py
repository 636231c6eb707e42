"""A real nginx in front of several servers, without TLS: it spreads clients, and asks another server again.

Each client keeps to one server as long as that one lives: by address, and by token where there is one, since
all of a test's users come from this machine. What one server doesn't answer goes to the next, a POST too.
"""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from .conftest import not_here
from .mongod import free_port

_PATIENCE_S = 15.0
SERVED_BY = "x-served-by"
"""The header that names who was asked, the last of them the one that has answered."""

_CONFIGURATION = """
user {user};
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_to {{ "~*^websocket$" upgrade;  default ""; }}
    upstream scoreboard {{
        hash $remote_addr$http_authorization consistent;
{servers}
        keepalive 64;
    }}
    proxy_http_version 1.1;
    proxy_set_header Host            $http_host;
    proxy_set_header Upgrade         $http_upgrade;
    proxy_set_header Connection      $connection_to;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_connect_timeout 1s;
    proxy_read_timeout    75s;
    proxy_next_upstream         error timeout http_503 non_idempotent;
    proxy_next_upstream_tries   2;
    proxy_next_upstream_timeout 5s;
    add_header X-Served-By $upstream_addr always;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://scoreboard; }}
        error_page 502 504 =503 @away;
        location @away {{
            internal;
            add_header Retry-After 1 always;
            return 503;
        }}
    }}
}}
"""


class Nginx:
    """One nginx before servers on these ports."""

    def __init__(self, folder: Path, servers: Sequence[int]) -> None:
        program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if program is None:
            not_here("tests of several servers behind one address (nginx is not installed)")
        self.port = free_port()
        self._folder = folder
        self._command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        self._servers = servers
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where the public finds it."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it listens."""
        self._folder.mkdir(parents=True, exist_ok=True)
        servers = "\n".join(f"        server 127.0.0.1:{port} max_fails=0;" for port in self._servers)
        told = _CONFIGURATION.format(
            user=getpass.getuser(), folder=self._folder, servers=servers, port=self.port
        )
        (self._folder / "nginx.conf").write_text(told)
        self._process = started(self._command, self._folder / "nginx.out", self.port)

    def stop(self) -> None:
        """End it and its workers."""
        if self._process is not None:
            end(self._process)


def started(command: Sequence[str], output: Path, *ports: int) -> subprocess.Popen[bytes]:
    """An nginx that listens on these ports; what it says goes into a file."""
    with output.open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    ends = time.monotonic() + _PATIENCE_S
    while not all(map(_listens, ports)):
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < ends, "nginx doesn't listen"
        time.sleep(0.02)
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """End it and its workers."""
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def who_answered(headers: str) -> int:
    """The port of the server that has answered, by what `SERVED_BY` says."""
    return int(headers.rpartition(":")[2])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
