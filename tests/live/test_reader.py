"""The reader: views of the board that agree with a published version."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from scoreboard_server.live import reader as reader_module
from scoreboard_server.live.reader import Reading, View
from scoreboard_server.rules.board import Board, Standing
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.refusals import NotFound
from scoreboard_server.rules.seasons import Season

from .conftest import SetUp, Setup

FIVE = {"ann": 50, "ben": 40, "cat": 30, "dan": 20, "eve": 10}
SECOND = Season(2, "season-2", 5)


def users(reading: Reading) -> list[str]:
    """Who is in the answer, in its order."""
    return [row["userId"] for row in content(reading)["leaderboard"]]


def names(reading: Reading) -> dict[str, str]:
    """How each user in the answer is shown."""
    return {row["userId"]: row["username"] for row in content(reading)["leaderboard"]}


def content(reading: Reading) -> dict[str, Any]:
    """The answer."""
    answer: dict[str, Any] = json.loads(reading.body)
    return answer


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(2), ["ann", "ben"]),
        (View(2, offset=3), ["dan", "eve"]),
        (View(10, offset=5), []),
        (View(3, around="cat"), ["ben", "cat", "dan"]),
        (View(3, around="ann"), ["ann", "ben", "cat"]),
        (View(3, around="eve"), ["cat", "dan", "eve"]),
        (View(3, around="nobody"), []),
        (View(1, users=("eve", "nobody", "ann", "eve")), ["ann", "eve"]),
    ],
)
async def test_a_view_selects_its_rows(set_up: SetUp, view: View, expected: list[str]) -> None:
    """Pages, neighbourhoods and chosen users, each by rank."""
    assert users(await set_up(FIVE).reader.read(view)) == expected


async def test_an_unchanged_view_is_built_once(set_up: SetUp) -> None:
    """The same bytes object answers until the next publication."""
    setup = set_up(FIVE)
    await setup.published()
    first = await setup.reader.read(View(3))
    assert await setup.reader.read(View(3)) is first
    setup.act("eve", 1)
    second = await setup.reader.read(View(3))
    assert second.etag != first.etag
    assert await setup.reader.read(View(3)) is second


async def test_a_view_that_many_wait_for_is_built_once(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the board moves, too; each of them has the very same bytes."""
    setup = set_up(FIVE, start=False)
    selected: list[View] = []
    select = View.select

    def select_and_note(view: View, board: Board) -> list[Standing]:
        selected.append(view)
        return select(view, board)

    monkeypatch.setattr(View, "select", select_and_note)
    setup.act("eve")
    reading = [asyncio.create_task(setup.reader.read(View(2))) for _ in range(9)]
    await asyncio.sleep(0)
    setup.start()
    first, *others = await asyncio.gather(*reading)
    assert users(first) == ["ann", "ben"]
    assert all(other is first for other in others)
    assert selected == [View(2)]


