"""How users are shown: learnt from their tokens, kept in the store, remembered for those on display."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import Collection
from typing import NoReturn

from ..live.live_board import LiveBoard
from ..rules.profiles import Profile
from .ports import ProfileStore, StoreUnavailable

log = logging.getLogger("scoreboard.profiles")

# How long anybody waits for names; without them ids are shown.
PATIENCE_S = 0.5
_REST_S = 1.0
_SAVE_INTERVAL_S = 0.5
_SAVED_AT_ONCE = 1000
# The loop stands still while a round's answer is read; who finds all rounds full goes without names.
_ROUND_SIZE = 1000
_ROUNDS = 20
_NOTHING = Profile()


def merged(old: Profile, new: Profile) -> Profile:
    """`new` where it tells something, else `old`."""
    return Profile(new.name or old.name, new.avatar or old.avatar)


def _added(known: Profile, told: Profile) -> Profile:
    """What `told` has and `known` lacks."""
    return Profile(None if known.name else told.name, None if known.avatar else told.avatar)


class _Round:
    """Users whose profiles are read together, and what is heard of them while that takes its time."""

    def __init__(self) -> None:
        self.users: set[str] = set()
        self.heard: dict[str, Profile] = {}
        self.over = asyncio.Event()

    def hear(self, user: str, profile: Profile) -> None:
        if user in self.users:
            self.heard[user] = merged(self.heard.get(user, _NOTHING), profile)


class ProfileBook:
    """A bounded memory of profiles in front of the store.

    One read is under way at a time, for those who have asked meanwhile: a store that hangs holds up one
    thread of the driver, not all of them, and those who wait go on without names after half a second.

    capacity: how many profiles are remembered; those not remembered are fetched when they are shown.
    """

    def __init__(self, store: ProfileStore, live: LiveBoard, *, capacity: int = 50_000) -> None:
        self._store = store
        self._live = live
        self._capacity = capacity
        # Both in the order in which they are forgotten.
        self._known: OrderedDict[str, Profile] = OrderedDict()
        # Of users who are not shown: what their tokens told, so that it is saved once and not at each action.
        self._half_known: OrderedDict[str, Profile] = OrderedDict()
        self._unsaved: dict[str, Profile] = {}
        self._saving: dict[str, Profile] = {}
        self._overtaken: dict[str, Profile] = {}
        self._something_to_save = asyncio.Event()
        self._next_rounds: deque[_Round] = deque()
        self._something_to_fetch = asyncio.Event()
        self._reading: _Round | None = None
        self._is_resting = False

    def known(self, user: str) -> Profile | None:
        """The profile as remembered; None when it has to be fetched."""
        return self._known.get(user)

    def shown(self, user: str) -> Profile | None:
        """The profile as remembered, or what a token told of it while the store has not told the rest."""
        return self._known.get(user) or self._half_known.get(user)

    async def fetch(self, users: Collection[str]) -> None:
        """Remember these users' profiles, or return after half a second without them."""
        if not users or self._is_resting:  # the store has just failed
            return
        rounds = {chosen for user in users if (chosen := self._round_with(user)) is not None}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                for chosen in rounds:
                    await chosen.over.wait()

    def seen(self, user: str, profile: Profile) -> None:
        """A token has told this profile of its user."""
        before = self.shown(user) or _NOTHING
        after = merged(before, profile)
        if after == before:
            return
        self._unsaved[user] = merged(self._unsaved.get(user, _NOTHING), profile)
        self._something_to_save.set()
        self._hear(user, profile)
        if user in self._known or (after.name and after.avatar):
            self._show(user, after)
        else:  # the store may know the half that this token doesn't tell; it is asked when the user is shown
            self._keep(self._half_known, user, after)

    async def introduce(self, user: str, profile: Profile) -> None:
        """A token that does nothing tells this profile: it adds what nobody has told.

        It renames nobody, as it may be an old one of a page that was forgotten.
        """
        if profile == _NOTHING:
            return
        if self.known(user) is None:
            await self.fetch([user])
        known = self.known(user)
        if known is not None:  # only what is missing is saved: another server may be renaming the rest
            self.seen(user, _added(known, profile))

    def changed(self, user: str, profile: Profile) -> None:
        """The store tells this profile; what waits here to be saved is newer.

        What is just being saved is not: another process may have written after it. The feed tells both in
        the order in which they were written, so the last that is told is what the store keeps.
        """
        if user in self._saving:
            self._overtaken[user] = self._saving[user]
        self._hear(user, merged(profile, self._newer(user)))
        known, half_known = self._known.get(user), self._half_known.get(user)
        if half_known is not None:
            self._half_known[user] = merged(merged(half_known, profile), self._newer(user))
        if known is None:
            self._live.repaint(user)  # who is shown may have been forgotten here; it is fetched if so
            return
        after = merged(merged(known, profile), self._newer(user))
        if after != known:
            self._show(user, after)

    def forget(self) -> None:
        """Changes may have been missed: everything is read again when it is shown."""
        self._known.clear()
        self._half_known.clear()
        self._overtaken |= self._saving
        if self._reading is not None:
            users, self._reading.users = self._reading.users, set()
            for user in users:
                self._round_with(user)

    async def run(self) -> None:
        """Fetch what is asked for and save what was learnt, for ever. To be supervised."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._fetch_for_ever())
            both.create_task(self._save_for_ever())

    # --- fetching ---------------------------------------------------------------------------------

    async def _fetch_for_ever(self) -> NoReturn:
        while True:
            if not self._next_rounds:
                self._something_to_fetch.clear()
            await self._something_to_fetch.wait()
            if not await self._read_round(self._next_rounds.popleft()):
                self._is_resting = True
                await asyncio.sleep(_REST_S)
                self._is_resting = False

    def _round_with(self, user: str) -> _Round | None:
        """A round to come that asks for this user, None when none has a place left."""
        for chosen in self._next_rounds:
            if user in chosen.users:
                return chosen
        if not self._next_rounds or len(self._next_rounds[-1].users) >= _ROUND_SIZE:
            if len(self._next_rounds) >= _ROUNDS:
                return None
            self._next_rounds.append(_Round())
            self._something_to_fetch.set()
        self._next_rounds[-1].users.add(user)
        return self._next_rounds[-1]

    async def _read_round(self, current: _Round) -> bool:
        """Whether the store has answered."""
        self._reading = current
        for user in current.users & self._unsaved.keys():  # the save may be done before the read is answered
            current.hear(user, self._newer(user))
        try:
            found = await self._store.load(current.users)
        except StoreUnavailable:
            return False
        else:
            for user in current.users:
                read, heard = found.get(user, _NOTHING), current.heard.get(user, _NOTHING)
                self._remember(user, merged(read, heard))
            return True
        finally:
            self._reading = None
            current.over.set()

    def _hear(self, user: str, profile: Profile) -> None:
        if self._reading is not None:
            self._reading.hear(user, profile)

    # --- saving -----------------------------------------------------------------------------------

    async def _save_for_ever(self) -> NoReturn:
        while True:
            await self._something_to_save.wait()
            await self.save()
            await asyncio.sleep(_SAVE_INTERVAL_S)

    async def save(self) -> None:
        """Save some of what was learnt; what can't be saved now stays to be saved."""
        some = dict(list(self._unsaved.items())[:_SAVED_AT_ONCE])
        self._saving = some
        try:
            await self._store.save(some)
        except StoreUnavailable:
            log.debug("profiles stay unsaved: the store is away")
            return
        finally:
            self._saving, self._overtaken = {}, {}
        for user, profile in some.items():
            if self._unsaved.get(user) is profile:
                del self._unsaved[user]
        if not self._unsaved:
            self._something_to_save.clear()

    def _newer(self, user: str) -> Profile:
        """What waits to be saved and was learnt after what the store tells."""
        unsaved = self._unsaved.get(user, _NOTHING)
        return _NOTHING if unsaved is self._overtaken.get(user) else unsaved

    # --- remembering ------------------------------------------------------------------------------

    def _show(self, user: str, profile: Profile) -> None:
        self._remember(user, profile)
        self._live.repaint(user)

    def _remember(self, user: str, profile: Profile) -> None:
        self._half_known.pop(user, None)
        self._keep(self._known, user, profile)

    def _keep(self, memory: OrderedDict[str, Profile], user: str, profile: Profile) -> None:
        if user not in memory and len(memory) >= self._capacity:
            memory.popitem(last=False)
        memory[user] = profile
