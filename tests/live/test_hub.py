"""The hub: versions, what each of them tells, and answers that agree with them."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from types import SimpleNamespace

import pytest

from scoreboard_server.live import hub as hub_module
from scoreboard_server.live import looks as looks_module
from scoreboard_server.live.seat import Seat
from scoreboard_server.rules.bans import Banned
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.seasons import Season

from .conftest import SetUp
from .fakes import FakeSocket

ANN = Profile("Ann", "https://a.example/ann")


async def turns(count: int = 50) -> None:
    """Let everything run that can run without time passing."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_watcher_is_shown_the_state_at_once(set_up: SetUp) -> None:
    """Joining needs no publication: the hub is not even running."""
    setup = set_up({"ann": 10, "ben": 5}, start=False)
    socket = FakeSocket()
    setup.hub.join(Seat(setup.hub, socket.write, socket.dismiss))
    (opening,) = socket.take()
    assert (opening["version"], opening["snapshot"]) == (1, True)
    assert [r["userId"] for r in opening["data"]["updatedPositions"]] == ["ann", "ben"]


async def test_changes_of_one_moment_are_one_version(set_up: SetUp) -> None:
    """Twenty entries between two publications are one frame with one row."""
    setup = set_up({"ann": 10, "ben": 5})
    await setup.published()
    _, socket = setup.sit()
    for _ in range(20):
        setup.act("ann", 1)
    await setup.published()
    (update,) = socket.take()
    assert update["version"] == setup.hub.published.version
    assert [(r["userId"], r["score"]) for r in update["data"]["updatedPositions"]] == [("ann", 30)]


async def test_nothing_is_published_before_the_interval_is_over(set_up: SetUp) -> None:
    """The first change is told at once, the next ones wait, however many there are."""
    setup = set_up(interval=3600)
    _, socket = setup.sit()
    setup.act("ann")
    await turns()
    assert [f["version"] for f in socket.take()] == [2]
    for _ in range(20):
        setup.act("ann")
        await turns(5)
    assert socket.take() == []


async def test_every_watcher_gets_the_same_bytes(set_up: SetUp) -> None:
    """A frame is encoded once for all."""
    setup = set_up()
    sockets = [setup.sit()[1] for _ in range(3)]
    setup.act("ann")
    await setup.published()
    assert len({id(frame) for socket in sockets for frame in socket.frames}) == 1
    assert all(len(socket.frames) == 1 for socket in sockets)


async def test_a_change_that_nobody_sees_is_no_version(set_up: SetUp) -> None:
    """A score below the top sends nothing, yet whoever looks waits for it to be part of a publication."""
    setup = set_up({"ann": 100, "ben": 90, "cat": 80, "dan": 1})
    await setup.published()
    _, socket = setup.sit()
    version = setup.hub.published.version
    setup.act("dan", 5)
    assert not setup.hub.is_published()
    state, score = await setup.hub.look(lambda board: board.standing("dan").score)  # type: ignore[union-attr]
    assert (state.version, score, socket.take()) == (version, 6, [])
    assert state.revision == setup.live.revision


async def test_somebody_new_below_the_top_is_a_version(set_up: SetUp) -> None:
    """totalUsers is part of what is shown."""
    setup = set_up({"ann": 100, "ben": 90, "cat": 80})
    await setup.published()
    _, socket = setup.sit()
    version = setup.hub.published.version
    setup.act("dan", 1)
    await setup.published()
    (update,) = socket.take()
    assert update["version"] == version + 1
    assert update["data"] == {"updatedPositions": [], "removed": [], "totalUsers": 4}


async def test_who_falls_off_the_top_is_removed(set_up: SetUp) -> None:
    """The rows that moved down with it are told with their new ranks."""
    setup = set_up({"ann": 100, "ben": 90, "cat": 80, "dan": 70})
    await setup.published()
    _, socket = setup.sit()
    setup.act("dan", 25)
    await setup.published()
    (update,) = socket.take()
    rows = [(r["userId"], r["rank"]) for r in update["data"]["updatedPositions"]]
    assert (rows, update["data"]["removed"]) == ([("dan", 2), ("ben", 3)], ["cat"])


async def test_a_round_trip_between_two_publications_is_no_version(set_up: SetUp) -> None:
    """What was undone before it was shown was never shown."""
    setup = set_up({"ann": 100, "ben": 90})
    await setup.published()
    _, socket = setup.sit()
    version = setup.hub.published.version
    setup.act("ben", 5)
    setup.act("ben", -5)
    await setup.published()
    assert (setup.hub.published.version, socket.take()) == (version, [])


async def test_another_board_begins_at_one_with_a_snapshot(set_up: SetUp) -> None:
    """A reload is another epoch: versions start anew, and owners learn what became of their score."""
    setup = set_up({"ann": 100, "ben": 90})
    await setup.published()
    _, socket = setup.sit("ann")
    epoch = setup.hub.published.epoch
    setup.live.replace(Board([("ben", 3, 1)]), Season(2, "season-2", 5))
    await setup.published()
    update, own = socket.take()
    assert (update["snapshot"], update["version"]) == (True, 1)
    assert update["epoch"] not in ("", epoch)
    assert [r["userId"] for r in update["data"]["updatedPositions"]] == ["ben"]
    assert own["data"] == {"newScore": 0, "leaderboardPosition": None, "change": -100}


