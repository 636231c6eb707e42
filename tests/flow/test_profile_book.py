"""How users are shown: learnt, kept, remembered within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from scoreboard_server.flow import profile_book as profile_book_module
from scoreboard_server.flow.profile_book import ProfileBook
from scoreboard_server.live.live_board import LiveBoard
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.profiles import Profile

from .fakes import SEASON, FakeProfiles

ANN = Profile("Ann", "https://x.example/a.png")


class Setup:
    """A book on a fake store, running."""

    def __init__(self, kept: dict[str, Profile] | None = None, capacity: int = 100) -> None:
        self.store = FakeProfiles(kept)
        self.live = LiveBoard(Board(), SEASON)
        self.book = ProfileBook(self.store, self.live, capacity=capacity)
        self.task = asyncio.create_task(self.book.run())

    async def saving(self, user: str, name: str) -> None:
        """Have a token tell this name, and return when it is written and not yet acknowledged."""
        self.store.acknowledges.clear()
        self.book.seen(user, Profile(name, None))
        await self.saved(user)

    async def acknowledged(self) -> None:
        """The store says that it is written."""
        self.store.acknowledges.set()
        await asyncio.sleep(0.01)

    async def saved(self, user: str) -> None:
        """Return when the store has this user's profile."""
        async with asyncio.timeout(20):
            while user not in self.store.kept:
                await asyncio.sleep(0.001)


@pytest.fixture
async def setups() -> AsyncIterator[list[Setup]]:
    """Collects what a test makes; no book may die."""
    made: list[Setup] = []
    yield made
    for setup in made:
        assert not setup.task.done(), "the book has died"
        setup.task.cancel()


@pytest.fixture
async def setup(setups: list[Setup]) -> Setup:
    """A book on an empty store."""
    setups.append(Setup())
    return setups[0]


async def test_what_a_token_tells_is_shown_and_kept(setup: Setup) -> None:
    """At once in memory, and soon in the store."""
    setup.book.seen("ann", ANN)
    assert setup.book.known("ann") == ANN
    assert setup.live.revision == 1
    await setup.saved("ann")
    assert setup.store.kept == {"ann": ANN}


async def test_what_a_token_leaves_out_stays(setup: Setup) -> None:
    """A token with a new name and no picture changes the name alone."""
    setup.store.kept["ann"] = ANN
    setup.book.seen("ann", Profile("Anna", None))
    assert setup.book.known("ann") is None  # half known: the store is asked before it is shown
    assert setup.book.shown("ann") == Profile("Anna", None)  # unless it is slow
    await setup.book.fetch(["ann"])
    assert setup.book.known("ann") == Profile("Anna", ANN.avatar)


async def test_the_same_again_is_no_change(setup: Setup) -> None:
    """A user who submits a hundred times is repainted and saved once."""
    for _ in range(100):
        setup.book.seen("ann", ANN)
        setup.book.seen("ann", Profile("Ann", None))
        setup.book.seen("ann", Profile())
    assert setup.live.revision == 1


@pytest.mark.parametrize("saved", [0, 1])
async def test_who_is_never_shown_is_saved_once(setups: list[Setup], saved: int) -> None:
    """A user far down the board who goes on submitting costs the store one write, not one at each action.

    Only a bounded number of them is remembered.
    """
    setup = Setup(capacity=1)
    setups.append(setup)
    for user in ("ann", "ben"):
        setup.book.seen(user, Profile("Name", None))
        await setup.saved(user)
    await setup.book.save()
    setup.store.kept.clear()
    user = ("ann", "ben")[saved]
    setup.book.seen(user, Profile("Name", None))
    await setup.book.save()
    assert setup.store.kept.keys() == ({user} if not saved else set())


async def test_a_token_that_does_nothing_renames_nobody(setup: Setup) -> None:
    """It adds what is missing; while the store doesn't answer, nobody can tell what that is."""
    setup.store.kept = {"ann": Profile("Anna", None)}
    await setup.book.introduce("ann", ANN)
    assert setup.book.known("ann") == Profile("Anna", ANN.avatar)
    await setup.book.introduce("ben", ANN)
    await setup.saved("ben")
    assert setup.store.kept["ben"] == ANN
    await setup.book.introduce("cem", Profile())
    assert setup.store.loads == [{"ann"}, {"ben"}], "nothing to add is nothing to ask for"


async def test_what_is_added_renames_nobody_elsewhere(setup: Setup) -> None:
    """Another server has just saved a new name, of which the feed has not told here yet."""
    setup.store.kept = {"ann": Profile("Anna", None)}
    await setup.book.fetch(["ann"])
    setup.store.kept["ann"] = Profile("Annabel", None)
    await setup.book.introduce("ann", ANN)
    setup.book.changed("ann", Profile("Annabel", None))
    async with asyncio.timeout(20):
        while setup.store.kept["ann"].avatar is None:
            await asyncio.sleep(0.001)
    assert setup.store.kept["ann"] == setup.book.known("ann") == Profile("Annabel", ANN.avatar)


