"""Who is asked for a captcha, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct

from ..rules.claims import Identity
from ..rules.entry import Submission
from ..rules.suspicion import Suspicion
from .captcha import Captcha


class Asked(StrEnum):
    """When actions of a type take a captcha."""

    NEVER = "never"
    SUSPICIOUS = "suspicious"
    ALWAYS = "always"


class Wariness(Struct, frozen=True):
    """What there is to know of an action type here. per_minute: its cap, against which a rate is judged."""

    asked: Asked
    per_minute: int


class Vetting:
    """Stands between the gate and the pipeline. Without a captcha it lets everyone pass.

    types: by name of the action type. clock: monotonic seconds.
    """

    def __init__(
        self, captcha: Captcha | None, types: Mapping[str, Wariness], clock: Callable[[], float]
    ) -> None:
        self._captcha = captcha
        self._types = types
        self._clock = clock
        self._suspicion = Suspicion()

    def refused(self, user: str) -> None:
        """Note that this user has met a cap, the flood limit, or came too early with a ticket."""
        if self._captcha is not None:
            self._suspicion.refused(user, self._clock())

    async def vet(
        self, identity: Identity, submission: Submission, answer: str | None, address: str | None
    ) -> None:
        """Take the captcha's answer if one is due; one that nobody asked for is not looked at, nor used up.

        address: where it comes from. Trusted servers are never asked. Raises what `Captcha.check` raises.
        """
        if self._captcha is None or identity.is_trusted:
            return
        user = submission.user
        wariness = self._types[submission.type]
        self._suspicion.claimed(user, submission.type, wariness.per_minute, self._clock())
        if not self._is_due(user, wariness.asked):
            return
        fresh = await self._captcha.check(answer, key=(user, submission.action), address=address)
        # An old answer opens its own action again, and nothing else.
        if fresh:
            self._suspicion.lift(user)

    def _is_due(self, user: str, asked: Asked) -> bool:
        return asked is Asked.ALWAYS or (asked is Asked.SUSPICIOUS and self._suspicion.suspects(user))
