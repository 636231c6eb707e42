"""A seat: one write in flight, and whoever lags gets the newest state."""

from __future__ import annotations

import asyncio
import random

import pytest

from scoreboard_server.rules.bans import Banned

from .conftest import SetUp, identity
from .fakes import Watched


async def test_a_socket_that_keeps_up_gets_every_version(set_up: SetUp) -> None:
    """Nothing is turned into a snapshot without need."""
    setup = set_up()
    _, socket = setup.sit()
    for _ in range(3):
        setup.act("ann")
        await setup.published()
    assert [(f["version"], f["snapshot"]) for f in socket.take()] == [(2, False), (3, False), (4, False)]


async def test_a_socket_that_lags_gets_one_newest_snapshot(set_up: SetUp) -> None:
    """What was missed behind a write that does not finish is one frame, not a queue."""
    setup = set_up()
    _, socket = setup.sit()
    socket.lags = True
    for _ in range(50):
        setup.act("ann")
        await setup.published()
    assert [f["version"] for f in socket.take()] == [2]
    await socket.drain()
    (caught_up,) = socket.take()
    assert (caught_up["version"], caught_up["snapshot"]) == (51, True)
    assert caught_up["data"]["updatedPositions"][0]["score"] == 500
    socket.lags = False
    await socket.drain()
    assert socket.take() == []
    setup.act("ann")
    await setup.published()
    assert [(f["version"], f["snapshot"]) for f in socket.take()] == [(52, False)]
    assert setup.hub.counts.catching_up == 1


async def test_who_missed_nothing_gets_nothing_more(set_up: SetUp) -> None:
    """A slow write alone costs no snapshot."""
    setup = set_up()
    _, socket = setup.sit()
    socket.lags = True
    setup.act("ann")
    await setup.published()
    await socket.drain()
    assert [f["snapshot"] for f in socket.take()] == [False]


async def test_a_lagging_owner_is_told_the_sum(set_up: SetUp) -> None:
    """Own scores missed while lagging arrive as one message with the summed change, after the board."""
    setup = set_up()
    _, socket = setup.sit("ann")
    socket.lags = True
    for _ in range(5):
        setup.act("ann")
        await setup.published()
    assert [f["type"] for f in socket.take()] == ["leaderboard.update"]
    await socket.drain()
    assert [(f["type"], f.get("version")) for f in socket.take()] == [("leaderboard.update", 6)]
    await socket.drain()
    (told,) = socket.take()
    assert told["data"] == {"newScore": 50, "leaderboardPosition": 1, "change": 50}


async def test_a_rank_that_moves_alone_is_no_score_update(set_up: SetUp) -> None:
    """The message is about the score; where the board has moved around it, the board tells."""
    setup = set_up({"ann": 10, "ben": 5})
    _, socket = setup.sit("ann")
    setup.act("ben")
    await setup.published()
    assert [f["type"] for f in socket.take()] == ["leaderboard.update"]


async def test_changes_count_from_the_moment_of_the_proof(set_up: SetUp) -> None:
    """What was scored before is not told as a change."""
    setup = set_up({"ann": 100})
    _, socket = setup.sit("ann")
    setup.act("ann", 7)
    await setup.published()
    changes = [f["data"]["change"] for f in socket.take() if f["type"] == "user.scoreUpdate"]
    assert changes == [7]


async def test_proving_it_again_loses_no_change(set_up: SetUp) -> None:
    """A newer token of the same user, sent just before a publication, swallows nothing."""
    setup = set_up({"ann": 100})
    seat, socket = setup.sit("ann")
    setup.act("ann", 7)
    setup.hub.own(seat, identity("ann"))
    await setup.published()
    changes = [f["data"]["change"] for f in socket.take() if f["type"] == "user.scoreUpdate"]
    assert changes == [7]


@pytest.mark.parametrize("error", [ConnectionResetError(), asyncio.CancelledError()])
async def test_a_write_that_fails_is_the_last(set_up: SetUp, error: BaseException) -> None:
    """Nothing is sent after a socket that broke, and nobody else notices."""
    setup = set_up()
    _, broken = setup.sit("ann")
    _, other = setup.sit()
    broken.lags = True
    for _ in range(2):
        setup.act("ann")
        await setup.published()
    await broken.drain(error)
    assert [f["version"] for f in broken.take()] == [2]
    assert [f["version"] for f in other.take()] == [2, 3]


async def test_a_socket_that_is_gone_already_does_no_harm(set_up: SetUp) -> None:
    """A write refused at once is looked at, so that nothing complains about it later."""
    setup = set_up()
    _, gone = setup.sit()
    _, other = setup.sit()

    def refuse(data: bytes) -> asyncio.Future[None]:
        refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        refused.set_exception(ConnectionResetError())
        return refused

    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    gone_seat = next(seat for seat in setup.hub._seats if seat._write_bytes == gone.write)
    gone_seat._write_bytes = refuse
    setup.act("ann")
    await setup.published()
    setup.act("ann")
    await setup.published()
    assert [f["version"] for f in other.take()] == [2, 3]
    assert complaints == []


@pytest.mark.parametrize("seed", range(20))
async def test_however_it_lags_it_ends_at_the_board(set_up: SetUp, seed: int) -> None:
    """Entries, publications, slow and ending writes in any order: no gap, no step back, the same rows."""
    chance = random.Random(seed)
    setup = set_up()
    _, socket = setup.sit("a")
    watched = Watched()
    watched.apply({**_opening(setup.hub.published.epoch)})
    own = 0

    def read() -> None:
        nonlocal own
        for frame in socket.take():
            if frame["type"] == "user.scoreUpdate":
                own += frame["data"]["change"]
                assert own == frame["data"]["newScore"]
            else:
                watched.apply(frame)

    for _ in range(200):
        match chance.randrange(4):
            case 0 | 1:
                setup.act(chance.choice("abcdef"), chance.randint(-5, 9))
            case 2:
                socket.lags = chance.random() < 0.7
                await setup.published()
            case 3 if socket._under_way is not None:
                await socket.drain()
        read()
    socket.lags = False
    await setup.published()
    while socket._under_way is not None:
        await socket.drain()
    read()
    published = setup.hub.published
    assert (watched.version, watched.total) == (published.version, published.total)
    assert [(r["userId"], r["score"]) for r in watched.rows] == [
        (s.user, s.score) for s in setup.live.board.page(0, 3)
    ]
    assert own == setup.hub.score_of("a")


def _opening(epoch: str) -> dict[str, object]:
    data = {"updatedPositions": [], "removed": [], "totalUsers": 0}
    return {"type": "leaderboard.update", "epoch": epoch, "version": 1, "snapshot": True, "data": data}


async def test_who_is_sent_away_is_shown_nothing_more(set_up: SetUp) -> None:
    """Not even what was missed behind a write that ends later: the goodbye is the last frame."""
    setup = set_up()
    seat, socket = setup.sit("ann")
    socket.lags = True
    setup.act("ann")
    await setup.published()
    setup.act("ann")
    await setup.published()
    assert len(socket.take()) == 1
    seat.dismiss(Banned())
    assert isinstance(socket.told_why, Banned)
    await socket.drain()
    assert socket.take() == []
