"""What each command prints with --json. Scripts rely on it: a field here is not renamed or taken away."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Time = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
Count = Annotated[int, Meta(ge=0)]
Rank = Annotated[int, Meta(ge=1)]
Figure = Annotated[float, Meta(ge=0)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Shape(Struct, rename="camel", forbid_unknown_fields=True):
    """All of these fields and no other; one that is UNSET by default may be missing."""


class Ready(Shape):
    """`serve`, `demo`: one line, when the server is ready."""

    event: Literal["ready"]
    url: str
    port: int


class Row(Shape):
    """One user on a board; `leaderboard user`."""

    user_id: str
    username: str
    avatar_url: str | None
    score: int
    rank: Rank


class Board(Shape):
    """`leaderboard top`, `leaderboard around`."""

    leaderboard: list[Row]
    total_users: Count
    last_updated: Time | None
    season: str


class Archive(Shape):
    """What is told with the board of a sealed season."""

    sealed_at: Time
    digest: Digest
    edition: Literal["announced", "corrected"]
    corrections: Count


class PastBoard(Board):
    """`leaderboard top --season`, of a sealed one."""

    archive: Archive


class Version(Shape):
    """`leaderboard top --watch`: a line for each published version."""

    epoch: str
    version: Count
    total_users: Count
    leaderboard: list[Row]


class Action(Shape):
    """One line of a user's history. reason: of what an admin has corrected."""

    action_id: str
    action_type: str
    points: int
    at: Time
    total: int
    reason: str | UnsetType = UNSET


class Explained(Shape):
    """`explain`."""

    user_id: str
    score: int | None
    rank: Rank | None
    actions: list[Action]
    next: str | None


class Total(Shape, rename=None):
    """What entries or a standing come to."""

    score: int
    actions: Count
    reached_at: Count


class WrongStanding(Shape):
    """A standing that isn't the fold of its entries."""

    season: Count
    user: str
    ledger: Total | None
    standing: Total | None


class WrongScore(Shape):
    """A score that a server shows and the store doesn't add up to."""

    user: str
    stored: int | None
    shown: int | None


class ArchiveChecked(Shape):
    """A sealed season of `verify`."""

    season: str
    entries: Count
    wrong: list[str]


class Verified(Shape):
    """`verify`."""

    entries: Count
    users: Count
    server: str | None
    standings: list[WrongStanding]
    board: list[WrongScore]
    repaired: Count
    archives: list[ArchiveChecked]
    adds_up: bool


class Finding(Shape):
    """One check of `doctor`."""

    name: str
    state: Literal["ok", "hint", "wrong", "skipped"]
    found: str
    remedy: str | None


class Summary(Shape):
    """How many of them came to what."""

    ok: Count
    hint: Count
    wrong: Count
    skipped: Count
    store_reached: bool | None


class CheckUp(Shape):
    """`doctor`."""

    findings: list[Finding]
    summary: Summary


class Schedule(Shape):
    """When seasons close by themselves."""

    cron: str
    zone: str


class CurrentSeason(Shape, tag_field="state", tag="current"):
    """A season that is open."""

    name: str
    started_at: Time
    ends_at: Time | None
    sealed_at: None
    total_users: Count
    schedule: Schedule | None
    sealed_by: None
    entries: None


class SealedSeason(Shape, tag_field="state", tag="sealed"):
    """A season that is closed. total_users, entries, digest: None while its archive is being written."""

    name: str
    started_at: Time
    ends_at: Time
    sealed_at: Time
    total_users: Count | None
    schedule: Schedule | None
    sealed_by: str
    entries: Count | None
    digest: Digest | None
    corrections: Count


Season = CurrentSeason | SealedSeason
"""One of `season list`."""


class CurrentShown(CurrentSeason, tag="current"):
    """`season show` of the open one."""

    leaderboard: list[Row]


class SealedShown(SealedSeason, kw_only=True, tag="sealed"):
    """`season show` of a closed one. announced, announced_users: where that was corrected since."""

    leaderboard: list[Row]
    announced: list[Row] | UnsetType = UNSET
    announced_users: int | UnsetType = UNSET


SeasonShown = CurrentShown | SealedShown
"""`season show`."""


