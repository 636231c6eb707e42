"""Tickets: bound to user, type and time, in one spelling."""

from __future__ import annotations

from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.rules.identifiers import is_action_id
from scoreboard_server.rules.refusals import Refusal, TooMany, Unacceptable
from scoreboard_server.rules.tickets import LENGTH, NONCE_BYTES, TicketOffice

OLD, NEW = b"o" * 32, b"n" * 32
OFFICE = TicketOffice([NEW])
GIVEN = OFFICE.give("ann", "quiz", not_before=1_000, not_after=9_000, nonce=bytes(range(NONCE_BYTES)))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:~-+/="


def refusal(text: str, user: str = "ann", kind: str = "quiz", now: int = 5_000) -> str | None:
    """The code with which a claim is refused, None when it is good."""
    try:
        OFFICE.check(text, user, kind, now=now)
    except Refusal as refused:
        return refused.code
    return None


def test_it_is_an_action_id() -> None:
    """It fits where any other id does."""
    assert len(GIVEN.text) == LENGTH and is_action_id(GIVEN.text)


@pytest.mark.parametrize("now", [1_000, 5_000, 9_000])
def test_it_is_good_in_its_time(now: int) -> None:
    """From the first to the last of its milliseconds."""
    assert refusal(GIVEN.text, now=now) is None


def test_it_is_good_for_one_user_and_one_type() -> None:
    """Not for another one, nor for names that only together read the same."""
    assert refusal(GIVEN.text, user="ben") == "ticket_invalid"
    assert refusal(GIVEN.text, kind="match") == "ticket_invalid"
    assert refusal(GIVEN.text, user="an", kind="nquiz") == "ticket_invalid"


def test_before_its_time_it_says_how_long() -> None:
    """Rounded up to whole seconds."""
    with pytest.raises(TooMany) as refused:
        OFFICE.check(GIVEN.text, "ann", "quiz", now=-500)
    assert (refused.value.code, refused.value.retry_after) == ("too_soon", 2)


def test_after_its_time_it_has_expired() -> None:
    """With a refusal of its own, as what was claimed in time stays counted."""
    assert refusal(GIVEN.text, now=9_001) == "ticket_expired"


@given(st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_no_other_character_will_do(place: int, other: str) -> None:
    """Changing any one changes the ticket, also where a decoder would read the same bytes."""
    text = GIVEN.text[:place] + other + GIVEN.text[place + 1 :]
    if text != GIVEN.text:
        assert refusal(text) == "ticket_invalid"


@given(st.text(alphabet=ALPHABET, max_size=64))
def test_nothing_made_up_is_a_ticket(text: str) -> None:
    """Whatever its length; it is refused and nothing else happens."""
    assert refusal(text) == "ticket_invalid"


@pytest.mark.parametrize("more", ["=", "==", "A", "\n", " "])
def test_there_is_one_spelling(more: str) -> None:
    """A decoder would read the same bytes with something behind or before them."""
    assert urlsafe_b64decode(GIVEN.text + "==") == urlsafe_b64decode(GIVEN.text)
    assert refusal(GIVEN.text + more) == refusal(more + GIVEN.text) == "ticket_invalid"
    assert refusal("é" * LENGTH) == "ticket_invalid"


def test_an_older_secret_is_still_known() -> None:
    """What another office has given is good where its secret is known, and the first one signs."""
    old = TicketOffice([OLD]).give("ann", "quiz", not_before=0, not_after=9_000, nonce=bytes(NONCE_BYTES))
    TicketOffice([NEW, OLD]).check(old.text, "ann", "quiz", now=1)
    with pytest.raises(Unacceptable):
        OFFICE.check(old.text, "ann", "quiz", now=1)
    new = TicketOffice([NEW, OLD]).give("ann", "quiz", not_before=0, not_after=9, nonce=bytes(NONCE_BYTES))
    OFFICE.check(new.text, "ann", "quiz", now=1)


def test_a_ticket_says_nothing_of_the_secret() -> None:
    """Two of the same user and type share nothing but their times."""
    other = OFFICE.give("ann", "quiz", not_before=1_000, not_after=9_000, nonce=bytes(NONCE_BYTES))
    assert urlsafe_b64decode(other.text)[22:] != urlsafe_b64decode(GIVEN.text)[22:]
