"""Keys that somebody else publishes."""

from __future__ import annotations

from typing import Protocol


class PublishedKeys(Protocol):
    """Keys that somebody else publishes, and may have changed."""

    async def look_again(self) -> None:
        """Have the newest ones trusted, unless that was tried a moment ago.

        Raises Unavailable `keys_unavailable` when there never were any.
        """
        ...
