"""What handlers are given: the verbs, once there are any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..flow.captcha import Captcha
from ..flow.explaining import Explaining
from ..flow.gate import Gate
from ..flow.past_boards import Boards
from ..flow.profile_book import ProfileBook
from ..flow.season_book import SeasonBook
from ..flow.submitting import Submitting
from ..flow.tokens import TokenVerifier
from ..flow.turnstile import Turnstile
from ..live.closings import Closings
from ..live.heartbeat import Heartbeat
from ..live.hub import Hub
from ..live.occupancy import Occupancy
from ..live.reader import Reader
from ..rules.refusals import Refusal, Unavailable
from .access_log import AccessLog
from .traffic import Traffic


@dataclass(frozen=True, slots=True)
class Services:
    """The verbs that handlers call, once the server is ready. captcha: None when nobody is asked for one."""

    submitting: Submitting
    explaining: Explaining
    reader: Reader
    boards: Boards
    seasons: SeasonBook
    hub: Hub
    verifier: TokenVerifier
    profiles: ProfileBook
    gate: Gate
    turnstile: Turnstile
    occupancy: Occupancy
    heartbeat: Heartbeat
    closings: Closings
    captcha: Captcha | None


class Lifecycle:
    """Whether the server can answer. `services` is None while it can't; `refusal()` says why.

    traffic: what was answered, from the first moment to the last. access: what the log is told of it.
    """

    def __init__(self) -> None:
        self.services: Services | None = None
        self.is_stopping = False
        self.traffic = Traffic()
        self.access = AccessLog()
        # From the store, that is: reads go on, but readiness says so.
        self.is_cut_off: Callable[[], bool] = lambda: False

    def refusal(self) -> Refusal:
        """A new one each time: what is raised keeps the frames it comes through, and requests in them."""
        if self.is_stopping:
            return Unavailable("stopping", "The server is stopping.", 2)
        return Unavailable("starting", "The server is starting.", 1)
