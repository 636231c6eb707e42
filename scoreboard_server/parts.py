"""The parts of a ready server, made as the settings say and put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .captchas import make_captcha
from .clock import now_us
from .flow.deciding import Admin
from .flow.explaining import Explaining
from .flow.folding import Folding
from .flow.following import Following, MarkFence, OpenFence, Watched
from .flow.gate import Gate
from .flow.keys import KeyRing
from .flow.lag import Lag
from .flow.loading import Loaded
from .flow.moderating import Moderating
from .flow.past_boards import Boards
from .flow.pipeline import Pipeline
from .flow.ports import Feed, PublishedKeys
from .flow.profile_book import ProfileBook
from .flow.season_book import SeasonBook
from .flow.season_keeper import SCHEDULE, SeasonKeeper
from .flow.season_keeping import SeasonStore
from .flow.submitting import Submitting
from .flow.sweeping import Sweeping
from .flow.tokens import TokenVerifier
from .flow.turnstile import Turnstile
from .flow.vetting import Vetting
from .live.closings import Closings
from .live.heartbeat import Heartbeat
from .live.hub import Hub
from .live.live_board import LiveBoard
from .live.occupancy import Occupancy
from .live.reader import Reader
from .rules.action_types import ActionType, Asked, Catalogue, Proof
from .rules.bans import BanList
from .rules.rate_limit import RateLimit
from .rules.revocations import RevocationList
from .rules.tallies import Tallies
from .rules.tickets import TicketOffice
from .settings import Settings
from .store.opening import Store
from .web.live_socket import PING_INTERVAL_S, PING_PATIENCE_S
from .web.services import Services


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs and verifies. secret: of tickets and captchas; ring, published: of tokens."""

    secret: bytes
    ring: KeyRing
    published: PublishedKeys | None


@dataclass(slots=True)
class Parts:
    """What lives behind the handlers, and what they are given of it.

    sweeping, following, lag, season_keeper: None for a store that no other process can reach.
    """

    store: Store
    live: LiveBoard
    hub: Hub
    profiles: ProfileBook
    pipeline: Pipeline
    folding: Folding
    moderating: Moderating
    sweeping: Sweeping | None
    services: Services
    following: Following | None = None
    lag: Lag | None = None
    season_keeper: SeasonKeeper | None = None

    def to_run(self) -> Iterator[tuple[str, Coroutine[Any, Any, Any]]]:
        """What has to run for as long as the server serves, each with a name for people."""
        yield "profiles", self.profiles.run()
        yield "the writer", self.pipeline.run()
        yield "folding", self.folding.run()
        yield "the hub", self.hub.run()
        yield "the heartbeat", self.services.heartbeat.run()
        yield "moderating", self.moderating.run()
        yield "the seasons", self.services.seasons.run()
        yield "the store", _outlive(self.store)
        if self.sweeping is not None:
            yield "sweeping", self.sweeping.run()
        if self.following is not None:
            yield "following", self.following.run()
        if self.lag is not None:
            yield "measuring the lag", self.lag.run()
        if self.season_keeper is not None:
            yield "keeping seasons", self.season_keeper.run()

    def is_cut_off(self) -> bool:
        """Whether the store is away."""
        return self.pipeline.is_cut_off or self.folding.is_cut_off

    async def fold_and_save(self) -> None:
        """Leave as little as possible to the next start. Raises StoreUnavailable."""
        await self.profiles.save()
        await self.folding.fold_all()


