"""What the verbs need of the outside, as narrow shapes. `store/` fits them; tests bring small fakes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct

from ..rules import books
from ..rules.acts import Act
from ..rules.bans import Ban
from ..rules.entry import Correction, Entry
from ..rules.history import Place
from ..rules.profiles import Profile
from ..rules.revocations import Revocation
from ..rules.seasons import Season
from ..rules.tallies import Account, DayCount

Key = tuple[str, str]
"""(user, action id): what an entry is unique by."""


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


class Batch(Struct, frozen=True):
    """Entries that one writer appends together. `number` is unique per writer."""

    writer: str
    number: int
    entries: Sequence[Entry]


class Recorded(Struct, frozen=True):
    """What the ledger says of an entry, and whose batch brought it."""

    type: str
    points: int
    writer: str
    batch: int


class Ledger(Protocol):
    """The append-only truth."""

    async def append(self, batch: Batch) -> frozenset[int]:
        """Add the entries that aren't there yet, durable on a majority when this returns.

        Returns the indexes of those that were there already. Repeating a call is safe.
        Raises StoreUnavailable when the outcome is unknown, and EntriesRefused when only some were refused.
        """
        ...

    async def look_up(self, keys: Collection[Key]) -> dict[Key, Recorded]:
        """Majority-committed entries by key; absent ones are left out. Raises StoreUnavailable."""
        ...


class Past(Struct, frozen=True):
    """Entries of one user, newest first. total: the score with the first of them and all older ones."""

    total: int
    entries: Sequence[Entry]


class History(Protocol):
    """Where a user's score came from."""

    async def past(self, user: str, before: Place | None, limit: int) -> Past:
        """Up to `limit` entries of the current season, folded or not, older than the place if one is given.

        All as of one instant. Raises StoreUnavailable.
        """
        ...


class Span(Struct):
    """Ledger and standings of some users, all as of one instant.

    last: the last of them, None when there are no more. entries: how many were folded. season: of now. bans:
    of all users.
    """

    season: int
    last: str | None
    entries: int
    folded: dict[books.Account, books.Total]
    pending: dict[str, books.Total]
    standings: dict[books.Account, books.Total]
    bans: Sequence[Ban] = ()


class Books(Protocol):
    """Ledger and standings side by side."""

    async def entries(self) -> int:
        """About how many entries there are. Raises StoreUnavailable."""
        ...

    async def span(self, after: str, least: int) -> Span:
        """The users behind `after`, in order, until so many entries are read. Raises StoreUnavailable."""
        ...

    async def without_standing(self, users: Collection[str]) -> set[str]:
        """Those of these users of whom nothing is folded this season. Raises StoreUnavailable."""
        ...

    async def repair(self, season: int, user: str) -> None:
        """Make the standing what its entries add up to, in one transaction. Raises StoreUnavailable."""
        ...

    async def repaired(self, now_us: int) -> None:
        """Let every server read its board again. Raises StoreUnavailable."""
        ...


class PendingEntry(Struct, frozen=True, gc=False):
    """An entry that no standing contains yet. `id` is the store's own."""

    id: object
    user: str
    points: int
    at: int
    type: str = ""


class Sum(Struct):
    """What one fold adds to one standing.

    actions, reached_at: how many actions there are among the entries, and the newest `at` of them (µs since
    the Unix epoch).
    """

    points: int
    actions: int
    reached_at: int


Day = tuple[int, str, str]
"""(day since the Unix epoch, user, action type)."""

NO_DAYS: Mapping[Day, DayCount] = MappingProxyType({})


class Standings(Protocol):
    """The folded part of the ledger."""

    async def pending(self, writer: str, limit: int) -> list[PendingEntry]:
        """Up to `limit` pending entries of this writer, oldest first. Raises StoreUnavailable."""
        ...

    async def left_behind(self, writer: str, before: int, limit: int) -> list[PendingEntry]:
        """Up to `limit` pending ones of other writers, older than `before` (µs). Raises StoreUnavailable."""
        ...

    async def fold(
        self, ids: Sequence[object], sums: Mapping[str, Sum], days: Mapping[Day, DayCount] = NO_DAYS
    ) -> bool:
        """In one transaction: stamp exactly these entries with the current season and add the sums to it.

        days: what the entries add to the counts of users' days, beside it.

        False when somebody else has folded some of them (or is doing so): look again. Raises
        StoreUnavailable.
        """
        ...


class Snapshot(Protocol):
    """The board's parts, all as of one instant."""

    @property
    def season(self) -> Season:
        """The current one."""
        ...

    @property
    def position(self) -> object:
        """Opaque: where the change feed goes on from this snapshot without a gap or an overlap."""
        ...

    def standings(self) -> AsyncIterator[tuple[str, int, int]]:
        """`(user, score, reached_at)` of the season. Raises StoreUnavailable."""
        ...

    def pending(self) -> AsyncIterator[tuple[str, int, int, str]]:
        """`(user, points, at, type)` of the entries not folded yet. Raises StoreUnavailable."""
        ...

    def days(self, day: int) -> AsyncIterator[tuple[Account, DayCount]]:
        """What was folded of each user and type on that day (since the Unix epoch).

        Raises StoreUnavailable.
        """
        ...

    def bans(self) -> AsyncIterator[Ban]:
        """Those that no admin has lifted. Raises StoreUnavailable."""
        ...

    def revocations(self) -> AsyncIterator[Revocation]:
        """Those that may still matter. Raises StoreUnavailable."""
        ...


