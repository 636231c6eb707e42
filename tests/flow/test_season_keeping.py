"""Keeping seasons: what a wish becomes, however often and wherever it is begun again."""

from __future__ import annotations

import itertools

import pytest
from msgspec import structs

from scoreboard_server.flow import season_keeping
from scoreboard_server.flow.deciding import Admin
from scoreboard_server.flow.ports import SeasonEnded, StoreUnavailable
from scoreboard_server.flow.season_keeping import SeasonStore, name_after, named, numbered, reset
from scoreboard_server.rules.board import Standing
from scoreboard_server.rules.refusals import NotFound, Unacceptable
from scoreboard_server.rules.schedules import Schedule
from scoreboard_server.rules.seasons import Season, first_season

from .seasons import FakeArchives, FakeSeasons, LeftBehind

HOUR_US = 3_600_000_000


class SetUp:
    """A store with one season, and an admin whose clock moves with each look at it."""

    def __init__(self, season: Season | None = None) -> None:
        clock = itertools.count(1000)
        self.seasons = FakeSeasons(season or first_season(1))
        self.archives = FakeArchives(self.seasons, [Standing("ann", 10, 5, 1)])
        self.standings = LeftBehind(2)
        self.store = SeasonStore(self.seasons, self.archives, self.standings)
        self.admin = Admin("root", "w", lambda: next(clock))


@pytest.fixture
def setup() -> SetUp:
    """Afresh."""
    return SetUp()


async def test_a_reset_seals_archives_and_opens(setup: SetUp) -> None:
    """With one line in the trail; the wish stays until it is reported."""
    closed = await reset(setup.store, setup.admin)
    assert (closed.sealed.name, closed.following.name, closed.by) == ("season-1", "season-2", "root")
    assert closed.sealed.seal is not None and closed.sealed.seal.archive is not None
    assert (closed.sealed.seal.archive.users, closed.sealed.seal.archive.last_at) == (1, 5)
    assert closed.following.started_at == closed.sealed.seal.at
    (act,) = setup.seasons.acts
    assert (act.what, act.details["season"], act.details["next"]) == ("season reset", "season-1", "season-2")
    assert setup.seasons.wish is not None


async def test_asked_again_it_finishes_and_closes_no_second_one(setup: SetUp) -> None:
    """Until whoever wished it was told, whatever they ask for now."""
    first = await reset(setup.store, setup.admin, name="spring")
    for name in ("spring", "autumn", None):
        assert await reset(setup.store, setup.admin, name=name) == first
    assert len(setup.seasons.kept) == 2
    await setup.seasons.reported(1)
    third = await reset(setup.store, setup.admin, name="autumn")
    assert (third.sealed.name, third.following.name) == ("spring", "autumn")


async def test_a_season_that_is_named_by_its_number_is_closed_once(setup: SetUp) -> None:
    """Also long after it was reported."""
    first = await reset(setup.store, setup.admin, number=1)
    await setup.seasons.reported(1)
    assert await reset(setup.store, setup.admin, number=1) == first
    assert len(setup.seasons.kept) == 2
    with pytest.raises(NotFound):
        await reset(setup.store, setup.admin, number=7)


async def test_a_name_that_the_current_season_has_was_given_by_this_very_wish(setup: SetUp) -> None:
    """Whoever gave it and did not hear of it is told, and closes nothing."""
    first = await reset(setup.store, setup.admin, name="spring")
    await setup.seasons.reported(1)
    assert await reset(setup.store, setup.admin, name="spring") == first
    assert len(setup.seasons.kept) == 2