async def test_own_scores_go_to_own_sockets_only(set_up: SetUp) -> None:
    """Every socket of the user is told, nobody else's is."""
    setup = set_up({"ann": 10, "ben": 5})
    await setup.published()
    sockets = {
        name: setup.sit(user)[1] for name, user in [("a", "ann"), ("a2", "ann"), ("b", "ben"), ("", None)]
    }
    setup.act("ann", 1)
    setup.act("ann", 2)
    await setup.published()
    told = {
        name: [f["data"] for f in socket.take() if f["type"] == "user.scoreUpdate"]
        for name, socket in sockets.items()
    }
    moved = [{"newScore": 13, "leaderboardPosition": 1, "change": 3}]
    assert told == {"a": moved, "a2": moved, "b": [], "": []}


async def test_who_has_left_is_told_nothing(set_up: SetUp) -> None:
    """Neither the board nor the own score reaches a seat that was given up."""
    setup = set_up({"ann": 10})
    await setup.published()
    seat, socket = setup.sit("ann")
    stayer_seat, stayer = setup.sit("ann")
    setup.hub.leave(seat)
    setup.hub.leave(seat)  # a connection may end twice
    setup.act("ann")
    await setup.published()
    assert (socket.take(), len(stayer.take())) == ([], 2)
    setup.hub.leave(stayer_seat)
    assert (setup.hub._seats, setup.hub._owned) == (set(), {})


async def test_everybody_is_sent_away_when_the_server_stops(set_up: SetUp) -> None:
    """Each watcher is dismissed, even as leaving changes who is there."""
    setup = set_up(start=False)
    seats = [setup.sit() for _ in range(5)]
    setup.hub.dismiss_all()
    assert all(socket.dismissed for _, socket in seats)


async def test_some_of_a_users_watchers_are_dismissed(set_up: SetUp) -> None:
    """Those whose identity is such a one, and told why; another user's and unknown ones stay."""
    setup = set_up()
    _, one = setup.sit("ann")
    _, other = setup.sit("ben")
    _, nobody = setup.sit()
    setup.hub.dismiss("ann", lambda identity: identity.token_id == "t2", Banned())
    assert not one.dismissed
    setup.hub.dismiss("ann", lambda identity: identity.token_id == "t1", Banned())
    assert isinstance(one.told_why, Banned)
    assert not other.dismissed and not nobody.dismissed
    assert setup.hub.owners() == ["ben"]
    setup.act("ann")
    await setup.published()
    assert (len(one.take()), len(other.take())) == (0, 1)


# --- names ----------------------------------------------------------------------------------------


async def test_somebody_new_at_the_top_comes_with_the_name(set_up: SetUp) -> None:
    """The name store is asked before the row is shown."""
    setup = set_up(names={"ann": ANN})
    _, socket = setup.sit()
    setup.act("ann")
    await setup.published()
    (update,) = socket.take()
    assert [(r["username"], r["avatarUrl"]) for r in update["data"]["updatedPositions"]] == [
        ("Ann", "https://a.example/ann")
    ]
    assert setup.names.fetches == [["ann"]]


