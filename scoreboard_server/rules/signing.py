"""What a secret must be to sign tokens."""

from __future__ import annotations

# A secret shorter than the hash it feeds is weaker than the hash (RFC 7518, section 3.2).
MIN_SECRET_BYTES = 32


def is_strong(secret: bytes) -> bool:
    """True for a secret of at least 32 bytes."""
    return len(secret) >= MIN_SECRET_BYTES