async def test_nothing_told_is_nothing_learnt(setup: Setup) -> None:
    """A token without name and picture makes nobody known or repainted."""
    setup.book.seen("ann", Profile())
    assert setup.book.known("ann") is None
    assert setup.live.revision == 0


async def test_who_has_no_profile_is_known_to_have_none(setup: Setup) -> None:
    """The store is asked once, not at every publication."""
    await setup.book.fetch(["ann"])
    assert setup.book.known("ann") == Profile()


async def test_memory_is_bounded(setups: list[Setup]) -> None:
    """Beyond its capacity the oldest is forgotten and can be fetched again."""
    setup = Setup(capacity=2)
    setups.append(setup)
    for user in ("a", "b", "c"):
        setup.book.seen(user, ANN)
    assert [setup.book.known(u) for u in ("a", "b", "c")] == [None, ANN, ANN]
    await setup.saved("a")
    await setup.book.fetch(["a"])
    assert setup.book.known("a") == ANN


async def test_an_outage_loses_nothing(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unsaved profiles stay to be saved, unknown ones unknown, and the store is left in peace."""
    monkeypatch.setattr(profile_book_module, "_REST_S", 0.05)
    monkeypatch.setattr(profile_book_module, "_SAVE_INTERVAL_S", 0.01)
    setup.store.away = True
    setup.book.seen("ann", ANN)
    for _ in range(5):
        await setup.book.fetch(["ben"])
    assert setup.book.known("ben") is None
    assert len(setup.store.loads) == 1
    setup.store.away = False
    await setup.saved("ann")
    await asyncio.sleep(0.06)
    await setup.book.fetch(["ben"])
    assert setup.book.known("ben") == Profile()


async def test_a_store_that_hangs_holds_nobody_up(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits goes on without names; all that was asked meanwhile is one read, and comes in the end."""
    monkeypatch.setattr(profile_book_module, "PATIENCE_S", 0.01)
    setup.store.kept = {"ann": ANN, "b7": ANN}
    setup.store.answers.clear()
    async with asyncio.timeout(20):
        await setup.book.fetch(["ann"])
        await asyncio.gather(*(setup.book.fetch([f"b{i}"]) for i in range(20)))
    assert setup.store.loads == [{"ann"}]
    setup.store.answers.set()
    await setup.book.fetch(["c"])
    assert setup.book.known("ann") == setup.book.known("b7") == ANN
    assert len(setup.store.loads) == 2


async def test_a_read_asks_for_some_at_a_time(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd that looks at every page of a large board makes many small reads, not a single huge one."""
    monkeypatch.setattr(profile_book_module, "_ROUND_SIZE", 10)
    setup.store.kept = {f"u{i:03}": ANN for i in range(100)}
    pages = [[f"u{i:03}" for i in range(start, start + 25)] for start in (0, 10, 75)]
    await asyncio.gather(*(setup.book.fetch(page) for page in pages))
    assert {setup.book.known(user) for page in pages for user in page} == {ANN}
    assert max(len(asked) for asked in setup.store.loads) == 10
    assert sum(len(asked) for asked in setup.store.loads) == 60  # who is on two pages is asked for once


async def test_who_finds_no_place_goes_without(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store hangs, what waits to be asked has an end; ids are shown then, and names later."""
    monkeypatch.setattr(profile_book_module, "_ROUND_SIZE", 2)
    monkeypatch.setattr(profile_book_module, "_ROUNDS", 3)
    monkeypatch.setattr(profile_book_module, "PATIENCE_S", 0.01)
    setup.store.kept = {f"u{i}": ANN for i in range(20)}
    setup.store.answers.clear()
    await setup.book.fetch(["u0"])
    await setup.book.fetch([f"u{i}" for i in range(1, 20)])
    setup.store.answers.set()
    await asyncio.sleep(0.05)
    assert sum(setup.book.known(f"u{i}") is not None for i in range(20)) == 1 + 2 * 3
    await setup.book.fetch(["u19"])
    assert setup.book.known("u19") == ANN


async def test_a_rename_shows_though_the_name_was_forgotten(setups: list[Setup]) -> None:
    """Who is on display may have been pushed out of the memory; the board is painted anew all the same."""
    setup = Setup({"ann": ANN}, capacity=1)
    setups.append(setup)
    await setup.book.fetch(["ann"])
    await setup.book.fetch(["ben"])
    before = setup.live.revision
    setup.book.changed("ann", Profile("New", None))
    assert setup.live.revision == before + 1


async def test_a_save_under_way_when_all_is_forgotten_is_no_news(setup: Setup) -> None:
    """Another's name may have been written after it, which is not told any more: the store is asked."""
    await setup.book.fetch(["ann"])
    await setup.saving("ann", "Ours")
    setup.store.kept["ann"] = Profile("Theirs", None)
    setup.book.forget()
    await setup.book.fetch(["ann"])
    await setup.acknowledged()
    assert setup.book.known("ann") == Profile("Theirs", None)


async def test_what_was_learnt_here_beats_what_arrives_meanwhile(setup: Setup) -> None:
    """An older name that comes by the feed does not undo a newer one that waits to be saved."""
    setup.store.away = True
    setup.book.seen("ann", ANN)
    setup.book.changed("ann", Profile("Old", None))
    assert setup.book.known("ann") == ANN
    setup.store.away = False
    await setup.book.save()
    setup.book.changed("ann", Profile("New", None))
    assert setup.book.known("ann") == Profile("New", ANN.avatar)


@pytest.mark.parametrize("shown", [True, False])
async def test_of_two_who_save_at_once_the_last_is_shown(setup: Setup, shown: bool) -> None:
    """Another's name that was written after ours stays, though ours is not yet acknowledged as saved."""
    if shown:
        await setup.book.fetch(["ann"])
    await setup.saving("ann", "Ours")
    setup.store.kept["ann"] = Profile("Theirs", None)
    setup.book.changed("ann", Profile("Ours", None))
    setup.book.changed("ann", Profile("Theirs", None))
    await setup.book.fetch(["ann"])
    await setup.acknowledged()
    assert setup.book.known("ann") == Profile("Theirs", None)


async def test_a_name_that_is_learnt_during_a_save_is_newer_than_it(setup: Setup) -> None:
    """What the feed tells of the save does not hide a name that came after it."""
    await setup.book.fetch(["ann"])
    await setup.saving("ann", "First")
    setup.book.seen("ann", Profile("Second", None))
    setup.book.changed("ann", Profile("First", None))
    assert setup.book.known("ann") == Profile("Second", None)
    setup.store.acknowledges.set()
    await setup.book.save()
    assert setup.store.kept["ann"] == setup.book.known("ann") == Profile("Second", None)


async def test_what_is_told_again_during_its_save_is_saved_once(setup: Setup) -> None:
    """Also while the user is not shown yet: a second save would undo what others write after the first."""
    await setup.saving("ann", "Ours")
    setup.book.seen("ann", Profile("Ours", None))
    await setup.acknowledged()
    setup.store.kept["ann"] = Profile("Theirs", None)
    await setup.book.save()
    assert setup.store.kept["ann"] == Profile("Theirs", None)


async def test_who_comes_back_after_a_rename_elsewhere_is_renamed_again(setup: Setup) -> None:
    """A token that is used once more after another's name came counts, though its own save is under way."""
    await setup.saving("ann", "Ours")
    setup.store.kept["ann"] = Profile("Theirs", None)
    setup.book.changed("ann", Profile("Theirs", None))
    setup.book.seen("ann", Profile("Ours", None))
    await setup.acknowledged()
    await setup.book.save()
    assert setup.store.kept["ann"] == Profile("Ours", None)


async def test_what_waits_to_be_saved_hides_no_other_part(setup: Setup) -> None:
    """A picture that comes by the feed is shown beside a name that was learnt here."""
    await setup.book.fetch(["ann"])
    setup.book.seen("ann", Profile("Ann", None))
    setup.book.changed("ann", Profile("Old", ANN.avatar))
    assert setup.book.known("ann") == ANN


@pytest.mark.parametrize("how", ["changed", "seen"])
async def test_what_is_heard_during_a_read_is_newer_than_the_read(setup: Setup, how: str) -> None:
    """A profile that another process or a token tells meanwhile stands over what the store had before."""
    setup.store.kept = {"ann": Profile("Old", ANN.avatar)}
    setup.store.answers.clear()
    reading = asyncio.create_task(setup.book.fetch(["ann"]))
    await asyncio.sleep(0.01)
    assert setup.store.loads == [{"ann"}]
    getattr(setup.book, how)("ann", Profile("Ann", None))
    await setup.book.save()
    setup.store.answers.set()
    await reading
    assert setup.book.known("ann") == ANN


async def test_what_is_half_known_is_renamed_elsewhere(setup: Setup) -> None:
    """A user who is not shown and comes back with the name of before has that name again."""
    setup.book.seen("ann", Profile("Ours", None))
    await setup.book.save()
    await asyncio.sleep(0)
    setup.store.kept["ann"] = Profile("Theirs", None)
    setup.book.changed("ann", Profile("Theirs", None))
    assert setup.book.known("ann") is None
    setup.book.seen("ann", Profile("Ours", None))
    await setup.book.save()
    assert setup.store.kept["ann"] == Profile("Ours", None)


async def test_after_forgetting_everything_is_read_anew(setup: Setup) -> None:
    """Also what was being read just then, which may be older than what was missed."""
    setup.store.kept = {"ann": Profile("Old", None), "ben": Profile("Old", None)}
    await setup.book.fetch(["ben"])
    setup.store.answers.clear()
    reading = asyncio.create_task(setup.book.fetch(["ann"]))
    await asyncio.sleep(0.01)
    setup.store.kept = {"ann": ANN, "ben": ANN}
    setup.book.forget()
    setup.store.answers.set()
    await reading
    await setup.book.fetch(["ann", "ben"])
    assert setup.book.known("ann") == setup.book.known("ben") == ANN