async def test_much_that_is_pending_is_folded_first(setup: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as it takes; and who looks on is told."""
    monkeypatch.setattr(season_keeping, "_PAUSE_S", 0)
    setup.seasons.still_pending = 3
    told: list[tuple[str, int]] = []
    await reset(setup.store, setup.admin, progress=lambda *now: told.append(now))
    assert [now for now in told if now[0] == "pending"] == [("pending", 2), ("pending", 4), ("pending", 6)]


async def test_what_never_gets_little_is_told_in_time(setup: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing was closed."""
    monkeypatch.setattr(season_keeping, "_PAUSE_S", 0.01)
    monkeypatch.setattr(season_keeping, "_PATIENCE_S", 0.05)
    setup.seasons.still_pending = 1_000_000
    setup.standings._count = 0
    with pytest.raises(StoreUnavailable, match="nothing was closed"):
        await reset(setup.store, setup.admin)
    assert len(setup.seasons.kept) == 1


async def test_the_next_one_ends_as_wished_or_by_schedule() -> None:
    """The wish comes first."""
    schedule = Schedule("0 * * * *", "UTC")
    scheduled = SetUp(structs.replace(first_season(1), schedule=schedule))
    assert (await reset(scheduled.store, scheduled.admin)).following.ends_at == HOUR_US
    wished = SetUp(structs.replace(first_season(1), schedule=schedule))
    assert (await reset(wished.store, wished.admin, ends_at=7_000)).following.ends_at == 7_000


async def test_a_schedule_that_is_set_meanwhile_is_that_of_the_next_one(
    setup: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While what is pending is folded, and between the last look and the seal."""
    monkeypatch.setattr(season_keeping, "_PAUSE_S", 0)
    wanted = [Schedule("0 * * * *", "UTC"), Schedule("30 * * * *", "UTC")]
    looked = setup.seasons.all

    async def look_and_set() -> list[Season]:
        known = await looked()
        if wanted and known[0].is_current and setup.seasons.wish is not None:
            setup.seasons._set(structs.replace(known[0], schedule=wanted.pop(0)), setup.seasons.acts[0])
        return known

    await season_keeping.set_end(setup.seasons, setup.admin, None)
    monkeypatch.setattr(setup.seasons, "all", look_and_set)
    assert (await reset(setup.store, setup.admin)).following.schedule == Schedule("30 * * * *", "UTC")


async def test_a_name_that_is_taken_is_refused(setup: SetUp) -> None:
    """Before anything is changed."""
    with pytest.raises(Unacceptable, match="already"):
        await reset(setup.store, setup.admin, name="season-1")
    assert setup.seasons.wish is None
    assert name_after(setup.seasons.kept, None) == "season-2"


async def test_end_and_schedule_are_noted_with_what_was_before(setup: SetUp) -> None:
    """A schedule sets the next end; none takes it away."""
    assert (await season_keeping.set_end(setup.seasons, setup.admin, 5)).ends_at is None
    schedule = Schedule("0 * * * *", "UTC")
    now_is = await season_keeping.set_schedule(setup.seasons, setup.admin, schedule)
    assert (now_is.ends_at, setup.seasons.kept[0].ends_at) == (HOUR_US, HOUR_US)
    assert (await season_keeping.set_schedule(setup.seasons, setup.admin, None)).ends_at is None
    told = [(act.what, act.details["before"], act.details["after"]) for act in setup.seasons.acts]
    cron = {"cron": "0 * * * *", "zone": "UTC"}
    assert told == [
        ("season ends", None, 5),
        ("season schedule", None, cron),
        ("season schedule", cron, None),
    ]


async def test_what_is_to_be_set_of_a_sealed_season_is_refused(setup: SetUp) -> None:
    """It has ended meanwhile."""
    await reset(setup.store, setup.admin)
    with pytest.raises(SeasonEnded):
        await setup.seasons.set_end(1, 5, setup.admin.act("x", None, "", {}))


def test_seasons_are_found_by_number_and_name() -> None:
    """Or not."""
    season = first_season(1)
    assert numbered([season], 1) is named([season], "season-1") is season
    with pytest.raises(NotFound):
        numbered([season], 2)
    with pytest.raises(NotFound):
        named([season], "season-2")