def make_parts(
    settings: Settings, store: Store, loaded: Loaded, keys: Keys, catalogue: Catalogue, *, writer: str
) -> Parts:
    """All of them; nothing runs yet. writer: names this process among all writers, ever.

    Raises SettingsError.
    """
    live = LiveBoard(loaded.board, loaded.season)
    profiles = ProfileBook(store.profiles, live)
    hub = Hub(live, profiles, top=settings.live.top, interval=settings.live.interval_ms / 1000)
    fence = MarkFence(store.feed, writer) if store.feed is not None else OpenFence()
    pipeline = Pipeline(store.ledger, live, fence, writer=writer, now_us=now_us)
    bans, revocations = BanList(loaded.bans), RevocationList(loaded.revocations)
    gate = Gate(catalogue, TicketOffice([keys.secret]), bans=bans, tallies=Tallies(), now_us=now_us)
    gate.reloaded(loaded)
    moderating = Moderating(live, hub, bans=bans, revocations=revocations, now_us=now_us)
    sweeping = _sweeping(store, bans, writer)
    verifier = _verifier(settings, keys, revocations)
    keys.ring.when_lost.append(lambda: moderating.key_lost(verifier.still_vouched))
    captcha = make_captcha(settings, keys.secret, store.spent, lambda: pipeline.is_cut_off)
    vetting = Vetting(captcha, catalogue, time.monotonic)
    reader, book = Reader(live, hub, profiles), SeasonBook(store.seasons, loaded.seasons)
    services = Services(
        submitting=Submitting(verifier.check_still_good, gate, vetting, profiles, pipeline),
        explaining=Explaining(store.history),
        reader=reader,
        boards=Boards(reader, book, store.archives, profiles),
        seasons=book,
        hub=hub,
        verifier=verifier,
        profiles=profiles,
        gate=gate,
        turnstile=turnstile(settings, vetting.refused),
        occupancy=_occupancy(settings),
        heartbeat=Heartbeat(interval=PING_INTERVAL_S, patience=PING_PATIENCE_S, clock=time.monotonic),
        closings=Closings(),
        captcha=captcha,
    )
    folding = _folding(store, pipeline, catalogue, writer)
    parts = Parts(store, live, hub, profiles, pipeline, folding, moderating, sweeping, services)
    if store.feed is not None and isinstance(fence, MarkFence):
        watched: list[Watched] = [gate, moderating, book, *([sweeping] if sweeping is not None else [])]
        parts.following = _following(
            parts, store.feed, fence, watched, position=loaded.position, writer=writer
        )
        parts.lag, parts.season_keeper = Lag(fence, time.monotonic), _season_keeper(store, book, writer)
    return parts


def _following(
    parts: Parts, feed: Feed, fence: MarkFence, watched: Sequence[Watched], *, position: object, writer: str
) -> Following:
    return Following(
        feed,
        parts.store.snapshots,
        parts.live,
        profiles=parts.profiles,
        pipeline=parts.pipeline,
        fence=fence,
        watched=watched,
        writer=writer,
        position=position,
        now_us=now_us,
    )


def _folding(store: Store, pipeline: Pipeline, catalogue: Catalogue, writer: str) -> Folding:
    return Folding(
        store.standings,
        writer=writer,
        now_us=now_us,
        is_capped=catalogue.is_capped,
        appended=lambda: pipeline.counts.entries,
    )


def _sweeping(store: Store, bans: BanList, writer: str) -> Sweeping | None:
    if store.moderation is None:
        return None
    # By another name than the pipeline's, so that what is corrected comes back by the feed.
    return Sweeping(store.moderation, bans=bans, writer=f"{writer}-corrections", now_us=now_us)


def _season_keeper(store: Store, book: SeasonBook, writer: str) -> SeasonKeeper:
    keeping = SeasonStore(store.seasons, store.archives, store.standings)
    return SeasonKeeper(keeping, book, Admin(SCHEDULE, f"{writer}-seasons", now_us))


def _occupancy(settings: Settings) -> Occupancy:
    limits = settings.limits
    return Occupancy(
        in_all=limits.sockets, per_address=limits.sockets_per_ip, per_user=limits.sockets_per_user
    )


def _verifier(settings: Settings, keys: Keys, revocations: RevocationList) -> TokenVerifier:
    auth = settings.auth
    return TokenVerifier(
        keys.ring,
        issuer=auth.issuer,
        audience=auth.audience,
        max_ttl=auth.max_ttl,
        clock=time.time,
        revocations=revocations,
        published=keys.published,
    )


def action_types(settings: Settings) -> list[ActionType]:
    """The catalogue that the settings hold."""
    return [
        ActionType(
            name,
            told.points,
            Proof(told.proof),
            per_minute=told.per_minute,
            per_day=told.per_day,
            min_seconds=told.min_seconds,
            ticket_ttl=told.ticket_ttl,
            captcha=Asked(told.captcha),
        )
        for name, told in settings.actions.items()
    ]


def turnstile(settings: Settings, refused: Callable[[str], None]) -> Turnstile:
    """The rates that the settings hold; 0 is none. An address may use up a whole minute's at once."""
    limits = settings.limits
    per_user, per_address = limits.updates_per_minute, limits.per_ip_per_minute
    return Turnstile(
        RateLimit(per_user, limits.burst or per_user) if per_user else None,
        RateLimit(per_address, per_address) if per_address else None,
        time.monotonic,
        refused,
    )


async def _outlive(store: Store) -> None:
    await store.failed()
