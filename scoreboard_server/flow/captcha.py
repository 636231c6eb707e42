"""A captcha: one answer is good for one action."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial

from ..rules.refusals import CaptchaRequired, Unavailable
from .few_at_once import FewAtOnce, NotReached
from .lasting import Lasting
from .pipeline import PATIENCE_S
from .ports import CaptchaProvider, Key, Spent

_RETRY_AFTER_S = 5
# Of the driver's threads, most of which the pipeline, folding and the feed need.
_STORE_CALLS_AT_ONCE = 4
# So many may be right and wait for the store to be noted.
_VERIFIED = 10_000

_Use = tuple[str, Key]
"""A captcha's answer, and the action that it is given for."""


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


def _away() -> NotReached:
    return NotReached(
        "store_unavailable",
        "The store does not answer; this request has added nothing. Repeat the same id.",
        2,
    )


def _crowded() -> NotReached:
    return NotReached("overloaded", "Too many captchas are being checked; repeat the same id in a moment.")


class Captcha:
    """What a provider makes and checks, used up by the first action that it is given for.

    is_cut_off: whether the store is known to be away.
    """

    def __init__(self, provider: CaptchaProvider, spent: Spent, is_cut_off: Callable[[], bool]) -> None:
        self._provider = provider
        self._spent = spent
        self._is_cut_off = is_cut_off
        self._store = FewAtOnce(_STORE_CALLS_AT_ONCE, PATIENCE_S, away=_away, crowded=_crowded)
        self._lasting = Lasting()
        self._uses: dict[_Use, asyncio.Task[bool]] = {}
        self._verified: OrderedDict[_Use, float] = OrderedDict()

    def offer(self) -> Mapping[str, object]:
        """What a page needs to show one."""
        return self._provider.offer()

    async def check(self, answer: str | None, *, key: Key, address: str | None, deadline: float) -> bool:
        """Take the answer for the action `key`. True when this was its first use; a repeat of the same action
        may bring it again, as the first reply may have been lost.

        address: of who gives it. deadline: in the loop's time. Raises CaptchaRequired `captcha_required` or
        `captcha_failed`, Unavailable `captcha_unavailable`, NotReached.
        """
        if not answer:
            raise CaptchaRequired(
                "captcha_required",
                "This takes a captcha: solve what GET /api/captcha offers, and repeat with it as `captcha`.",
            )
        mark = self._provider.mark(answer)
        if self._is_cut_off():
            raise _away()
        if (mark, key) not in self._uses:
            # Asked first: a service takes an answer only once, so it would refuse the repeat of an action.
            earlier = await self._store.call(partial(self._spent.spent_on, mark), deadline)
            if earlier is not None:
                if earlier != key:
                    raise failed()
                return False
        return await self._store.result(self._use(mark, answer, key, address), deadline)

    def _use(self, mark: str, answer: str, key: Key, address: str | None) -> asyncio.Task[bool]:
        """Have it checked and spent, once for all who ask.

        Also when they leave meanwhile: a service has taken it then, and unless it is noted for what it was
        taken, a repeat of the action would be refused.
        """
        use = self._uses.get((mark, key))
        if use is None:
            use = self._uses[mark, key] = self._lasting.start(
                self._check_and_spend(mark, answer, key, address)
            )
            use.add_done_callback(lambda _: self._uses.pop((mark, key)))
        return use

    async def _check_and_spend(self, mark: str, answer: str, key: Key, address: str | None) -> bool:
        until = self._verified.get((mark, key))
        if until is None:
            until = await self._provider.verify(answer, address)
            self._keep_verified((mark, key), until)
        deadline = asyncio.get_running_loop().time() + PATIENCE_S  # for a place; then it takes what it takes
        is_first = await self._store.start(partial(self._spent.spend, mark, key, until), deadline)
        self._verified.pop((mark, key), None)
        if not is_first:
            raise failed()
        return True

    def _keep_verified(self, use: _Use, until: float) -> None:
        """A service takes an answer once: if it can't be noted now, a repeat is not to ask there again."""
        if len(self._verified) >= _VERIFIED:
            self._verified.popitem(last=False)
        self._verified[use] = until
