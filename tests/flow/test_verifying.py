"""Verifying: spans of users against their standings, and a live board that moves meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from scoreboard_server.flow import verifying as verifying_module
from scoreboard_server.flow.ports import Past, Span
from scoreboard_server.flow.verifying import BoardDifference, Checked, verify
from scoreboard_server.rules.acts import Act
from scoreboard_server.rules.bans import Ban
from scoreboard_server.rules.books import Difference, Total
from scoreboard_server.rules.entry import ADJUSTED, Entry
from scoreboard_server.rules.history import Place

NOW_US = 1_000


class FakeBooks:
    """Spans in a list."""

    def __init__(self, *spans: Span) -> None:
        self.spans = spans
        self.asked: list[str] = []

    async def entries(self) -> int:
        return sum(span.entries for span in self.spans)

    async def span(self, after: str, least: int) -> Span:
        self.asked.append(after)
        return self.spans[len(self.asked) - 1]

    async def without_standing(self, users: Collection[str]) -> set[str]:
        return set(users) - {user for span in self.spans for _, user in span.standings}

    async def has_others_than(self, prefix: str) -> bool:
        raise AssertionError("nobody asked for it")

    async def repair(self, season: int, user: str, told: Callable[[Difference], Act]) -> bool:
        raise AssertionError("nobody asked for it")

    async def repaired(self, now_us: int) -> None:
        raise AssertionError("nobody asked for it")


class FakeHistory:
    """What is stored of each user in this season, as a function of how often it was asked; 0 for nothing.

    Of strangers nothing is stored.
    """

    strangers: Collection[str] = ()

    def __init__(self, stored: Callable[[int], int]) -> None:
        self.looks = 0
        self._stored = stored

    async def past(self, user: str, before: Place | None, limit: int, season: int | None = None) -> Past:
        assert season is None, "of this season only"
        self.looks += 1
        total = 0 if user in self.strangers else self._stored(self.looks)
        return Past(total, [Entry(user, "a", "open", 1, 1)] if total else [])


class CorrectedHistory:
    """A user with that many corrections after the action, if there was one."""

    def __init__(self, corrections: int, *, has_acted: bool = True) -> None:
        kinds = [ADJUSTED] * corrections + ["open"] * has_acted
        self._entries = [Entry("ann", f"{len(kinds) - i:04}", kind, 1, 9) for i, kind in enumerate(kinds)]

    async def past(self, user: str, before: Place | None, limit: int, season: int | None = None) -> Past:
        assert season is None, "of this season only"
        older = [e for e in self._entries if before is None or e.action < before.action]
        return Past(len(older), older[:limit])


class FakeBoard:
    """A live board as a function of how often it was asked."""

    def __init__(self, shown: Callable[[int], dict[str, int]]) -> None:
        self.looks = 0
        self._shown = shown

    async def scores(self, users: Collection[str]) -> dict[str, int]:
        self.looks += 1
        return {user: score for user, score in self._shown(self.looks).items() if user in users}

    async def count(self) -> int:
        return len(self._shown(self.looks))

    async def users(self, offset: int) -> list[str]:
        return list(self._shown(self.looks))[offset : offset + 1]


NOW = 1_000


def span(last: str | None = None) -> Span:
    """Ann has 10 folded and 5 pending; in an older season she had 3."""
    ann = {(2, "ann"): Total(10, 1, 7), (1, "ann"): Total(3, 1, 2)}
    return Span(2, last, 3, dict(ann), {"ann": Total(5, 1, 9)}, dict(ann))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying_module, "_LOOK_PAUSE_S", 0.0)


async def checked(books: FakeBooks, history: FakeHistory, board: FakeBoard | None = None) -> list[Checked]:
    """What each span came to."""
    return [each async for each in verify(books, history, board, now_us=lambda: NOW_US)]


async def test_it_goes_span_by_span_to_the_end() -> None:
    """Each begins behind the last user of the one before, and counts its entries and users."""
    books = FakeBooks(span("ann"), span("ben"), span(None))
    result = await checked(books, FakeHistory(lambda _: 15))
    assert books.asked == ["", "ann", "ben"]
    assert [(each.entries, each.users) for each in result] == [(3, 1)] * 3
    assert not any(each.standings or each.board for each in result)


async def test_a_wrong_standing_is_told() -> None:
    """In whatever season it is."""
    wrong = span()
    wrong.standings[1, "ann"] = Total(4, 1, 2)
    (result,) = await checked(FakeBooks(wrong), FakeHistory(lambda _: 15))
    assert result.standings == [Difference(1, "ann", Total(3, 1, 2), Total(4, 1, 2))]


async def test_a_board_that_agrees_is_asked_once() -> None:
    """It shows the season's folded and pending points together."""
    board = FakeBoard(lambda _: {"ann": 15})
    (result,) = await checked(FakeBooks(span()), FakeHistory(lambda _: 15), board)
    assert (result.board, board.looks) == ([], 1)


