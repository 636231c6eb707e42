"""What tells people from scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from .ledger import Key


class Spent(Protocol):
    """Captcha answers that have been used, and for what: exact across processes."""

    async def spent_on(self, mark: str) -> Key | None:
        """What this mark was spent on; None when that isn't known yet. Raises StoreUnavailable."""
        ...

    async def spend(self, mark: str, key: Key, until: float) -> bool:
        """Spend the mark on the key. False when it was spent on another one; a repeat is no second time.

        until: seconds since the Unix epoch, when the mark may be forgotten as nobody takes it any more.
        Raises StoreUnavailable.
        """
        ...


class CaptchaProvider(Protocol):
    """Who makes captchas and tells whether an answer is right; whether it was used before is not its care."""

    def offer(self) -> Mapping[str, object]:
        """What a page needs to show one, with `provider` as its name."""
        ...

    def mark(self, answer: str) -> str:
        """What all spellings of this answer have in common.

        Raises CaptchaRequired `captcha_failed` for what can be seen to be none without asking anybody.
        """
        ...

    async def verify(self, answer: str, address: str | None) -> float:
        """Check an answer; the instant (seconds since the Unix epoch) after which it would be refused.

        address: of who gives it. Raises CaptchaRequired `captcha_failed`, Unavailable `captcha_unavailable`.
        """
        ...
