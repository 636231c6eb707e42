"""Where a server is."""

from __future__ import annotations

import pytest

from scoreboard_cli.server_address import ServerAddress


@pytest.mark.parametrize(
    ("url", "address", "header"),
    [
        ("http://127.0.0.1:8080", ServerAddress("127.0.0.1", 8080), "127.0.0.1:8080"),
        ("http://[::1]:8080/", ServerAddress("::1", 8080), "[::1]:8080"),
        ("http://board.test", ServerAddress("board.test", 80), "board.test"),
        ("https://board.test/games/", ServerAddress("board.test", 443, True, "/games"), "board.test"),
        ("https://board.test:80", ServerAddress("board.test", 80, True), "board.test:80"),
    ],
)
def test_urls_as_people_write_them(url: str, address: ServerAddress, header: str) -> None:
    """Port, TLS and a path in front come from the URL; the usual port is not repeated in `Host`."""
    assert ServerAddress.of(url) == address
    assert ServerAddress.of(url).host_header == header


@pytest.mark.parametrize(
    "url",
    [
        "",
        "board.test:80",
        "ftp://a",
        "http://",
        "http://a:b",
        "http://a b",
        "http://a/\r\nX: y",
        "http://a:99999",
    ],
)
def test_what_is_none(url: str) -> None:
    """Anything else is a ValueError, and nothing of it could forge a header."""
    with pytest.raises(ValueError, match=r"address|URL|[Pp]ort"):
        ServerAddress.of(url)
