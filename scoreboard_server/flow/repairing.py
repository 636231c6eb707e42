"""Repairing: standings that are not what their entries add up to are set right, each with a line in the audit
trail.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..rules.acts import Act
from ..rules.books import Difference
from .deciding import Admin
from .ports import Books

REPAIR = "repair"
_REASON = "was not what its entries add up to"


async def repair(books: Books, admin: Admin, wrong: Iterable[Difference]) -> int:
    """Rebuild these standings; how many of them are right now. Safe to repeat and to interrupt.

    Let the servers know by `books.repaired`, once for all. Raises StoreUnavailable.
    """
    right = 0
    for each in wrong:
        # An entry of no season is no standing's; only who knows how it came about can say whose it is.
        if each.season:
            await books.repair(each.season, each.user, lambda found: _act(admin, found))
            right += 1
    return right


def _act(admin: Admin, found: Difference) -> Act:
    details = {
        "seasonNumber": found.season,
        "before": msgspec.to_builtins(found.standing),
        "after": msgspec.to_builtins(found.ledger),
    }
    return admin.act(REPAIR, found.user, _REASON, details)
