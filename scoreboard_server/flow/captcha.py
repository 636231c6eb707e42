"""A captcha: one answer is good for one action."""

from __future__ import annotations

from collections.abc import Mapping

from ..rules.refusals import CaptchaRequired, Unavailable
from .ports import CaptchaProvider, Key, Spent, StoreUnavailable

_RETRY_AFTER_S = 5


def failed() -> CaptchaRequired:
    """The no to an answer; it doesn't tell a guesser what was wrong with it."""
    return CaptchaRequired(
        "captcha_failed", "The captcha's answer is wrong, too old or used; solve a new one and repeat."
    )


def unavailable() -> Unavailable:
    """Nobody can tell whether the answer is right: that is a no, if a passing one."""
    return Unavailable(
        "captcha_unavailable",
        "The captcha's answer can't be checked now; repeat the same id in a moment.",
        _RETRY_AFTER_S,
    )


class Captcha:
    """What a provider makes and checks, used up by the first action that it is given for."""

    def __init__(self, provider: CaptchaProvider, spent: Spent) -> None:
        self._provider = provider
        self._spent = spent

    def offer(self) -> Mapping[str, object]:
        """What a page needs to show one."""
        return self._provider.offer()

    async def check(self, answer: str | None, *, key: Key, address: str | None) -> bool:
        """Take the answer for the action `key`. True when this was its first use; a repeat of the same action
        may bring it again, as the first reply may have been lost.

        address: of who gives it. Raises CaptchaRequired `captcha_required` or `captcha_failed`, Unavailable
        `captcha_unavailable`.
        """
        if not answer:
            raise CaptchaRequired(
                "captcha_required",
                "This takes a captcha: solve what GET /api/captcha offers, and repeat with it as `captcha`.",
            )
        try:
            return await self._take(answer, key, address)
        except StoreUnavailable:
            raise unavailable() from None

    async def _take(self, answer: str, key: Key, address: str | None) -> bool:
        mark = self._provider.mark(answer)
        # Asked first: a service takes an answer only once, so it would refuse the repeat of an action.
        earlier = await self._spent.spent_on(mark)
        if earlier is not None:
            if earlier != key:
                raise failed()
            return False
        until = await self._provider.verify(answer, address)
        if not await self._spent.spend(mark, key, until):
            raise failed()
        return True
