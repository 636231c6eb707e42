"""Tickets: signed leave to claim one action, bound to who, what and when.

A ticket is the action's id. Its text is the base64url of 42 bytes, so of 56 characters without padding or
spare bits:

    not before, ms   6 bytes   since the Unix epoch, big-endian
    not after, ms    6 bytes
    nonce           10 bytes
    signature       20 bytes   HMAC-SHA256 over label, user, type and the 22 bytes before, cut to 160 bits

User and type are signed, but not in it: whoever claims it brings them along. That it is claimed only once is
not this module's work: it is an action id, and the ledger takes each of those once.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from msgspec import Struct

from .refusals import Refusal, TooMany, Unacceptable

NONCE_BYTES = 10
LENGTH = 56
_TIME_BYTES = 6
_SIGNATURE_BYTES = 20
_LABEL = b"scoreboard ticket 1"


class Ticket(Struct, frozen=True):
    """A leave as it was given. not_before, not_after: milliseconds since the Unix epoch, both included."""

    text: str
    not_before: int
    not_after: int


class TicketExpired(Unacceptable):
    """It was good once. What was claimed with it in time stays counted."""

    def __init__(self) -> None:
        super().__init__("ticket_expired", "The ticket has expired; ask for a new one.")


class TicketOffice:
    """Gives tickets and knows its own.

    secrets: the first one signs, each of them is known; at least 32 bytes each.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = [hmac.digest(secret, _LABEL, "sha256") for secret in secrets]

    def give(self, user: str, action_type: str, *, not_before: int, not_after: int, nonce: bytes) -> Ticket:
        """A ticket; times in ms. nonce: 10 random bytes."""
        times = not_before.to_bytes(_TIME_BYTES) + not_after.to_bytes(_TIME_BYTES)
        signed = times + nonce
        text = urlsafe_b64encode(signed + _signature(self._keys[0], user, action_type, signed))
        return Ticket(text.decode(), not_before, not_after)

    def check(self, text: str, user: str, action_type: str, *, now: int) -> None:
        """Whether this user may claim that type with this ticket now (ms since the Unix epoch).

        Raises Unacceptable `ticket_invalid` or `ticket_expired`, TooMany `too_soon`.
        """
        raw = _bytes_of(text)
        signed, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
        known = [
            hmac.compare_digest(_signature(key, user, action_type, signed), signature) for key in self._keys
        ]
        if not any(known):
            raise _invalid()
        not_before = int.from_bytes(signed[:_TIME_BYTES])
        not_after = int.from_bytes(signed[_TIME_BYTES : 2 * _TIME_BYTES])
        if now > not_after:
            raise TicketExpired
        if now < not_before:
            raise TooMany(
                "too_soon", "The action takes longer than that; try again later.", (not_before - now) / 1000
            )


def _bytes_of(text: str) -> bytes:
    if len(text) != LENGTH or not text.isascii():
        raise _invalid()
    try:
        raw = urlsafe_b64decode(text)
    except binascii.Error:
        raise _invalid() from None
    # The decoder passes over what it doesn't know and takes "+" for "-": only one spelling may count.
    if urlsafe_b64encode(raw).decode() != text:
        raise _invalid()
    return raw


def _signature(key: bytes, user: str, action_type: str, signed: bytes) -> bytes:
    # Neither a user id nor the name of a type can contain a zero byte.
    message = b"\0".join((user.encode(), action_type.encode(), signed))
    return hmac.digest(key, message, "sha256")[:_SIGNATURE_BYTES]


def _invalid() -> Refusal:
    return Unacceptable("ticket_invalid", "`actionId` is not a ticket for this user and action type.")