class ResetRehearsed(Shape):
    """`season reset --dry-run`."""

    dry_run: Literal[True]
    closes: str
    is_closed: bool
    opens: str
    opens_ends_at: Time | None
    leaderboard: list[Row]


class SeasonClosed(Shape):
    """`season reset`."""

    closed: SealedSeason
    opened: CurrentSeason


class EndSet(Shape):
    """`season ends`."""

    season: str
    ends_at: Time | None
    before: Time | None


class ScheduleSet(Shape):
    """`season schedule`."""

    season: str
    schedule: Schedule | None
    next: list[Time]


class Ban(Shape):
    """One of `bans`."""

    user_id: str
    reason: str
    by: str
    since: Time
    until: Time | None
    taken_back_from: Time | None


class Banned(Ban):
    """`ban`."""

    taken_back: Count


class Place(Shape):
    """A place on the board of a rehearsal."""

    user_id: str
    score: int
    rank: Rank


class BanRehearsed(Shape):
    """`ban --dry-run`."""

    dry_run: Literal[True]
    before: list[Place]
    after: list[Place]
    actions: Count
    points: int


class Unbanned(Shape):
    """`unban`."""

    user_id: str
    was_in_force: bool
    given_back: Count


class Adjusted(Shape):
    """`adjust`."""

    season: str
    user_id: str
    points: int
    reason: str
    score: int
    added: bool


class Act(Shape):
    """One of `audit`. details: what else belongs to such an act."""

    at: Time
    by: str
    what: str
    user_id: str | None
    reason: str
    details: dict[str, Any]


class Issued(Shape):
    """`token issue`."""

    token: str
    user_id: str
    scope: list[str]
    expires_at: Time


class Inspected(Shape):
    """`token inspect`. header, claims: what the token says of itself.

    revocations_checked: whether the store was asked for them, and for bans.
    """

    valid: bool
    reason: str | None
    revocations_checked: bool
    header: dict[str, Any]
    claims: dict[str, Any]


class Revoked(Shape):
    """`token revoke`."""

    token_id: str | None
    user_id: str | None


class Load(Shape):
    """What a bench was asked for."""

    server: str | None
    store: str | None
    watchers: Count
    submitters: Count
    seconds: Figure
    rate: Figure | None


class Spread(Shape):
    """Of times, in ms."""

    count: Count
    p50: Figure
    p95: Figure
    p99: Figure
    max: Figure


class Watchers(Shape):
    """What the sockets saw."""

    connected: Count
    lost: Count
    frames_per_watcher: Figure | None
    bytes_per_watcher: Figure | None


class ServerFigures(Shape):
    """What it cost the server."""

    cpu_ms_per_update: Figure | None
    cpu_us_per_recipient: Figure | None
    memory_per_socket: float | None
    cpu_share: Figure | None


class Measured(Shape):
    """`bench`."""

    schema: int
    scoreboard: str
    load: Load
    updates_per_second: Figure
    acknowledged: Count
    errors: dict[str, Count]
    submit_to_acknowledged_ms: Spread | None
    submit_to_seen_ms: Spread | None
    watchers: Watchers
    server: ServerFigures | None
    busiest_generator: Figure
    throughput: list[tuple[Figure, Figure]]


Setting = str | int | float | bool | None | list[str]


class WithOrigin(Shape):
    """A setting of `config show --origin`."""

    value: Setting
    origin: str


class Script(Shape):
    """`completion`."""

    shell: Literal["bash", "zsh", "fish"]
    script: str


class Exported(Shape):
    """`export FILE`."""

    file: str
    lines: Count
    entries: Count
    users: Count
    bans: Count
    acts: Count
    seasons: Count
    sha256: Digest
    digests: dict[str, Digest]


class Imported(Shape):
    """`import FILE`."""

    sha256: Digest
    entries: Count
    users: Count
    bans: Count
    seasons: Count
    digests: dict[str, Digest]
    was_there: bool
    resumed_at: Count


class SeasonOfExport(Shape):
    """One season of `verify --export`; the current one has no digest."""

    name: str
    entries: Count
    users: Count
    digest: Digest | None


class ExportChecked(Shape):
    """`verify --export`."""

    lines: Count
    entries: Count
    users: Count
    bans: Count
    acts: Count
    sha256: Digest
    seasons: list[SeasonOfExport]
    differences: Count
    wrong: list[dict[str, Any]]
    adds_up: bool
