"""What became of one action, where several answers share a message: in batches and over the socket."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from ..rules.entry import Receipt
from ..rules.refusals import Refusal, TooMany, Unavailable
from .refusal_status import status_of


class Outcome(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The fields of the single answer, or of a problem."""

    success: bool
    message: str
    new_score: int | UnsetType = UNSET
    leaderboard_position: int | UnsetType | None = UNSET
    replayed: bool | UnsetType = UNSET
    status: int | UnsetType = UNSET
    code: str | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


def message_of(receipt: Receipt) -> str:
    """The yes in words."""
    return "Counted before; nothing was added." if receipt.replayed else f"{receipt.points:+} points"


def counted(receipt: Receipt) -> Outcome:
    """The yes."""
    return Outcome(
        success=True,
        message=message_of(receipt),
        new_score=receipt.score,
        leaderboard_position=receipt.rank,
        replayed=receipt.replayed,
    )


def refused(refusal: Refusal) -> Outcome:
    """The no."""
    return Outcome(
        success=False,
        message=refusal.detail,
        status=status_of(refusal),
        code=refusal.code,
        retry_after=refusal.retry_after if isinstance(refusal, Unavailable | TooMany) else UNSET,
    )
