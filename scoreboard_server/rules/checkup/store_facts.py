"""What can be asked of a store without changing it, without a word of its driver."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from .machine import Disk


class Topology(StrEnum):
    """What answers at the store's address."""

    STANDALONE = "a standalone server"
    UNINITIATED = "a replica set that was never initiated"
    REPLICA_SET = "a replica set"
    SHARDED = "a sharded cluster"


class Member(Struct, frozen=True):
    """One of a replica set. state: PRIMARY, SECONDARY, ARBITER, DOWN…"""

    name: str
    state: str
    is_healthy: bool


class Oplog(Struct, frozen=True):
    """The log that change feeds read. span_s: from its oldest to its newest entry."""

    span_s: float
    is_full: bool


class ServerFacts(Struct, frozen=True):
    """Of the database server or cluster. None: it doesn't tell us.

    refusal: why a score board can't use it at all, with the remedy. default_w: what the cluster takes for an
    acknowledgement where a client says nothing. ahead_s: its clock against this machine's, give or take
    unsure_s.
    """

    version: str | None
    topology: Topology
    ahead_s: float
    unsure_s: float
    refusal: str | None = None
    name: str | None = None
    members: Sequence[Member] | None = None
    default_w: str | None = None
    oplog: Oplog | None = None


class DatabaseFacts(Struct, frozen=True):
    """Of the score board's own database. is_made: whether any server has ever used it.

    is_partial: whether an import was begun and has not come to its end.
    shape: the newest of its documents'; newer: what to do where that is beyond this version.
    missing, changed, foreign: indexes and collections against what a start makes. left_behind: entries that
    have been pending for long, counted up to a bound.
    """

    is_made: bool
    has_season: bool
    is_partial: bool
    shape: int
    newer: str | None
    missing: Sequence[str]
    changed: Sequence[str]
    foreign: Sequence[str]
    left_behind: int
    disk: Disk | None
