"""How users are shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from ...rules.profiles import Profile


class ProfileStore(Protocol):
    """How users are shown."""

    async def load(self, users: Collection[str]) -> dict[str, Profile]:
        """The profiles kept of these users; unknown ones are left out. Raises StoreUnavailable."""
        ...

    async def save(self, profiles: Mapping[str, Profile]) -> None:
        """Keep what each profile tells; a None in it leaves what was kept. Raises StoreUnavailable."""
        ...
