"""Occupancy: places are limited, and come free however they were left."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from scoreboard_server.live.occupancy import Occupancy
from scoreboard_server.rules.refusals import Refusal, TooMany, Unavailable


def occupancy(in_all: int = 0, per_address: int = 0, per_user: int = 0) -> Occupancy:
    """With these limits; 0 for none."""
    return Occupancy(in_all=in_all, per_address=per_address, per_user=per_user)


def refused(places: Occupancy, address: str) -> Refusal | None:
    """The no to one more, None for a yes."""
    try:
        with places.place(address):
            return None
    except Refusal as refusal:
        return refusal


def test_places_are_counted_while_they_are_held() -> None:
    """In all and by address; an address without any is forgotten."""
    places = occupancy()
    with places.place("a"), places.place("a"), places.place("b"):
        assert (len(places), dict(places._by_address)) == (3, {"a": 2, "b": 1})
    assert (len(places), dict(places._by_address)) == (0, {})


def test_the_last_place_is_taken() -> None:
    """One more is for another time: 503, whoever asks."""
    places = occupancy(in_all=2)
    with places.place("a"), places.place("b"):
        no = refused(places, "c")
        assert isinstance(no, Unavailable)
        assert (no.code, no.retry_after, len(places)) == ("too_many_sockets", 5, 2)
    assert refused(places, "c") is None


def test_an_address_has_its_share() -> None:
    """One more from there is too many, and from elsewhere is not."""
    places = occupancy(per_address=1)
    with places.place("a"):
        no = refused(places, "a")
        assert isinstance(no, TooMany)
        assert (no.code, no.retry_after) == ("too_many_sockets", 5)
        assert refused(places, "b") is None
    assert refused(places, "a") is None


def test_who_was_refused_holds_nothing() -> None:
    """However often: neither a place nor a memory of the address."""
    places = occupancy(in_all=1)
    with places.place("a"):
        for n in range(100):
            assert refused(places, f"x{n}") is not None
        assert (len(places), set(places._by_address)) == (1, {"a"})


def test_nought_is_no_limit() -> None:
    """Neither in all, nor by address, nor by user."""
    places = occupancy()
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(places.place("a"))
        places.check_user(10**9)
        assert len(places) == 1000


@pytest.mark.parametrize("error", [RuntimeError(), asyncio.CancelledError(), KeyboardInterrupt()])
def test_a_place_comes_free_however_it_is_left(error: BaseException) -> None:
    """Also by an error that nobody has foreseen."""
    places = occupancy(in_all=1)
    with pytest.raises(type(error)), places.place("a"):
        raise error
    assert (len(places), dict(places._by_address)) == (0, {})


def test_a_user_has_so_many() -> None:
    """The others that there are count, the new one not yet."""
    places = occupancy(per_user=2)
    places.check_user(1)
    with pytest.raises(TooMany) as no:
        places.check_user(2)
    assert no.value.code == "too_many_sockets"
