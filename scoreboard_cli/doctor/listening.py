"""The server that runs with these settings, and the port that one would listen on."""

from __future__ import annotations

import errno
import http.client
import socket
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

from scoreboard_server.rules.checkup import machine
from scoreboard_server.rules.checkup.finding import Finding
from scoreboard_server.settings import Settings
from scoreboard_server.store.data_dir import EmbeddedError, server_url

_PATIENCE_S = 3.0
# Without this a proxy that the environment names would be asked, and it may not reach the server.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- where one is to ask, not to listen
_ALIVE = b'{"status":"alive"}'


class Listening:
    """What was found at the port, once."""

    def __init__(self, settings: Settings) -> None:
        self._host, self._port = settings.server.host, settings.server.port
        self._url = _announced(settings)
        self._error = _why_not(self._host, self._port)
        self._in_use = self._error is not None and self._error.errno == errno.EADDRINUSE
        there = _url(self._host, self._port)
        self._is_board = self._in_use and _get(f"{there}/livez") == (200, _ALIVE)
        if self._url is None and self._is_board and settings.store.uri != "embedded":
            self._url = there

    @property
    def server_runs(self) -> bool:
        """Whether there is a server with these settings."""
        return self._url is not None

    def server(self) -> Finding:
        """Whether that server is well."""
        if self._url is None:
            return machine.server(None)
        status, _body = _get(f"{self._url}/readyz")
        answer = {200: "ready", 503: "is not ready", None: "doesn't answer"}.get(status, f"answers {status}")
        return machine.server(machine.Serving(self._url, answer))

    def port(self) -> Finding:
        """Whether there is a port for it."""
        error = self._error
        why_not = None if error is None else error.strerror or str(error)
        facts = machine.Port(
            self._host,
            self._port,
            why_not=why_not,
            in_use=self._in_use,
            ours=self.server_runs,
            is_board=self._is_board,
        )
        return machine.port(facts)


def _announced(settings: Settings) -> str | None:
    if settings.store.uri != "embedded":
        return None
    with suppress(EmbeddedError):  # told of as the data directory's
        return server_url(settings.store.data_dir)
    return None


def _why_not(host: str, port: int) -> OSError | None:
    """What a server that listened there would be told; None when it could."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            if not (host == "localhost" and _is_without(family, address)):
                _bind(family, kind, protocol, address)
    except UnicodeError:  # a name that no host can have
        return OSError(f"{host} is no host's name")
    except OSError as error:
        return error
    return None


def _bind(family: int, kind: int, protocol: int, address: Any) -> None:
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # as above
        probe.bind(address)


def _is_without(family: int, address: Any) -> bool:
    """Whether this machine has no such loopback: `localhost` is often named for IPv6 where there is none."""
    try:
        with socket.socket(family) as probe:
            probe.bind((address[0], 0))
    except OSError:
        return True
    return False


def _url(host: str, port: int) -> str:
    where = _ANYWHERE.get(host, host)
    return f"http://[{where}]:{port}" if ":" in where else f"http://{where}:{port}"


def _get(url: str) -> tuple[int | None, bytes]:
    """Status and the first bytes; no status when nobody answers by HTTP."""
    try:
        with _DIRECT.open(url, timeout=_PATIENCE_S) as answer:
            return answer.status, answer.read(1000)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""
    except (OSError, ValueError, http.client.HTTPException):
        return None, b""
