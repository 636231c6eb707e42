"""A real HTTP server that publishes keys, well or badly."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ..jwks import Jwk, public

Answer = Callable[[socket.socket], None]


def ok(body: bytes, *headers: str, status: str = "200 OK") -> Answer:
    """Answers with this body."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return lambda connection: connection.sendall(head.encode() + body)


def keys(*jwks: Jwk) -> Answer:
    """Publishes the public parts of these."""
    return ok(json.dumps({"keys": [public(jwk) for jwk in jwks]}).encode(), "Content-Type: application/json")


def drip(data: bytes, pause: float = 0.02) -> Answer:
    """Sends this once, and then a byte now and then, for ever."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(data)
        while True:
            connection.sendall(b"x")
            time.sleep(pause)

    return answer


def silence(connection: socket.socket) -> None:
    """Waits until the other side goes away."""
    while connection.recv(4096):
        pass


class Publisher:
    """Listens on a port of its own. `answer` may be changed at any time; `requests`: what was asked for."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = silence
        self.requests: list[bytes] = []
        self.ended = 0
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where the keys are."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/keys?secret=hunter2"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self.requests.append(connection.recv(65_536))
            self.answer(connection)
        self.ended += 1

    def close(self) -> None:
        """Nobody listens any more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # else a thread in accept() keeps it open
        self._listener.close()


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate for 127.0.0.1 that nobody vouches for but itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "keys")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    made = made.add_extension(address, critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "certificate.pem"
    path.write_bytes(pem + made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return path


@contextmanager
def publishing(answer: Answer, certificate: Path | None = None) -> Iterator[Publisher]:
    """A publisher that begins with this answer; with a certificate it speaks TLS."""
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    publisher = Publisher(tls)
    publisher.answer = answer
    try:
        yield publisher
    finally:
        publisher.close()
