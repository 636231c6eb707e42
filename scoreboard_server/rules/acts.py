"""Acts: what an admin did, to be told later."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Act(Struct, frozen=True):
    """One line of the audit trail.

    at: µs since the Unix epoch. by: who did it. what: "ban", "unban", "adjust", "revoke", "repair" and so on.
    reason: in the admin's words. details: what else belongs to it, such as how things were before and after.
    """

    at: int
    by: str
    what: str
    user: str | None
    reason: str
    details: Mapping[str, object]
