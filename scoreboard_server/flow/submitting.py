"""The verb behind every road on which an action comes in."""

from __future__ import annotations

from collections.abc import Callable

from ..rules.claims import Identity
from ..rules.entry import Receipt
from ..rules.refusals import Refusal, TooMany, Unavailable
from .counts import Submissions
from .few_at_once import NotReached
from .gate import Admitted, Claim, Gate
from .pipeline import Pipeline
from .profile_book import ProfileBook
from .vetting import Vetting


class Submitting:
    """Gate, then captcha, then profile, then pipeline: one deadline for all that waits for the store.

    check_token: raises Unauthenticated when the token that an identity comes from is no longer good.
    """

    def __init__(
        self,
        check_token: Callable[[Identity], None],
        gate: Gate,
        vetting: Vetting,
        profiles: ProfileBook,
        pipeline: Pipeline,
    ) -> None:
        self._check_token = check_token
        self._gate = gate
        self._vetting = vetting
        self._profiles = profiles
        self._pipeline = pipeline
        self.counts = Submissions()

    async def submit(
        self,
        identity: Identity,
        action: str,
        action_type: str,
        user: str | None = None,
        *,
        captcha: str | None = None,
        address: str | None = None,
    ) -> Receipt:
        """Have the identity's action counted; `user` is whom a trusted server submits for.

        captcha: an answer, if one was asked for. address: where the submission comes from.
        Raises what `Gate.claim`, `Gate.admit`, `Vetting.vet`, `check_token` and `Pipeline.submit` raise.
        """
        try:
            claim = self._gate.claim(identity, action, action_type, user)
            receipt = await self._submit(identity, claim, user, captcha, address)
        except Refusal:
            self.counts.refused += 1
            raise
        if receipt.replayed:
            self.counts.repeated += 1
        else:
            self.counts.counted += 1
        return receipt

    async def _submit(
        self, identity: Identity, claim: Claim, user: str | None, captcha: str | None, address: str | None
    ) -> Receipt:
        deadline = self._pipeline.deadline()
        try:
            admitted = self._gate.admit(claim)
        except Refusal as refusal:
            return await self._counted_before(claim, refusal, deadline)
        try:
            await self._vetting.vet(identity, claim.submission, captcha, address, deadline=deadline)
        except BaseException as refusal:
            self._gate.settle(admitted, counted=False)
            # Whoever has asked the store in vain would ask it for a repeat in vain.
            if not isinstance(refusal, Refusal) or isinstance(refusal, NotReached):
                raise
            return await self._counted_before(claim, refusal, deadline)
        self._check_still_welcome(identity, admitted)
        if user is None:
            self._profiles.seen(identity.user, identity.profile)
        return await self._count(admitted, deadline)

    def _check_still_welcome(self, identity: Identity, admitted: Admitted) -> None:
        """A ban or a revocation may have come while an answer was checked. Raises Banned, Unauthenticated."""
        try:
            self._check_token(identity)
            self._gate.check_welcome(admitted.submission.user)
        except Refusal:
            self._gate.settle(admitted, counted=False)
            raise

    async def _counted_before(self, claim: Claim, refusal: Refusal, deadline: float) -> Receipt:
        """The answer to a repeat, which nothing may refuse; only here is the ledger asked for one.

        Time brings about every refusal there is: caps fill up, tickets expire, types are taken off the
        catalogue or ask for another proof, the secret that has signed a ticket is replaced.
        """
        receipt = await self._pipeline.recall(claim.submission, deadline)
        if receipt is not None:
            return receipt
        if isinstance(refusal, TooMany) and not claim.is_trusted:
            self._vetting.refused(claim.submission.user)
        raise refusal

    async def _count(self, admitted: Admitted, deadline: float) -> Receipt:
        counted = True  # as far as anybody can know, also when the store does not answer
        try:
            receipt = await self._pipeline.submit(admitted.submission, admitted.points, deadline)
            counted = not receipt.replayed
        except Refusal as refusal:
            counted = isinstance(refusal, Unavailable) and refusal.may_be_done
            raise
        finally:
            self._gate.settle(admitted, counted=counted)
        return receipt
