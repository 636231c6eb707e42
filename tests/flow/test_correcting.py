"""Correcting: points are taken and given back by entries, however often and wherever it is interrupted."""

from __future__ import annotations

from msgspec.structs import replace

from scoreboard_server.flow import correcting
from scoreboard_server.flow.correcting import give_back, take_back
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.entry import Correction, Entry
from scoreboard_server.rules.identifiers import is_action_id, is_entry_id

from .moderation import FakeModeration

BAN = Ban("ann", "b1", "cheats", "admin", since=500, taken_back_from=100)
LIFTED = replace(BAN, lifted_at=600)


def banned(*entries: Entry) -> FakeModeration:
    """A store in which the ban is the newest."""
    moderation = FakeModeration(*entries)
    moderation.newest["ann"] = BAN
    return moderation


async def taken_back(moderation: FakeModeration, ban: Ban = BAN) -> int:
    """What one run comes to."""
    return await take_back(moderation, ban, writer="me", now_us=lambda: 700)


async def given_back(moderation: FakeModeration) -> int:
    """What one run comes to, the ban being lifted."""
    return await give_back(moderation, LIFTED, writer="me", now_us=lambda: 800)


async def test_each_action_gets_an_entry_that_takes_its_points() -> None:
    """Of that action alone, with the reason of the ban; what is older keeps its points."""
    moderation = banned(Entry("ann", "a1", "open", 10, 99), Entry("ann", "a2", "open", 7, 100))
    assert await taken_back(moderation) == 1
    expected = Correction("ann", "!taken-back/b1/a2", "!taken-back", -7, 700, "cheats", "a2")
    assert moderation.entries["!taken-back/b1/a2"] == expected
    assert moderation.score() == 10


async def test_the_longest_action_id_has_a_correction() -> None:
    """Its id is one that pages of the ledger can go on from, and none that a client may send."""
    action = "~" * 64
    moderation = banned(Entry("ann", action, "open", 1, 100))
    await taken_back(moderation)
    (correction,) = [e for e in moderation.entries if e != action]
    assert is_entry_id(correction) and not is_action_id(correction)


async def test_doing_it_again_adds_nothing() -> None:
    """Nor does giving back what was given back."""
    moderation = banned(Entry("ann", "a1", "open", 10, 100))
    assert [await taken_back(moderation) for _ in range(2)] == [1, 0]
    moderation.newest["ann"] = LIFTED
    assert [await given_back(moderation) for _ in range(2)] == [1, 0]
    assert (moderation.score(), len(moderation.entries)) == (10, 3)


async def test_it_goes_on_until_nothing_is_missing() -> None:
    """What is counted while it is at it is taken back too; all in bites of a bearable size."""
    count = 3 * correcting._BITE
    moderation = banned(*(Entry("ann", f"a{i}", "open", 1, 100) for i in range(count)))
    late = iter(range(3))
    moderation.on_correct = lambda: (
        moderation.act(f"late{n}") if (n := next(late, None)) is not None else None
    )
    assert await taken_back(moderation) == count + 3
    assert moderation.score() == 0
    assert max(moderation.bites) == correcting._BITE


async def test_a_ban_that_was_lifted_takes_nothing_more() -> None:
    """Lifted between two bites, it ends at once, and what it took is given back whole."""
    moderation = banned(*(Entry("ann", f"a{i}", "open", 1, 100) for i in range(2 * correcting._BITE)))

    def lift_after_the_first() -> None:
        if moderation.bites:
            moderation.newest["ann"] = LIFTED

    moderation.on_correct = lift_after_the_first
    taken = await taken_back(moderation)
    assert taken == correcting._BITE
    assert await given_back(moderation) == taken
    assert moderation.score() == 2 * correcting._BITE


async def test_another_ban_takes_back_again_what_was_given_back() -> None:
    """Each ban has corrections of its own."""
    moderation = banned(Entry("ann", "a1", "open", 10, 100))
    await taken_back(moderation)
    moderation.newest["ann"] = LIFTED
    await given_back(moderation)
    another = moderation.newest["ann"] = replace(BAN, id="b2")
    assert await taken_back(moderation, another) == 1
    assert moderation.score() == 0
