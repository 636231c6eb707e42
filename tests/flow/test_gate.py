"""The gate: may this identity have this action counted?"""

from __future__ import annotations

import pytest

from scoreboard_server.flow.gate import Admitted, Gate
from scoreboard_server.flow.loading import Loaded
from scoreboard_server.flow.ports import EntryAppended
from scoreboard_server.rules.action_types import ActionType, Catalogue, Proof, UnknownActionType
from scoreboard_server.rules.bans import Ban, BanList, Banned
from scoreboard_server.rules.board import Board
from scoreboard_server.rules.claims import READ, WRITE, WRITE_ANY, Identity
from scoreboard_server.rules.entry import Submission
from scoreboard_server.rules.profiles import Profile
from scoreboard_server.rules.refusals import Forbidden, TooMany, Unacceptable
from scoreboard_server.rules.tallies import DAY_US, CapReached, DayCount, Tallies
from scoreboard_server.rules.tickets import TicketExpired, TicketOffice

from .fakes import SEASON

SECOND = 1_000_000
NOW = 20_000 * DAY_US + 3_600 * SECOND


def identity(*scopes: str, user: str = "ann") -> Identity:
    """Ann, with these scopes."""
    return Identity(user, "t1", 1e12, frozenset(scopes or (WRITE,)), Profile())


class Setup:
    """A gate with a clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW
        self.bans = BanList()
        catalogue = Catalogue(
            [
                ActionType("open", 10),
                ActionType("daily", 5, per_day=2),
                ActionType("quiz", 50, Proof.TICKET, min_seconds=3, ticket_ttl=60),
                ActionType("match", 100, Proof.TRUSTED),
            ]
        )
        self.gate = Gate(
            catalogue,
            TicketOffice([b"s" * 32]),
            bans=self.bans,
            tallies=Tallies(),
            now_us=lambda: self.now,
        )

    def admit(self, who: Identity, action: str, kind: str, user: str | None = None) -> Admitted:
        return self.gate.admit(self.gate.claim(who, action, kind, user))

    def ban(self, until: int | None = None) -> None:
        self.bans.put(Ban("ann", "b1", "cheats", "admin", self.now, until))


@pytest.fixture
def setup() -> Setup:
    return Setup()


def test_a_user_claims_for_herself(setup: Setup) -> None:
    """The submission is hers, and the points are the catalogue's."""
    admitted = setup.admit(identity(), "a1", "open")
    assert admitted.submission == Submission("ann", "a1", "open")
    assert admitted.points == 10


def test_a_trusted_server_claims_for_anyone(setup: Setup) -> None:
    """With `score:write:any`, for a user it names or for itself; its word is proof for any type."""
    server = identity(WRITE_ANY)
    assert setup.admit(server, "a1", "match", "ben").submission.user == "ben"
    assert setup.admit(server, "a1", "open").submission.user == "ann"
    assert setup.admit(server, "a1", "quiz", "ben").points == 50


@pytest.mark.parametrize(
    ("scope", "action_type", "user"),
    [(READ, "open", None), (WRITE, "open", "ben"), (WRITE, "open", "ann"), (WRITE, "match", None)],
)
def test_who_may_not_is_forbidden(setup: Setup, scope: str, action_type: str, user: str | None) -> None:
    """Reading is not writing, and only a trusted server names a user or claims a trusted type."""
    with pytest.raises(Forbidden) as refused:
        setup.admit(identity(scope), "a1", action_type, user)
    assert refused.value.code == "scope_missing"


@pytest.mark.parametrize("action", ["", "x" * 65, "a\x00", 'a"', "$where", "🙂", "a/b", "a\n", "!adjusted/1"])
def test_odd_ids_are_refused(setup: Setup, action: str) -> None:
    """An action id is of its alphabet and length, so none is that of a correction."""
    with pytest.raises(Unacceptable) as refused:
        setup.admit(identity(), action, "open")
    assert refused.value.code == "invalid_request"


def test_an_odd_user_is_refused(setup: Setup) -> None:
    """So is a user id that a trusted server names."""
    with pytest.raises(Unacceptable):
        setup.admit(identity(WRITE_ANY), "a1", "open", "$ne")


@pytest.mark.parametrize("kind", ["nope", "!taken-back"])
def test_an_unknown_type_is_refused(setup: Setup, kind: str) -> None:
    """Also one that only the ledger knows."""
    with pytest.raises(UnknownActionType):
        setup.admit(identity(), "a1", kind)


