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


class Correction(Entry, frozen=True, gc=False):
    """An entry that an admin has brought about: it adds or takes points and is no action of the user's.

    reason: the admin's words. of: the action whose points it takes or gives back, None for an adjustment.
    """

    reason: str = ""
    of: str | None = None


# No type of the catalogue, and no action id of a client, can begin with this.
CORRECTION_MARK = "!"
ADJUSTED, TAKEN_BACK, GIVEN_BACK = "!adjusted", "!taken-back", "!given-back"


def is_correction(action_type: str) -> bool:
    """True for the type of a Correction."""
    return action_type.startswith(CORRECTION_MARK)


def reached(action_type: str, at: int) -> int:
    """When the entry moved its user's `reached_at`: at its instant, or never (0) if it is a correction.

    So that taking one back leaves no trace in the order, and who has only corrections is not on the board.
    """
    return 0 if is_correction(action_type) else at


class Receipt(Struct, frozen=True, gc=False):
    """The yes: the user's score and rank (1 = first) with the action counted.

    rank: None when the user isn't on the board, as when what is repeated was counted in a past season.
    replayed: the action had been counted before; nothing was added by this call.
    """

    score: int
    rank: int | None
    points: int
    replayed: bool = False
