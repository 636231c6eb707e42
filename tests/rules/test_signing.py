"""What a secret must be to sign tokens."""

from __future__ import annotations

from scoreboard_server.rules.signing import is_strong


def test_a_secret_is_as_long_as_the_hash_it_feeds() -> None:
    """32 bytes are enough, 31 are not; bytes count, not characters."""
    assert is_strong(b"x" * 32)
    assert not is_strong(b"x" * 31)
    assert is_strong("ä".encode() * 16)
