"""How a store fails."""

from __future__ import annotations

from collections.abc import Mapping


class StoreUnavailable(Exception):  # noqa: N818 -- a state of the world, which every caller handles
    """The store did not answer, or its answer was lost: what was asked may or may not have happened."""


class EntriesRefused(Exception):  # noqa: N818 -- as above
    """The store will not take some entries of a batch, and never will; it has taken all the others.

    why: what it says of each, by its index.
    """

    def __init__(self, why: Mapping[int, str]) -> None:
        super().__init__(next(iter(why.values())))
        self.why = why


class HistoryLost(Exception):  # noqa: N818 -- as above
    """The change feed can't go on from where it was; the board must be read again."""


class SeasonEnded(Exception):  # noqa: N818 -- as above
    """The season that something was to be done to is not the current one any more."""


class SeasonReset(Exception):  # noqa: N818 -- as above
    """The current season has another end or schedule than was thought."""


class StillPending(Exception):  # noqa: N818 -- as above
    """More is pending than one transaction should fold."""