async def test_while_names_hang_ids_are_shown_and_names_follow(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name store that does not answer delays the board by a bounded wait; the name is a later version."""
    monkeypatch.setattr(hub_module, "NAMES_PAUSE_S", 0.001)
    setup = set_up(names={"ann": ANN}, interval=0.001)
    setup.names.silent = True
    _, socket = setup.sit()
    setup.act("ann")
    await setup.published()
    (update,) = socket.take()
    assert [r["username"] for r in update["data"]["updatedPositions"]] == ["ann"]
    setup.names.silent = False
    while setup.hub.published.rows[0].username != "Ann":
        await asyncio.sleep(0.001)
    (named,) = socket.take()
    assert named["version"] == update["version"] + 1
    assert [r["username"] for r in named["data"]["updatedPositions"]] == ["Ann"]


async def test_while_names_hang_what_tokens_told_is_shown(set_up: SetUp) -> None:
    """A name without the picture that the store may know of is better than an id."""
    setup = set_up()
    setup.names.silent = True
    setup.names.half["ann"] = Profile("Ann", None)
    setup.act("ann")
    await setup.published()
    assert [r.username for r in setup.hub.published.rows] == ["Ann"]
    row = await setup.reader.user("ann")
    assert row.username == "Ann"


async def test_a_name_that_is_missing_delays_and_changes_nothing_more(set_up: SetUp) -> None:
    """Once shown by id, a leader without a name holds up no publication, and a quiet board stays the same."""
    setup = set_up(names={"ann": ANN})
    setup.names.silent = True
    setup.act("ann")
    await setup.published()
    revision, asked = setup.live.revision, len(setup.names.fetches)
    await turns()
    assert setup.live.revision == revision
    setup.names.answers.clear()  # from now on asking would hang
    setup.act("ann")
    await asyncio.wait_for(setup.published(), 0.5)
    assert setup.hub.published.rows[0].score == 20
    assert len(setup.names.fetches) <= asked + 1


async def test_names_of_a_board_that_was_loaded_are_learnt_without_a_change(set_up: SetUp) -> None:
    """After a start nobody has to score before the leaders have their names back."""
    setup = set_up({"ann": 10}, names={"ann": ANN}, start=False)
    _, socket = setup.sit()
    revision = setup.hub.published.revision
    setup.start()
    await turns()
    (update,) = socket.take()
    assert [r["username"] for r in update["data"]["updatedPositions"]] == ["Ann"]
    assert setup.hub.published.revision > revision, "a validator of the nameless state would still match"


async def test_who_has_no_name_is_not_asked_for_again(set_up: SetUp) -> None:
    """Known to have none is known: the hub comes to rest."""
    setup = set_up({"ann": 10})
    setup.act("ann")
    await setup.published()
    revision = setup.live.revision
    await turns()
    assert (setup.names.fetches, setup.live.revision) == ([["ann"]], revision)


# --- looking --------------------------------------------------------------------------------------


async def test_looking_at_what_is_published_needs_no_wait(set_up: SetUp) -> None:
    """The answer is there at once, even when nothing publishes."""
    setup = set_up({"ann": 10}, start=False)
    looking = setup.hub.look(len)
    with pytest.raises(StopIteration) as answered:
        looking.send(None)
    assert answered.value.value == (setup.hub.published, 1)


async def test_looking_at_what_has_changed_waits_for_the_publication(set_up: SetUp) -> None:
    """The state and the answer are of the same instant, also for what changes while one waits."""
    setup = set_up(start=False)
    setup.act("ann")
    looking = asyncio.create_task(setup.hub.look(len))
    await turns()
    assert not looking.done()
    setup.act("ben")
    setup.start()
    state, count = await looking
    assert (state.version, state.total, count) == (2, 2, 2)
    assert state is setup.hub.published


async def test_many_who_look_hold_nobody_up(set_up: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop has other turns between their answers; each is of the version that it is given with."""
    monkeypatch.setattr(hub_module, "_ANSWERING_S", 0.0)
    setup = set_up({"ann": 10}, start=False)
    setup.act("ann", 1)
    seen: list[int] = []

    def look(board: Board) -> int:
        seen.append(len(seen))
        standing = board.standing("ann")
        assert standing is not None
        return standing.score

    looking = [asyncio.create_task(setup.hub.look(look)) for _ in range(20)]
    await turns()
    setup.start()
    while not seen:
        await asyncio.sleep(0)
    assert len(seen) < 5
    setup.act("ann", 1)
    answers = await asyncio.gather(*looking)
    assert {(published.version, score) for published, score in answers} == {(2, 11), (3, 12)}


async def test_while_the_board_always_moves_half_of_the_time_is_for_those_who_look(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each publication answers as many as that allows, so that all have their answers soon."""
    ms = itertools.count()
    monkeypatch.setattr(looks_module, "time", SimpleNamespace(perf_counter=lambda: next(ms) / 1000))
    setup = set_up(start=False, interval=0.02)

    async def move() -> None:
        while True:
            setup.act("ann")
            await asyncio.sleep(0)

    moving = asyncio.create_task(move())
    await turns()
    looking = [asyncio.create_task(setup.hub.look(len)) for _ in range(44)]
    await turns()
    setup.start()
    told = Counter(state.version for state, _ in await asyncio.gather(*looking))
    moving.cancel()
    assert sorted(told.values()) == [11] * 4, "the first that ends after 10 ms is the last"


async def test_who_stops_looking_harms_nobody(set_up: SetUp) -> None:
    """A reader that hangs up is skipped, the others are answered."""
    setup = set_up(start=False)
    setup.act("ann")
    leaver = asyncio.create_task(setup.hub.look(len))
    stayer = asyncio.create_task(setup.hub.look(len))
    await turns()
    leaver.cancel()
    await turns()
    setup.start()
    assert (await stayer)[1] == 1


async def test_scores_of_the_moment(set_up: SetUp) -> None:
    """A score is read from the board of now, 0 for who isn't on it."""
    setup = set_up({"ann": 10}, start=False)
    setup.act("ann", 5)
    assert (setup.hub.score_of("ann"), setup.hub.score_of("nobody")) == (15, 0)


async def test_names_that_are_learnt_before_anybody_watches_are_in_the_first_state(set_up: SetUp) -> None:
    """It is still the first version."""
    setup = set_up({"ann": 10}, start=False)
    setup.names.remembered["ann"] = Profile("Ann")
    setup.hub.begin_again()
    [row] = setup.hub.published.rows
    assert (row.username, setup.hub.published.version) == ("Ann", 1)
