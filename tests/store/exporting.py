"""A store with everything in it that an export tells, and exports of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from scoreboard_server.flow.archiving import catch_up
from scoreboard_server.flow.checking_exports import CheckedExport, check_export
from scoreboard_server.flow.deciding import Admin
from scoreboard_server.flow.exporting import ExportStore, export
from scoreboard_server.flow.importing import Imported, ImportStore, import_lines
from scoreboard_server.flow.looking import look
from scoreboard_server.live.reader import View
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.entry import ADJUSTED, Correction
from scoreboard_server.rules.exports.order import Progress
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.revocations import Revocation
from scoreboard_server.rules.schedules import Schedule
from scoreboard_server.rules.seasons import Seal, Season
from scoreboard_server.store.opening import Store

from .conftest import NOW_US
from .given import batch, entry, fold_pending

ACT = Act(NOW_US, "root", "x", None, "why", {"before": {"score": 5, "at": NOW_US}, "list": [1, None, "é"]})
ADMIN = Admin("root", "admin-test", lambda: NOW_US + 1_000)
SCHEDULE = Schedule("0 0 * * 1", "Europe/Berlin")
FIRST = Season(1, "season-1", NOW_US)
SECOND = Season(2, "two", NOW_US + 10, NOW_US + 500, SCHEDULE)
THIRD = Season(3, "three", NOW_US + 20, NOW_US + 900, SCHEDULE)


async def fill(store: Store) -> None:
    """Two sealed seasons, of which the first was corrected in every way, and a current one, half folded."""
    moderation = store.moderation
    assert moderation is not None
    await store.profiles.save({"ann": Profile("Ann", "https://x.test/a.png"), "ben": Profile("Бен 👩‍👧")})
    await store.ledger.append(
        batch(
            entry("ann", "a1", 30, 5),
            entry("ben", "b1", 20, 7),
            entry("cem", "c1", 20, 6),
            entry("eve", "e1", 99, 1),
            entry("fay", "f1", 50, 2),
            entry("gus", "g1", 60, 3),
            Correction("dan", "!adjusted/1", ADJUSTED, 50, 8, "why"),
        )
    )
    for user in ("eve", "fay"):
        await moderation.put_ban(Ban(user, "b0", "x", "root", 1), ACT)
    assert await store.seasons.seal(structs.replace(FIRST, seal=Seal(NOW_US + 10, "root")), SECOND, ACT)
    await catch_up(store.seasons, store.archives)
    await moderation.put_ban(Ban("fay", "b0", "x", "root", 1, lifted_at=NOW_US + 11), ACT)
    await moderation.put_ban(Ban("gus", "b1", "x", "root", NOW_US + 12, taken_back_from=1), ACT)
    late = Correction("ann", "!adjusted/9", ADJUSTED, -15, NOW_US + 13, "late")
    assert await moderation.adjust(late, 1, ACT, "admin")
    await catch_up(store.seasons, store.archives)
    await store.ledger.append(batch(entry("ann", "a2", 5, NOW_US + 14), entry("hal", "h1", 7, NOW_US + 15)))
    assert await store.seasons.seal(structs.replace(SECOND, seal=Seal(NOW_US + 20, "schedule")), THIRD, ACT)
    await catch_up(store.seasons, store.archives)
    await moderation.revoke(Revocation(NOW_US / 1e6, NOW_US / 1e6 + 1e9, "jti", None), ACT)
    await moderation.revoke(Revocation(NOW_US / 1e6, NOW_US / 1e6 + 1e9, None, "ann"), ACT)
    await store.ledger.append(batch(entry("ben", "b2", 3, NOW_US + 21), entry("ian", "i1", 3, NOW_US + 22)))
    await fold_pending(store.standings)
    await store.ledger.append(
        batch(
            entry("ben", "b3", 4, NOW_US + 24), entry("amy", "z1", 4, NOW_US + 23), entry("zoe", "z1", 1, 9)
        )
    )


def source(store: Store) -> ExportStore:
    """What an export reads of it."""
    assert store.originals is not None
    return ExportStore(store.originals, store.seasons, store.archives)


async def exported(store: Store, before: Sequence[bytes] = ()) -> list[bytes]:
    """An export, gone on with behind these lines."""
    progress, lines = Progress(), list(before)
    for raw in before:
        progress.read(raw)
    await export(source(store), progress, lines.append, now_us=NOW_US)
    return lines


def checked(lines: Sequence[bytes]) -> CheckedExport:
    """What it comes to, which is that it agrees."""
    found = check_export(lines)
    assert (found.differences, found.wrong) == (0, [])
    return found


async def imported(store: Store, lines: Sequence[bytes]) -> Imported:
    """Put it into the store."""
    assert store.copies is not None
    into = ImportStore(store.copies, store.archives)
    return await import_lines(into, ADMIN, lines, check_export(lines).end)


async def boards(store: Store) -> dict[str, Any]:
    """Every board that the store shows, whole, and each user's own story."""
    views: dict[str, Any] = {}
    for season in await store.seasons.all():
        for announced in (False, True) if season.seal is not None else (False,):
            view = View(1_000, season=season.name, announced=announced)
            views[f"{season.name} {announced}"] = await look(store, view, NOW_US + 100)
    current = views[f"{(await store.seasons.all())[0].name} False"]
    for row in current["leaderboard"]:
        past = await store.history.past(row["userId"], None, 100)
        views[row["userId"]] = (past.total, list(past.entries))
    return views
