"""Any interleaving of what moves the board and what hinders its watchers leaves everybody with the board."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scoreboard_server.live.reader import Reading, View
from scoreboard_server.live.seat import Seat
from scoreboard_server.rules.bans import Banned
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.seasons import Season

from .conftest import Setup, identity
from .fakes import FakeSocket, Watched

USERS = "abcdef"
TOP = 3
T = TypeVar("T")
State = tuple[list[dict[str, Any]], int]


class Client:
    """Somebody at a seat: applies what comes, and adds up what is told of the own score."""

    def __init__(self, setup: Setup, user: str | None) -> None:
        self.socket, self.watched, self.user = FakeSocket(), Watched(), user
        self.seat = Seat(setup.hub, self.socket.write, self.socket.dismiss)
        setup.hub.join(self.seat)
        self.score = 0
        if user is not None:
            setup.hub.own(self.seat, identity(user))
            self.score = setup.hub.score_of(user)

    @property
    def lags(self) -> bool:
        """Whether a write is under way."""
        return self.socket._under_way is not None

    def read(self) -> None:
        """Take what has come; each change leads to the score that it is told with."""
        for frame in self.socket.take():
            if frame["type"] == "leaderboard.update":
                self.watched.apply(frame)
                continue
            assert self.user is not None, "somebody else's score"
            assert frame["data"]["change"] != 0
            self.score += frame["data"]["change"]
            assert self.score == frame["data"]["newScore"]

    def state(self) -> State:
        """What is shown."""
        return self.watched.rows, self.watched.total


class LiveMachine(RuleBasedStateMachine):
    """One hub, one watcher that always keeps up and so knows each version, and others that don't."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.seasons = 1
        self.bans: set[str] = set()
        self.clients: list[Client] = []
        self.gone: list[Client] = []
        self.history: dict[tuple[str, int], State] = {}
        self.run(self._begin())

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        """Have it happen inside of the loop."""
        result = self.runner.run(what)
        self._note()
        return result

    async def _begin(self) -> None:
        self.setup = Setup({"a": 9, "b": 6, "c": 3})
        self.witness = Client(self.setup, None)
        self.setup.start()

    def _note(self) -> None:
        """The witness never lags, so it has seen every version on its way."""
        for frame in self.witness.socket.take():
            self.witness.watched.apply(frame)
            key = frame["epoch"], frame["version"]
            assert key not in self.history, "a version twice"
            self.history[key] = self.witness.state()

    # --- what moves the board ---------------------------------------------------------------------

    @rule(user=st.sampled_from(USERS), points=st.integers(-5, 9), published=st.booleans())
    def act(self, user: str, points: int, published: bool) -> None:
        """An entry, of somebody hidden as well; published at once, or with what comes next."""
        self.setup.act(user, points)
        if published:
            self.publish()

    @rule(data=st.data())
    def ban(self, data: st.DataObject) -> None:
        """Hidden, and sent away; more often than not somebody who watches."""
        watching = sorted({client.user for client in self.clients if client.user})
        user = data.draw(st.sampled_from(watching or USERS) | st.sampled_from(USERS))
        self.bans.add(user)
        self.setup.live.hide(user)
        self.setup.hub.dismiss(user, lambda _: True, Banned())

    @precondition(lambda self: self.bans)
    @rule(data=st.data())
    def unban(self, data: st.DataObject) -> None:
        """Shown again, with what was added meanwhile."""
        user = data.draw(st.sampled_from(sorted(self.bans)))
        self.bans.discard(user)
        self.setup.live.show(user)

    @rule(scores=st.dictionaries(st.sampled_from(USERS), st.integers(-9, 50)))
    def reload(self, scores: dict[str, int]) -> None:
        """Another board; bans outlive it."""
        self.seasons += 1
        season = Season(self.seasons, f"season-{self.seasons}", self.seasons)
        standings = [(user, score, at) for at, (user, score) in enumerate(scores.items(), 1)]
        board = Board(standings, hidden=self.bans)
        self.setup.live.replace(board, season)

    @rule()
    def publish(self) -> None:
        """Everything so far reaches who keeps up."""
        self.run(self.setup.published())

    # --- what watchers do -------------------------------------------------------------------------

    @precondition(lambda self: len(self.clients) < 4)
    @rule(user=st.none() | st.sampled_from(USERS), lags=st.booleans())
    def come(self, user: str | None, lags: bool) -> None:
        """A socket opens and proves who it is; the banned are let in as strangers only."""
        who = None if user in self.bans else user
        self.run(self._come(who))
        self.clients[-1].socket.lags = lags

    async def _come(self, user: str | None) -> None:
        self.clients.append(Client(self.setup, user))

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), comes_back=st.booleans())
    def go(self, data: st.DataObject, comes_back: bool) -> None:
        """A socket closes, perhaps in the middle of a write; the user may open another one."""
        client = data.draw(st.sampled_from(self.clients))
        self.clients.remove(client)
        self.setup.hub.leave(client.seat)
        if comes_back:
            self.come(client.user, False)

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), lags=st.booleans())
    def turn(self, data: st.DataObject, lags: bool) -> None:
        """The next writes of a client stay under way, or don't."""
        data.draw(st.sampled_from(self.clients)).socket.lags = lags

    @precondition(lambda self: any(client.lags for client in self.clients))
    @rule(data=st.data())
    def drain(self, data: st.DataObject) -> None:
        """The write under way of a client that lags ends."""
        client = data.draw(st.sampled_from([each for each in self.clients if each.lags]))
        if data.draw(st.booleans()):
            client.socket.lags = False
        self.run(client.socket.drain())

    @precondition(lambda self: any(client.user for client in self.clients))
    @rule(data=st.data())
    def prove_again(self, data: st.DataObject) -> None:
        """A newer token of the same user."""
        client = data.draw(st.sampled_from([each for each in self.clients if each.user]))
        if client.user is not None and client.user not in self.bans:
            self.setup.hub.own(client.seat, identity(client.user, "t2"))

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def everybody_has_some_version(self) -> None:
        """Each client shows exactly what that version was; who was sent away has left."""
        for client in list(self.clients):
            client.read()
            watched = client.watched
            assert client.state() == self.history[watched.epoch, watched.version]
            assert client.socket.dismissed == (client.user is not None and client.user in self.bans)
            if client.socket.dismissed:
                self.clients.remove(client)
                self.gone.append(client)

    @rule(limit=st.integers(1, 7), mover=st.none() | st.sampled_from(USERS))
    def get(self, limit: int, mover: str | None) -> None:
        """A body over HTTP is what the sockets had at its version, and all of it where it is longer.

        mover: who acts just before, so that the board is not published yet when it is read.
        """

        async def read() -> Reading:
            if mover is not None:
                self.setup.act(mover)
            return await self.setup.reader.read(View(limit=limit))

        reading = self.run(read())
        body = json.loads(reading.body)
        rows, total = self.history[body["epoch"], body["version"]]
        assert body["leaderboard"][:TOP] == rows[:limit]
        assert body["totalUsers"] == total
        assert len(body["leaderboard"]) == min(limit, total)
        assert [row["rank"] for row in body["leaderboard"]] == list(range(1, len(body["leaderboard"]) + 1))

    def teardown(self) -> None:
        """When all is read and published everybody is at the newest version, and knows the own score."""
        try:
            self.run(self._come_to_rest())
            published = self.setup.hub.published
            for client in self.clients:
                client.read()
                assert (client.watched.epoch, client.watched.version) == (published.epoch, published.version)
                assert client.state() == self.witness.state()
                if client.user is not None:
                    assert client.score == self.setup.hub.score_of(client.user)
            assert all(client.socket.frames == [] for client in self.gone), "told behind the goodbye"
            assert self.setup.hub._seats == {c.seat for c in (*self.clients, self.witness)}
        finally:
            self.run(self._end())
            self.runner.close()

    async def _come_to_rest(self) -> None:
        await self.setup.published()
        for client in (*self.clients, *self.gone):
            client.socket.lags = False
            while client.lags:
                await client.socket.drain()

    async def _end(self) -> None:
        assert self.setup.task is not None
        assert not self.setup.task.done(), "the hub has died"
        self.setup.task.cancel()


LiveMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestLive = LiveMachine.TestCase
