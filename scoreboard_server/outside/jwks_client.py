"""One fetch of a JWK set: PyJWT's client, made to take no more than it is given in bytes and in time."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from jwt import PyJWKClient
from jwt.exceptions import PyJWKClientConnectionError, PyJWKClientError

from ..flow.jwks import SIZE_LIMIT, NotAKeySet, parse
from ..request_context import outgoing_headers

_ACCEPT = "application/jwk-set+json, application/json"


class JwksClient(PyJWKClient):
    """For one fetch, in a thread of its own.

    PyJWT's own `fetch_data` reads whatever comes, for as long as a byte comes now and then; its caches know
    no difference between a key that is gone and one that could not be fetched. So of the client there
    remain its shape and its checks of the address; what it fetches is judged and kept elsewhere.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        """timeout: seconds for each step of the connection; for the whole, see `hang_up`."""
        super().__init__(url, cache_jwk_set=False, timeout=timeout)
        self._line = _Line()

    def fetch_data(self) -> dict[str, Any]:
        """The JSON object that is there. No redirect is followed.

        Raises PyJWKClientConnectionError or PyJWKClientError, in words that a log can take.
        """
        headers = {"Accept": _ACCEPT} | outgoing_headers()
        request = urllib.request.Request(self.uri, headers=headers)  # noqa: S310 -- the settings' own
        try:
            with self._opener().open(request, timeout=self.timeout) as response:
                return parse(response.read(SIZE_LIMIT + 1))
        except NotAKeySet as error:
            raise PyJWKClientError(f"what it answers {error}") from None
        except HTTPError as error:
            error.close()
            raise PyJWKClientConnectionError(f"it answers {error.code}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: a host that can't be
            reason = error.reason if isinstance(error, URLError) else error
            raise PyJWKClientConnectionError(ascii(str(reason) or type(reason).__name__)[1:-1]) from None

    def hang_up(self) -> None:
        """From any thread, at any time: what is under way ends at once."""
        self._line.cut()

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [_Http(self._line), _Https(self._line), _NoRedirects()]
        if urlsplit(self.uri).scheme == "http":  # which the settings take for this machine alone
            handlers.append(urllib.request.ProxyHandler({}))  # and no proxy can reach that
        return urllib.request.build_opener(*handlers)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Keys are trusted for the address they come from; another one, of whatever scheme, is not that."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirect is an error."""


class _Line:
    """The connection of one fetch, so that it can be cut while a thread is blocked on it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    def opened(self, connected: socket.socket) -> None:
        """The connection stands. Raises TimeoutError when it isn't wanted any more."""
        with self._lock:
            # A second descriptor of the connection, for TLS takes the first one away.
            self._socket = connected.dup()
        if self._is_cut:
            self.cut()
            raise TimeoutError

    def cut(self) -> None:
        """End the connection, now or as soon as it stands."""
        with self._lock:
            self._is_cut = True
            if self._socket is None:
                return
            with contextlib.suppress(OSError):  # the other side has ended it before
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None


class _Connection(http.client.HTTPConnection):
    line: _Line

    def connect(self) -> None:
        """As it was, telling the line."""
        super().connect()
        self.line.opened(self.sock)


class _TlsConnection(http.client.HTTPSConnection, _Connection):
    """Connects by way of `_Connection`, so that the line is told before the TLS handshake."""


class _Http(urllib.request.HTTPHandler):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """As it was, over the line."""
        return self.do_open(_over(self._line, _Connection), request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """As it was, over the line; certificates are checked as Python does by default."""
        return self.do_open(_over(self._line, _TlsConnection), request)


def _over(line: _Line, kind: type[_Connection]) -> Callable[..., _Connection]:
    def connection(host: str, **options: Any) -> _Connection:
        made = kind(host, **options)
        made.line = line
        return made

    return connection
