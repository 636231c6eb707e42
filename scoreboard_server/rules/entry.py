"""The three states of one update, so that a type says how far it got.

`Submission` was asked for, `Entry` is (or is about to be) durable, `Receipt` is the yes.
"""

from __future__ import annotations

from msgspec import Struct


class Submission(Struct, frozen=True, gc=False):
    """What a client asks to be counted: an action of one user."""

    user: str
    action: str
    type: str


class Entry(Struct, frozen=True, gc=False):
    """One immutable line of the ledger.

    points: what the action is worth, from the server's catalogue.
    at: when it was accepted, integer microseconds since the Unix epoch; strictly increasing per process.
    """

    user: str
    action: str
    type: str
    points: int
    at: int


class Receipt(Struct, frozen=True, gc=False):
    """The yes: the user's score and rank (1 = first) with the action counted.

    rank: None when the user isn't on the board, as when what is repeated was counted in a past season.
    replayed: the action had been counted before; nothing was added by this call.
    """

    score: int
    rank: int | None
    points: int
    replayed: bool = False
