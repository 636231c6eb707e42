"""Who is asked for a captcha, and when."""

from __future__ import annotations

from collections.abc import Callable

from ..rules.action_types import Asked, Catalogue
from ..rules.claims import Identity
from ..rules.entry import Submission
from ..rules.suspicion import Suspicion
from .captcha import Captcha


class Vetting:
    """Stands between the gate and the pipeline. Without a captcha it lets everyone pass.

    clock: monotonic seconds.
    """

    def __init__(self, captcha: Captcha | None, catalogue: Catalogue, clock: Callable[[], float]) -> None:
        self._captcha = captcha
        self._catalogue = catalogue
        self._clock = clock
        self._suspicion = Suspicion()

    def refused(self, user: str) -> None:
        """Note that this user has met a cap, the flood limit, or came too early with a ticket."""
        if self._captcha is not None:
            self._suspicion.refused(user, self._clock())

    async def vet(
        self,
        identity: Identity,
        submission: Submission,
        answer: str | None,
        address: str | None,
        *,
        deadline: float,
    ) -> None:
        """Take the captcha's answer if one is due; one that nobody asked for is not looked at, nor used up.

        address: where it comes from. deadline: in the loop's time. Trusted servers are never asked. Raises
        what `Captcha.check` raises.
        """
        if self._captcha is None or identity.is_trusted:
            return
        user = submission.user
        kind = self._catalogue.find(submission.type)
        self._suspicion.claimed(user, kind.name, kind.per_minute, self._clock())
        if not self._is_due(user, kind.captcha):
            return
        key = (user, submission.action)
        fresh = await self._captcha.check(answer, key=key, address=address, deadline=deadline)
        # An old answer opens its own action again, and nothing else.
        if fresh:
            self._suspicion.lift(user)

    def _is_due(self, user: str, asked: Asked) -> bool:
        return asked is Asked.ALWAYS or (asked is Asked.SUSPICIOUS and self._suspicion.suspects(user))