@pytest.mark.parametrize("shown", [{"ann": 16}, {}])
async def test_a_board_that_stays_wrong_is_told(shown: dict[str, int]) -> None:
    """Another score, or no place at all, after every further look."""
    result, *_ = await checked(FakeBooks(span()), FakeHistory(lambda _: 15), FakeBoard(lambda _: shown))
    assert result.board == [BoardDifference("ann", 15, shown.get("ann"))]


async def test_a_board_that_still_shows_a_past_season_is_told() -> None:
    """Who has nothing in this season must not be on it."""
    past = {(1, "ben"): Total(3, 1, 2)}
    ben = Span(2, None, 1, dict(past), {}, dict(past))
    stale = FakeBoard(lambda _: {"ben": 3})
    result, *_ = await checked(FakeBooks(ben), FakeHistory(lambda _: 0), stale)
    assert result.board == [BoardDifference("ben", None, 3)]


async def test_a_board_that_moves_is_no_difference() -> None:
    """An action that is counted between two looks fits in between."""
    moving = FakeHistory(lambda look: 15 + 10 * look)
    (result,) = await checked(FakeBooks(span()), moving, FakeBoard(lambda look: {"ann": 10 + 15 * look}))
    assert result.board == []


async def test_a_board_that_is_behind_for_a_moment_is_no_difference() -> None:
    """What another server counted arrives a little later."""
    board = FakeBoard(lambda look: {"ann": 5 if look < 4 else 15})
    (result,) = await checked(FakeBooks(span()), FakeHistory(lambda _: 15), board)
    assert (result.board, board.looks) == ([], 4)


async def test_whom_only_the_board_knows_is_told() -> None:
    """Someone without entries, at the end, once; whoever has just come is not such a one."""
    history = FakeHistory(lambda _: 15)
    history.strangers = {"eve"}
    board = FakeBoard(lambda _: {"ann": 15, "new": 15, "eve": 7})
    spans = await checked(FakeBooks(span()), history, board)
    assert [each.board for each in spans] == [[], [BoardDifference("eve", None, 7)]]


async def test_who_has_only_corrections_belongs_on_no_board() -> None:
    """A board without such a one agrees."""
    folded = {(2, "ann"): Total(10, 1, 7), (2, "eve"): Total(50, 0, 0)}
    books = FakeBooks(Span(2, None, 2, folded, {}, dict(folded)))
    spans = await checked(books, FakeHistory(lambda _: 10), FakeBoard(lambda _: {"ann": 10}))
    assert not any(each.board for each in spans)


@pytest.mark.parametrize("corrections", [0, 1, 2, 3, 4])
async def test_however_many_corrections_do_not_hide_an_action(
    corrections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who has acted is on the board, with the score of all entries; who hasn't is not."""
    monkeypatch.setattr(verifying_module, "_LOOK_ENTRIES", 2)
    acted = CorrectedHistory(corrections)
    assert await verifying_module._Shelf(acted, set()).score("ann") == corrections + 1
    corrected = CorrectedHistory(corrections, has_acted=False)
    assert await verifying_module._Shelf(corrected, set()).score("ann") is None


async def test_who_is_banned_belongs_on_no_board() -> None:
    """While the ban is in force a board without the user agrees, and one with the user is wrong."""
    banned = span()
    banned.bans = [Ban("ann", "b1", "cheats", "admin", since=1, until=NOW_US + 1)]
    history = FakeHistory(lambda _: 15)
    (result,) = await checked(FakeBooks(banned), history, FakeBoard(lambda _: {}))
    assert result.board == []
    result, *_ = await checked(FakeBooks(banned), history, FakeBoard(lambda _: {"ann": 15}))
    assert result.board == [BoardDifference("ann", None, 15)]
    banned.bans = [Ban("ann", "b1", "cheats", "admin", since=1, until=NOW_US)]
    (result,) = await checked(FakeBooks(banned), history, FakeBoard(lambda _: {"ann": 15}))
    assert result.board == []