def test_a_ticket_is_leave_for_one_claim_in_its_time(setup: Setup) -> None:
    """Not before the action can be done, and not after the ticket has expired."""
    ticket = setup.gate.ticket(identity(), "quiz").text
    with pytest.raises(TooMany, match="too_soon"):
        setup.admit(identity(), ticket, "quiz")
    setup.now += 3 * SECOND
    assert setup.admit(identity(), ticket, "quiz").points == 50
    setup.now += 58 * SECOND
    with pytest.raises(TicketExpired):
        setup.admit(identity(), ticket, "quiz")


def test_without_a_ticket_such_a_type_is_not_claimed(setup: Setup) -> None:
    """Neither with an id of one's own nor with the ticket of somebody else."""
    ticket = setup.gate.ticket(identity(user="ben"), "quiz").text
    setup.now += 3 * SECOND
    for action in ("a1", ticket):
        with pytest.raises(Unacceptable, match="ticket_invalid"):
            setup.admit(identity(), action, "quiz")


def test_tickets_can_not_be_farmed_in_parallel(setup: Setup) -> None:
    """Of two taken at once, the second counts its least time after the first one was accepted."""
    one, other = (setup.gate.ticket(identity(), "quiz").text for _ in range(2))
    setup.now += 30 * SECOND
    setup.admit(identity(), one, "quiz")
    with pytest.raises(CapReached, match="too_soon") as refused:
        setup.admit(identity(), other, "quiz")
    assert refused.value.retry_after == 3
    setup.now += 3 * SECOND
    setup.admit(identity(), other, "quiz")


@pytest.mark.parametrize(("kind", "code"), [("open", "ticket_not_needed"), ("nope", "unknown_action_type")])
def test_not_every_type_has_tickets(setup: Setup, kind: str, code: str) -> None:
    """Who asks for one without need is told so."""
    with pytest.raises(Unacceptable, match=code):
        setup.gate.ticket(identity(), kind)
    with pytest.raises(Forbidden):
        setup.gate.ticket(identity(), "match")
    with pytest.raises(Forbidden):
        setup.gate.ticket(identity(READ), "quiz")


def test_what_turns_out_to_add_nothing_is_given_back(setup: Setup) -> None:
    """A repeat takes nothing from the cap; what was counted does."""
    for _ in range(5):
        setup.gate.settle(setup.admit(identity(), "a1", "daily"), counted=False)
    for action in ("a1", "a2"):
        setup.gate.settle(setup.admit(identity(), action, "daily"), counted=True)
    with pytest.raises(CapReached):
        setup.admit(identity(), "a3", "daily")


def test_caps_bind_users_and_not_trusted_servers(setup: Setup) -> None:
    """A server that has rules of its own goes on, and what it claims counts for the user's cap."""
    for i in range(3):
        setup.admit(identity(WRITE_ANY), f"a{i}", "daily", "ann")
    with pytest.raises(CapReached):
        setup.admit(identity(), "a9", "daily")


def test_what_others_count_counts_here(setup: Setup) -> None:
    """By the feed or by a fresh reading; corrections and types that are gone are no actions."""
    setup.gate.appended(EntryAppended("ann", 5, NOW, "daily"))
    setup.gate.appended(EntryAppended("ann", -5, NOW, "!taken-back"))
    setup.admit(identity(), "a1", "daily")
    with pytest.raises(CapReached):
        setup.admit(identity(), "a2", "daily")
    setup.gate.reloaded(Loaded(Board(), SEASON, 0, {("ben", "daily"): DayCount(2, NOW)}, [], [SEASON], []))
    with pytest.raises(CapReached):
        setup.admit(identity(user="ben"), "b1", "daily")


def test_who_is_banned_may_nothing(setup: Setup) -> None:
    """Neither claim nor take tickets, nor have anything claimed; until the ban ends."""
    setup.ban(until=NOW + SECOND)
    for claim in (
        lambda: setup.admit(identity(), "a1", "open"),
        lambda: setup.admit(identity(WRITE_ANY, user="srv"), "a1", "open", "ann"),
        lambda: setup.gate.ticket(identity(), "quiz"),
        lambda: setup.gate.check_welcome("ann"),
    ):
        with pytest.raises(Banned):
            claim()
    setup.now += SECOND
    setup.admit(identity(), "a1", "open")


def test_a_banned_server_claims_for_nobody(setup: Setup) -> None:
    """A ban refuses what its user submits, for whomever it is."""
    setup.ban()
    with pytest.raises(Banned):
        setup.gate.claim(identity(WRITE_ANY), "a1", "open", "ben")
