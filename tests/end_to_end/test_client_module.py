"""The client module in Node: whatever happens to the connection, what it shows is the board."""

from __future__ import annotations

import asyncio
import random
import subprocess
from typing import Any

import pytest

from scoreboard_server.web.page_handler import STATIC

from ..chaos.proxy import Proxy
from ..conftest import Api, StartServer, not_here, token
from ..mongod import free_port
from .following import Follower, follower, node, scripted, update
from .watchers import NODE

pytestmark = pytest.mark.node


async def agrees(following: Follower, api: Api) -> None:
    """Wait until it shows what HTTP tells."""
    board = await api.board()
    told = (board["epoch"], board["version"])
    await following.until(lambda f: told in f.versions())
    shown = following.boards[following.versions().index(told)]
    assert (shown["rows"], shown["totalUsers"]) == (board["leaderboard"], board["totalUsers"])


# --- in front of the server -----------------------------------------------------------------------


async def test_it_outlives_restarts_of_the_server(start_server: StartServer) -> None:
    """After each it is live again by itself, with the board of the new server and what happens on it."""
    port = free_port()
    server = await start_server(server__port=port)
    async with follower(Api(server).socket_url()) as following:
        for restart in range(3):
            api = Api(server)
            for n in range(restart + 1):
                await api.act(f"u{n}", f"a{n}")
                await agrees(following, api)
            await server.stop()
            await following.until(lambda f: f.words()[-1:] == ["reconnecting"])
            server = await start_server(server__port=port)
            await following.until(lambda f: f.words()[-1:] == ["live"])
        await agrees(following, Api(server))
    assert following.words() == ["connecting", *["live", "reconnecting"] * 3, "live", "closed"]
    assert all(0 <= pause <= 15_000 for pause in following.pauses())


async def test_it_outlives_dropped_connections(start_server: StartServer) -> None:
    """Cut in the midst of updates, again and again, it misses nothing in the end and never goes back."""
    api = Api(await start_server(live__interval_ms=10))
    proxy = Proxy(int(api.server.address.rpartition(":")[2]), random.Random(5))
    await proxy.start()
    async with follower(f"ws://127.0.0.1:{proxy.port}/ws") as following:
        await following.until(lambda f: f.words()[-1:] == ["live"])
        for drop in range(4):
            lives = following.words().count("live")
            for n in range(10):
                await api.act(f"u{n % 4}", f"a{drop}-{n}")
                if n == 5:
                    proxy.cut()
            await following.until(lambda f, lives=lives: f.words().count("live") > lives)  # type: ignore[misc]
            await agrees(following, api)
    await proxy.stop()
    versions = [version for _, version in following.versions()]
    assert versions == sorted(versions)


async def test_the_own_score_follows_who_it_speaks_for(start_server: StartServer) -> None:
    """With a token it hears of that user's scores; given another's, of the other's; given none, of none."""
    api = Api(await start_server(live__interval_ms=10))
    async with follower(api.socket_url(), token=token("ann")) as following:
        await following.until(lambda f: any(s.get("userId") == "ann" for s in f.states))
        await api.act("ann", "a1")
        await following.until(lambda f: len(f.scores) == 1)
        assert following.scores == [{"newScore": 10, "leaderboardPosition": 1, "change": 10}]
        following.command({"auth": token("ben")})
        await following.until(lambda f: any(s.get("userId") == "ben" for s in f.states))
        await api.act("ann", "a2")
        await api.act("ben", "b1")
        await following.until(lambda f: len(f.scores) == 2)
        assert following.scores[1]["leaderboardPosition"] == 2
        shown = len(following.boards)
        following.command({"auth": None})
        await following.until(lambda f: len(f.boards) > shown)
        await api.act("ben", "b2")
        await agrees(following, api)
    assert len(following.scores) == 2
    assert "reconnecting" not in following.words()


async def test_a_bad_token_leaves_a_watcher_who_watches(start_server: StartServer) -> None:
    """It is told why, stays on the same socket, and sees the board move."""
    api = Api(await start_server())
    async with follower(api.socket_url(), token="x.y.z") as following:
        await following.until(lambda f: any(s.get("code") == "token_invalid" for s in f.states))
        await api.act("ann", "a1")
        await agrees(following, api)
    assert following.words() == ["connecting", "live", "closed"]


# --- in front of a script -------------------------------------------------------------------------


async def test_only_what_follows_is_shown() -> None:
    """Gaps, repeats, updates of an epoch gone by or without a snapshot: none is shown, and it asks anew."""
    scripts: list[list[Any]] = [
        [update("a", 5, "ann", snapshot=True), update("a", 6, "ben", "ann"), update("0", 7, "old")],
        [update("a", 3, "early")],
        [update("b", 1, "ann", snapshot=True), update("b", 3, "gap")],
        [update("b", 3, "cat", snapshot=True), update("b", 3, "again")],
        [
            update("b", 4, "cat", "ann", snapshot=True),
            update("b", 9, "lag", "cat", snapshot=True),
            update("c", 1, "new", snapshot=True),
            update("c", 2, "newer", removed=["new"]),
        ],
    ]
    async with scripted(*scripts) as server, follower(server.url) as following:
        await following.until(lambda f: ("c", 2) in f.versions())
        versions = " ".join(f"{epoch}{version}" for epoch, version in following.versions())
        assert versions == "a5 a6 b1 b3 b4 b9 c1 c2"
        shown = [[row["userId"] for row in board["rows"]] for board in following.boards]
        assert shown[1] == ["ben", "ann"]
        assert shown[5:] == [["lag", "cat"], ["new"], ["newer"]]
        assert len(server.heard) == len(scripts)


