"""The lines of an export: one JSON object each, of which there is exactly one spelling.

That is the form of `rules.canonical`: keys in order, no space, UTF-8, a line feed at the end. Lines of a
sealed season are exactly those of its canonical export.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from ..canonical import LARGEST

KIND, VERSION = "scoreboard-export", 1

Number = Annotated[int, Meta(ge=-LARGEST, le=LARGEST)]
Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Positive = Annotated[int, Meta(ge=1, le=LARGEST)]
UserId = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.:@-]{1,64}\Z")]
SeasonName = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.:-]{1,64}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class _Line(
    Struct, frozen=True, rename="camel", tag_field="kind", forbid_unknown_fields=True, omit_defaults=True
):
    """One of them. Times are in µs since the Unix epoch."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What lines of one kind are in order by."""
        return ()


class Header(_Line, frozen=True, tag=KIND):
    """The first. at: when it was begun. instant: what of the store it shows, in the store's own words."""

    v: Count
    at: Count
    instant: str


class SealLine(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How a season ended; see `rules.seasons`."""

    at: Count
    by: str
    corrections: Count
    users: Count
    entries: Count
    last_at: Count
    digest: Sha256


class ScheduleLine(Struct, frozen=True, forbid_unknown_fields=True):
    """See `rules.schedules`."""

    cron: str
    zone: str


class About(_Line, frozen=True, tag="about"):
    """A season, as it was then. seal: None for the current one, which is the last."""

    number: Positive
    name: SeasonName
    started_at: Count
    ends_at: Count | None
    schedule: ScheduleLine | None
    seal: SealLine | None

    @property
    def key(self) -> tuple[Any, ...]:
        """See `_Line.key`."""
        return (self.number,)


class UserLine(_Line, frozen=True, tag="user"):
    """How a user is shown."""

    user: UserId
    name: str | None = None
    avatar: str | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """See `_Line.key`."""
        return (self.user,)


class BanLine(_Line, frozen=True, tag="ban"):
    """A user's newest ban, lifted or not."""

    user: UserId
    id: str
    reason: str
    by: str
    since: Count
    until: Count | None = None
    taken_back_from: Count | None = None
    lifted_at: Count | None = None
    reached_from: Count | None = None
    pardoned_at: Count | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """See `_Line.key`."""
        return (self.user,)


class RevocationLine(_Line, frozen=True, tag="revocation"):
    """Tokens that are refused."""

    at: Count
    until: Count
    token: str | None = None
    user: str | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """See `_Line.key`."""
        return (self.token or "", self.user or "")


class ActLine(_Line, frozen=True, tag="act"):
    """A line of the audit trail."""

    at: Number
    by: str
    what: str
    user: str | None
    reason: str
    details: dict[str, Any]

    @property
    def key(self) -> tuple[Any, ...]:
        """See `_Line.key`."""
        return (self.at,)


class EntryLine(_Line, frozen=True, tag="entry"):
    """A line of the ledger; of a correction also why, and of which action."""

    user: UserId
    action: str
    type: str
    points: Number
    at: Count
    reason: str | UnsetType = UNSET
    of: str | UnsetType = UNSET

    @property
    def key(self) -> tuple[Any, ...]:
        """See `_Line.key`."""
        return (self.user, self.action)


class LateLine(_Line, frozen=True, tag="late"):
    """A correction that came when its season was sealed."""

    season: Positive
    user: UserId
    action: str
    type: str
    points: Number
    at: Count
    reason: str
    of: str | UnsetType = UNSET

    @property
    def key(self) -> tuple[Any, ...]:
        """See `_Line.key`."""
        return (self.season, self.user, self.action)


class CurrentLine(_Line, frozen=True, tag="current"):
    """Here the entries of the current season begin."""

    number: Positive


class SeasonLine(_Line, frozen=True, tag="season"):
    """Here those of a sealed one begin."""

    number: Positive
    name: SeasonName
    started_at: Count
    sealed_at: Count


class HiddenLine(_Line, frozen=True, tag="hidden"):
    """Who was banned when the season was sealed."""

    user: UserId

    @property
    def key(self) -> tuple[Any, ...]:
        """See `_Line.key`."""
        return (self.user,)


class StandingLine(_Line, frozen=True, tag="standing"):
    """A row of the announced board."""

    rank: Positive
    user: UserId
    score: Number
    reached_at: Positive

    @property
    def key(self) -> tuple[Any, ...]:
        """See `_Line.key`."""
        return (-self.score, self.reached_at, self.user, self.rank)


class TotalLine(_Line, frozen=True, tag="total"):
    """What the store says that a user's entries of the season add up to, on the board or not."""

    user: UserId
    score: Number
    actions: Count
    reached_at: Count

    @property
    def key(self) -> tuple[Any, ...]:
        """See `_Line.key`."""
        return (self.user,)


class DigestLine(_Line, frozen=True, tag="digest"):
    """The end of a sealed season. sha256: of its lines but the totals."""

    number: Positive
    sha256: Sha256


class End(_Line, frozen=True, tag="end"):
    """The last line. lines: before it. sha256: of them all."""

    lines: Count
    entries: Count
    users: Count
    bans: Count
    acts: Count
    seasons: Count
    sha256: Sha256


Line = (
    Header
    | About
    | UserLine
    | BanLine
    | RevocationLine
    | ActLine
    | LateLine
    | CurrentLine
    | SeasonLine
    | EntryLine
    | HiddenLine
    | StandingLine
    | TotalLine
    | DigestLine
    | End
)