class Snapshots(Protocol):
    """Where a board is read from."""

    def snapshot(self) -> AbstractAsyncContextManager[Snapshot]:
        """One consistent view. Raises StoreUnavailable on entering."""
        ...


class EntryAppended(Struct, frozen=True, gc=False):
    """Another process appended an entry."""

    user: str
    points: int
    at: int
    type: str = ""


class ProfileChanged(Struct, frozen=True):
    """A user is shown differently now; a None in the profile means that this part has not changed."""

    user: str
    profile: Profile


class SeasonChanged(Struct, frozen=True):
    """Another season is current, or the standings of this one were repaired."""


class MarkSeen(Struct, frozen=True):
    """Our own mark came back: everything written before it has been seen."""

    number: int


class BanChanged(Struct, frozen=True):
    """A user was banned or a ban was lifted."""

    ban: Ban


class TokensRevoked(Struct, frozen=True):
    """Some tokens are refused from now on."""

    revocation: Revocation


Change = EntryAppended | ProfileChanged | SeasonChanged | MarkSeen | BanChanged | TokensRevoked


class Feed(Protocol):
    """What other processes have done, in order."""

    def follow(self, position: object, writer: str) -> AsyncGenerator[Change, None]:
        """Every change after `position` that isn't `writer`'s own entry.

        Survives lost connections by itself; raises HistoryLost when it can't go on.
        """
        ...

    async def mark(self, writer: str, number: int) -> None:
        """Write a mark, which will come back as MarkSeen. Raises StoreUnavailable."""
        ...


class Spent(Protocol):
    """Captcha answers that have been used, and for what: exact across processes."""

    async def spent_on(self, mark: str) -> Key | None:
        """What this mark was spent on; None when that isn't known yet. Raises StoreUnavailable."""
        ...

    async def spend(self, mark: str, key: Key, until: float) -> bool:
        """Spend the mark on the key. False when it was spent on another one; a repeat is no second time.

        until: seconds since the Unix epoch, when the mark may be forgotten as nobody takes it any more.
        Raises StoreUnavailable.
        """
        ...


class CaptchaProvider(Protocol):
    """Who makes captchas and tells whether an answer is right; whether it was used before is not its care."""

    def offer(self) -> Mapping[str, object]:
        """What a page needs to show one, with `provider` as its name."""
        ...

    def mark(self, answer: str) -> str:
        """What all spellings of this answer have in common. Raises CaptchaRequired `captcha_failed`."""
        ...

    async def verify(self, answer: str, address: str | None) -> float:
        """Check an answer; the instant (seconds since the Unix epoch) after which it would be refused.

        address: of who gives it. Raises CaptchaRequired `captcha_failed`, Unavailable `captcha_unavailable`.
        """
        ...


class ProfileStore(Protocol):
    """How users are shown."""

    async def load(self, users: Collection[str]) -> dict[str, Profile]:
        """The profiles kept of these users; unknown ones are left out. Raises StoreUnavailable."""
        ...

    async def save(self, profiles: Mapping[str, Profile]) -> None:
        """Keep what each profile tells; a None in it leaves what was kept. Raises StoreUnavailable."""
        ...


class PublishedKeys(Protocol):
    """Keys that somebody else publishes, and may have changed."""

    async def look_again(self) -> None:
        """Have the newest ones trusted, unless that was tried a moment ago.

        Raises Unavailable `keys_unavailable` when there never were any.
        """
        ...


class ToCorrect(Struct, frozen=True):
    """An action of which not all of its points count, or not none: as it should be.

    points: what is missing.
    """

    action: str
    points: int


class Moderation(Protocol):
    """What admins have decided, each time with who, when and why in the audit trail.

    Every method raises StoreUnavailable.
    """

    async def ban_of(self, user: str) -> Ban | None:
        """The user's newest ban, lifted or not."""
        ...

    async def bans(self) -> list[Ban]:
        """All that no admin has lifted."""
        ...

    async def put_ban(self, ban: Ban, act: Act) -> None:
        """Keep this as the user's newest ban."""
        ...

    async def revoke(self, revocation: Revocation, act: Act) -> None:
        """Have these tokens refused."""
        ...

    async def adjust(self, adjustment: Correction, act: Act, writer: str) -> bool:
        """Append it to the ledger, if it isn't there; whether it wasn't."""
        ...

    async def to_take_back(self, ban: Ban, limit: int) -> list[ToCorrect]:
        """Actions of this season since `ban.taken_back_from` of which some points count."""
        ...

    async def to_give_back(self, ban: Ban, limit: int) -> list[ToCorrect]:
        """Actions of this season of which some points were taken back."""
        ...

    async def correct(self, ban: Ban, corrections: Sequence[Correction], writer: str) -> bool:
        """Append them if this ban, lifted or not as it is here, is still the user's newest; whether it was.

        In one transaction; left out are those that are there already, and those of actions that are not of
        the current season any more.
        """
        ...