GREETING = update("a", 1, "ann", snapshot=True)
OWNED = {"type": "auth.ok", "userId": "ann", "expiresAt": "2030-01-01T00:00:00Z"}


@pytest.mark.parametrize("code", [4401, 4403])
@pytest.mark.parametrize("handed", ["once", "asked"])
async def test_a_refused_user_watches_on_as_nobody(code: int, handed: str) -> None:
    """Sent away for the token's sake it soon comes back without it; a function is asked for another."""
    refusal = {"type": "error", "code": "banned", "message": "You are banned."}
    async with (
        scripted([OWNED, GREETING, refusal, code], [GREETING]) as server,
        follower(server.url, token="t", handed=handed) as following,
    ):
        await following.until(lambda f: len(f.boards) == 2)
        assert following.pauses()[0] <= 500
        assert [s["message"] for s in following.states if s.get("code") == "banned"] == ["You are banned."]
        following.command({"close": True})
        await following.until(lambda f: f.words()[-1:] == ["closed"])
    assert server.heard[0] == [{"type": "auth", "token": "t"}]
    assert server.heard[1] == ([{"type": "auth", "token": "t"}] if handed == "asked" else [])


@pytest.mark.parametrize("code", [1001, 1006, 1011, 1012])
async def test_it_soon_comes_back_to_a_server_that_stops(code: int) -> None:
    """The first attempt within half a second, with the token again."""
    closing = 1011 if code == 1006 else code
    async with (
        scripted([OWNED, GREETING, closing], [OWNED, GREETING]) as server,
        follower(server.url, token="t") as following,
    ):
        await following.until(lambda f: len(f.boards) == 2)
        assert len(following.pauses()) == 1 and following.pauses()[0] <= 500
        assert server.heard[1] == [{"type": "auth", "token": "t"}]


@pytest.mark.parametrize("code", ["keys_unavailable", "too_many_sockets", "rate_limited"])
async def test_a_token_that_can_not_be_looked_at_now_is_kept(code: str) -> None:
    """It watches on as nobody, on the same socket, and says that it asks again in 15 to 30 seconds."""
    refusal = {"type": "error", "code": code, "message": "Not now."}
    async with (
        scripted([GREETING, refusal], [GREETING]) as server,
        follower(server.url, token="t") as following,
    ):
        await following.until(lambda f: len(f.pauses()) == 1)
        assert 15_000 <= following.pauses()[0] <= 30_000
        assert following.states[-1]["message"] == "Not now."
        await asyncio.sleep(0.3)
        assert (following.words(), len(server.heard)) == (["connecting", "live"], 1)


async def test_a_token_that_can_not_be_had_now_is_asked_for_again() -> None:
    """A function that rejects ends nothing: the board is watched as nobody, and a next time is told."""
    async with scripted([GREETING]) as server, follower(server.url, handed="failing") as following:
        await following.until(lambda f: len(f.pauses()) == 1 and len(f.boards) == 1)
        (told,) = [state for state in following.states if "code" in state]
        assert (told["code"], told["message"]) == ("token_unavailable", "TypeError: fetch failed")
        assert 15_000 <= told["retryInMs"] <= 30_000
        assert (following.words(), server.heard) == (["connecting", "live"], [[]])


async def test_a_server_that_dies_at_each_greeting_is_not_hammered() -> None:
    """The pauses grow, though each connection has shown a board."""
    async with scripted([GREETING, 1011]) as server, follower(server.url, random="0.5") as following:
        await following.until(lambda f: len(f.pauses()) == 5)
        assert following.pauses() == [250, 500, 1000, 2000, 4000]
        assert len(server.heard) == 5


async def test_closed_it_is_silent_for_good() -> None:
    """No attempt follows, and a token given later opens nothing."""
    async with scripted([GREETING]) as server, follower(server.url) as following:
        await following.until(lambda f: len(f.boards) == 1)
        following.command({"close": True})
        following.command({"auth": "t"})
        await following.until(lambda f: f.words()[-1:] == ["closed"])
        await asyncio.sleep(0.5)
        assert len(server.heard) == 1


async def test_who_never_answers_is_left() -> None:
    """A peer that takes the connection and says nothing is given up within seconds, and tried again."""
    openings = 0

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal openings
        openings += 1
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with follower(f"ws://127.0.0.1:{port}/ws", random="0") as following:
        await following.until(lambda f: len(f.pauses()) == 1)
        async with asyncio.timeout(30):
            while openings < 2:
                await asyncio.sleep(0.1)
    listening.close()


# --- types ----------------------------------------------------------------------------------------


def test_its_types_hold() -> None:
    """TypeScript, at its strictest, finds nothing in the module or in the page's parts."""
    compiler = NODE / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        not_here("the types of the client module (run: npm install --prefix tests/node)")
    options = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--target", "es2023", "--module", "esnext"]
    parts = sorted(str(path) for path in STATIC.glob("*.js"))
    done = subprocess.run(
        [node(), compiler, *options, "--lib", "es2023,dom,dom.iterable", *parts],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
