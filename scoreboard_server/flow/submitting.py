"""The verb behind every road on which an action comes in."""

from __future__ import annotations

from ..rules.claims import Identity
from ..rules.entry import Receipt
from .gate import Gate
from .pipeline import Pipeline
from .profile_book import ProfileBook
from .vetting import Vetting


class Submitting:
    """Gate, then captcha, then profile, then pipeline."""

    def __init__(self, gate: Gate, vetting: Vetting, profiles: ProfileBook, pipeline: Pipeline) -> None:
        self._gate = gate
        self._vetting = vetting
        self._profiles = profiles
        self._pipeline = pipeline

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
        Raises what `Gate.admit`, `Vetting.vet` and `Pipeline.submit` raise.
        """
        admitted = self._gate.admit(identity, action, action_type, user)
        # SEAM: a repeat of a counted action must be answered as counted, whatever the captcha. Before
        # CaptchaRequired or `captcha_unavailable` leaves here, the ledger is to be asked by key, as for caps.
        await self._vetting.vet(identity, admitted.submission, captcha, address)
        if user is None:
            self._profiles.seen(identity.user, identity.profile)
        return await self._pipeline.submit(admitted.submission, admitted.points)
