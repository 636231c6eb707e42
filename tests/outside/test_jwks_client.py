"""One fetch of keys from a real server: nothing that it answers, and no silence, does more than fail it."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import pytest
from jwt.exceptions import PyJWKClientConnectionError, PyJWKClientError

from scoreboard_server.flow.jwks import SIZE_LIMIT
from scoreboard_server.outside.jwks_client import JwksClient

from ..jwks import ed_jwk, public
from .publisher import Answer, Publisher, certificate, drip, keys, ok, publishing, silence


def fetch(publisher: Publisher, timeout: float = 2.0) -> dict[str, object]:
    """What one fetch brings."""
    client = JwksClient(publisher.url, timeout=timeout)
    try:
        return client.fetch_data()
    finally:
        client.hang_up()


def test_a_set_is_fetched() -> None:
    """As it is there, up to the limit of its size, and asked for with a query, if there is one."""
    body = json.dumps({"keys": [public(ed_jwk())]}).encode()
    with publishing(keys(ed_jwk())) as publisher:
        assert fetch(publisher) == {"keys": [public(ed_jwk())]}
        publisher.answer = ok(body + b" " * (SIZE_LIMIT - len(body)))
        assert fetch(publisher) == {"keys": [public(ed_jwk())]}
    assert publisher.requests[0].startswith(b"GET /keys?secret=hunter2 HTTP/1.1\r\n")


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """It could not reach it."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with publishing(keys(ed_jwk())) as publisher:
        assert "keys" in fetch(publisher)


def chunked(connection: socket.socket) -> None:
    """More than the limit without telling a length."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(40):
        connection.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
    connection.sendall(b"0\r\n\r\n")


def endless(connection: socket.socket) -> None:
    """A body that never ends, as fast as it is taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b" " * 65_536)


BAD: dict[str, tuple[Answer, str]] = {
    "not found": (ok(b"", status="404 Not Found"), "it answers 404"),
    "broken": (ok(b"{}", status="500 Oops"), "it answers 500"),
    "redirect": (ok(b"", "Location: https://example.invalid/", status="302 Found"), "it answers 302"),
    "redirect to a file": (ok(b"", "Location: file:///etc/hosts", status="301 Moved"), "it answers 301"),
    "redirect for ever": (ok(b"", "Location: /keys", status="307 Again"), "it answers 307"),
    "garbage": (ok(b"<html>"), "is not a JSON object"),
    "list": (ok(b"[]"), "is not a JSON object"),
    "compressed": (ok(b"\x1f\x8b\x08", "Content-Encoding: gzip"), "is not a JSON object"),
    "nothing": (ok(b"", status="204 No Content"), "is not a JSON object"),
    "huge": (ok(b" " * (SIZE_LIMIT + 1)), "is larger than 64 KiB"),
    "huge in chunks": (chunked, "is larger than 64 KiB"),
    "endless": (endless, "is larger than 64 KiB"),
    "cut short": (lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "not a JSON"),
    "bad chunks": (lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "."),
    "no HTTP": (lambda c: c.sendall(b"220 smtp \x1b[31m ready\r\n\r\n"), "."),
    "hangs up": (lambda c: None, "."),
    "many headers": (ok(b"{}", *["X: y"] * 300), "headers"),
    "long header": (ok(b"{}", "X: " + "y" * 70_000), "."),
    "silence": (silence, "timed out"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer_is_an_error_in_words(case: str) -> None:
    """One kind of error, whose text can stand in a log and has nothing of the address in it."""
    answer, words = BAD[case]
    with publishing(answer) as publisher, pytest.raises(PyJWKClientError, match=words) as failed:
        fetch(publisher, timeout=0.3)
    assert len(publisher.requests) == 1
    assert str(failed.value).isprintable() and "hunter2" not in str(failed.value)


def test_nobody_there_is_an_error_in_words() -> None:
    """A refused connection, and a name that can't be one."""
    publisher = Publisher()
    publisher.close()
    with pytest.raises(PyJWKClientConnectionError, match="refused"):
        fetch(publisher)
    for host in ("nobody.invalid", "x" * 300 + ".invalid", "a..b"):
        with pytest.raises(PyJWKClientError):
            JwksClient(f"http://{host}/", timeout=1).fetch_data()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/keys", "data:application/json,{}"])
def test_other_schemes_are_refused(url: str) -> None:
    """Before anything is opened."""
    with pytest.raises(PyJWKClientError, match="scheme"):
        JwksClient(url, timeout=1)


def test_a_certificate_has_to_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system decides by whom; without its trust nothing is even asked for."""
    path = certificate(tmp_path)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with publishing(keys(ed_jwk()), path) as publisher:
        with pytest.raises(PyJWKClientConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(publisher)
        assert publisher.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        assert fetch(publisher) == {"keys": [public(ed_jwk())]}


def test_plain_text_in_the_place_of_tls_is_refused() -> None:
    """What answers without TLS is no identity provider."""
    with publishing(ok(b"{}")) as publisher:
        client = JwksClient(publisher.url.replace("http:", "https:"), timeout=1)
        with pytest.raises(PyJWKClientConnectionError, match="SSL"):
            client.fetch_data()
        client.hang_up()


@pytest.mark.parametrize(
    ("scheme", "answer"),
    [
        ("http", drip(b"HTTP/1.1 200 OK\r\nX: ")),
        ("http", drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")),
        ("http", silence),
        ("https", silence),
        ("https", drip(b"\x16\x03\x03\x40\x00")),  # a TLS record that never gets whole
    ],
)
def test_hanging_up_ends_a_fetch_wherever_it_is(scheme: str, answer: Answer) -> None:
    """In the handshake, the headers or the body: bytes that keep coming slowly keep no thread alive."""
    failures: list[Exception] = []
    with publishing(answer) as publisher:
        client = JwksClient(publisher.url.replace("http", scheme), timeout=30)

        def run() -> None:
            try:
                client.fetch_data()
            except PyJWKClientError as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        while not publisher.requests:
            time.sleep(0.01)
        time.sleep(0.1)
        assert thread.is_alive()
        client.hang_up()
        thread.join(2)
        assert not thread.is_alive()
    assert len(failures) == 1


def test_what_was_hung_up_before_never_begins() -> None:
    """A deadline that passes while a name is looked up is kept all the same."""
    with publishing(keys(ed_jwk())) as publisher:
        client = JwksClient(publisher.url, timeout=2)
        client.hang_up()
        with pytest.raises(PyJWKClientConnectionError):
            client.fetch_data()