async def test_what_is_kept_is_bounded(set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many views are asked for, memory holds a fixed number, and all are answered right."""
    monkeypatch.setattr(reader_module, "_CACHED_VIEWS", 4)
    setup = set_up(FIVE)
    for limit in range(1, 200):
        assert len(users(await setup.reader.read(View(limit)))) == min(limit, 5)
    assert len(setup.reader._readings) == 4


async def test_missing_names_are_not_kept(set_up: SetUp) -> None:
    """While the store tells no names, ids are shown, without a validator: this reads better soon."""
    setup = set_up(FIVE, {"dan": Profile("Dan", None)})
    await setup.published()
    kept, setup.names.silent = setup.names.kept, True
    first = await setup.reader.read(View(5))
    assert (names(first)["dan"], first.etag) == ("dan", None)
    setup.names.silent = False
    again = await setup.reader.read(View(5))
    assert (names(again)["dan"], again.etag is None) == (kept["dan"].name, False)


async def test_a_publication_forgets_what_was_kept(set_up: SetUp) -> None:
    """Views of past states don't pile up."""
    setup = set_up(FIVE)
    for _ in range(10):
        setup.act("ann")
        await setup.reader.read(View(3))
        await setup.reader.read(View(2))
    assert len(setup.reader._readings) == 2


async def test_own_ranks_are_never_kept(set_up: SetUp) -> None:
    """An asker's answer is not for the next asker, and does not take the room of the common ones."""
    setup = set_up(FIVE)
    await setup.published()
    answers = {
        asker: content(await setup.reader.read(View(1, asker=asker))) for asker in ("ann", "eve", "nobody")
    }
    assert {asker: answer["userRank"] for asker, answer in answers.items()} == {
        "ann": {"rank": 1, "score": 50},
        "eve": {"rank": 5, "score": 10},
        "nobody": None,
    }
    assert "userRank" not in content(await setup.reader.read(View(1)))
    assert len(setup.reader._readings) == 1


async def test_validators_tell_views_apart(set_up: SetUp) -> None:
    """Each view of one state has its own."""
    setup = set_up(FIVE)
    await setup.published()
    views = [
        View(1),
        View(2),
        View(1, offset=1),
        View(1, around="ann"),
        View(1, users=("ann",)),
        View(1, asker="ann"),
    ]
    assert len({(await setup.reader.read(view)).etag for view in views}) == len(views)


async def test_a_change_below_the_top_changes_the_validator(set_up: SetUp) -> None:
    """The version stays, as no socket is told, but a page that shows the row must be read again."""
    setup = set_up(FIVE)
    before = await setup.reader.read(View(10))
    setup.act("eve", 1)
    after = await setup.reader.read(View(10))
    assert content(before)["version"] == content(after)["version"]
    assert before.etag != after.etag
    assert content(after)["leaderboard"][-1]["score"] == 11


async def test_rows_of_the_top_are_those_of_the_sockets(set_up: SetUp) -> None:
    """A name learnt since the publication waits for the next one, as the version says."""
    setup = set_up({"ann": 10}, start=False)
    setup.names.remembered["ann"] = Profile("Ann")
    row = content(await setup.reader.read(View(10)))["leaderboard"][0]
    assert row["username"] == setup.hub.published.rows[0].username == "ann"


async def test_names_below_the_top_are_fetched_in_one_go(set_up: SetUp) -> None:
    """A page beyond the published rows asks the name store once, for those it does not know."""
    setup = set_up(FIVE, {"dan": Profile("Dan"), "eve": Profile("Eve")})
    await setup.published()
    setup.names.fetches.clear()
    answer = content(await setup.reader.read(View(10)))
    assert [row["username"] for row in answer["leaderboard"]] == ["ann", "ben", "cat", "Dan", "Eve"]
    assert setup.names.fetches == [["dan", "eve"]]


async def test_an_empty_board_has_no_instant(set_up: SetUp) -> None:
    """Nothing was counted, so nothing was updated; the first entry tells when."""
    setup = set_up()
    assert content(await setup.reader.read(View(10))) == {
        "leaderboard": [],
        "totalUsers": 0,
        "lastUpdated": None,
        "season": "season-1",
        "epoch": setup.live.epoch,
        "version": 1,
    }
    setup.live.apply("ann", 1, 1_700_000_000_123_456)
    assert content(await setup.reader.read(View(10)))["lastUpdated"] == "2023-11-14T22:13:20.123Z"


async def test_a_user_is_a_row(set_up: SetUp) -> None:
    """One user's place, with the name also below the top."""
    setup = set_up(FIVE, {"eve": Profile("Eve")})
    row = await setup.reader.user("eve")
    assert (row.user_id, row.username, row.score, row.rank) == ("eve", "Eve", 10, 5)
    with pytest.raises(NotFound) as refused:
        await setup.reader.user("nobody")
    assert refused.value.code == "user_not_found"


async def test_another_season_is_not_found(set_up: SetUp) -> None:
    """The current one may be named, and only that."""
    setup = set_up(FIVE)
    assert users(await setup.reader.read(View(1, season="season-1"))) == ["ann"]
    with pytest.raises(NotFound) as refused:
        await setup.reader.read(View(1, season="season-2"))
    assert refused.value.code == "season_not_found"


async def _while_the_season_changes(setup: Setup, view: View) -> Reading:
    setup.act("ann")  # so that the reader has to wait for a publication
    reading = asyncio.create_task(setup.reader.read(view))
    await asyncio.sleep(0)
    setup.live.replace(Board([("ben", 3, 1)]), SECOND)
    setup.start()
    return await reading


async def test_a_reader_overtaken_by_a_season_gets_the_new_one_whole(set_up: SetUp) -> None:
    """Rows, epoch and the season's name are of one board."""
    setup = set_up(FIVE, start=False)
    reading = await _while_the_season_changes(setup, View(10))
    assert (users(reading), content(reading)["season"]) == (["ben"], "season-2")


async def test_a_reader_who_named_the_overtaken_season_is_told_so(set_up: SetUp) -> None:
    """Never the rows of one season under the name of another."""
    setup = set_up(FIVE, start=False)
    with pytest.raises(NotFound):
        await _while_the_season_changes(setup, View(10, season="season-1"))
