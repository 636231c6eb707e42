"""The verb behind every road on which an action comes in."""

from __future__ import annotations

from ..rules.claims import Identity
from ..rules.entry import Receipt
from .gate import Gate
from .pipeline import Pipeline
from .profile_book import ProfileBook


class Submitting:
    """Gate, then profile, then pipeline."""

    def __init__(self, gate: Gate, profiles: ProfileBook, pipeline: Pipeline) -> None:
        self._gate = gate
        self._profiles = profiles
        self._pipeline = pipeline

    async def submit(
        self, identity: Identity, action: str, action_type: str, user: str | None = None
    ) -> Receipt:
        """Have the identity's action counted; `user` is whom a trusted server submits for.

        Raises what `Gate.admit` and `Pipeline.submit` raise.
        """
        admitted = self._gate.admit(identity, action, action_type, user)
        if user is None:
            self._profiles.seen(identity.user, identity.profile)
        return await self._pipeline.submit(admitted.submission, admitted.points)
