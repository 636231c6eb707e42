"""ALTCHA: what was made here and solved is taken, and nothing else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from altcha.v1 import solve_challenge

from scoreboard_server.outside.proof_of_work import LIFE_S, Altcha
from scoreboard_server.rules.refusals import CaptchaRequired

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000.5


class Clock:
    """Time that stands still until it is set."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def altcha(clock: Clock) -> Altcha:
    return Altcha(SECRET, 500, clock)


def solved(altcha: Altcha) -> dict[str, Any]:
    """The parts of a right answer to a fresh challenge, found by the library's own solver."""
    offer: dict[str, Any] = dict(altcha.offer())
    solution = solve_challenge(offer["challenge"], offer["salt"], "SHA-256", offer["maxNumber"])
    assert solution is not None
    parts = {name: offer[name] for name in ("algorithm", "challenge", "salt", "signature")}
    return parts | {"number": solution.number}


def text(parts: dict[str, Any], **json_options: Any) -> str:
    """An answer as it is sent."""
    return base64.b64encode(json.dumps(parts, **json_options).encode()).decode()


async def takes(altcha: Altcha, answer: str) -> bool:
    """Whether it is right."""
    try:
        altcha.mark(answer)
        await altcha.verify(answer, None)
    except CaptchaRequired as refusal:
        assert refusal.code == "captcha_failed"
        return False
    return True


def test_an_offer_is_fresh_each_time(altcha: Altcha) -> None:
    """In the words of the protocol, without the number that it hides or the secret that signs it."""
    first, second = altcha.offer(), altcha.offer()
    assert set(first) == {"provider", "algorithm", "challenge", "maxNumber", "salt", "signature"}
    assert (first["provider"], first["algorithm"], first["maxNumber"]) == ("altcha", "SHA-256", 500)
    assert first["challenge"] != second["challenge"]
    assert SECRET.decode() not in json.dumps(first)


async def test_a_solution_is_taken(altcha: Altcha) -> None:
    """It must be remembered for longer than it is good for. What else is in it, as its time, is ignored."""
    answer = text(solved(altcha) | {"took": 12, "test": True})
    assert await altcha.verify(answer, "10.0.0.1") >= NOW + LIFE_S


@pytest.mark.parametrize(
    "change",
    [
        {"number": 501}, {"number": -1}, {"number": "7"}, {"number": 1.5}, {"number": None},
        {"number": 10**400},
        {"challenge": "0" * 64}, {"challenge": ""}, {"challenge": 1},
        {"signature": "0" * 64}, {"signature": ""}, {"signature": None},
        {"salt": "x"}, {"salt": ""}, {"salt": "ab?expires=99999999999&"}, {"salt": {"$ne": 1}},
        {"algorithm": "SHA-1"}, {"algorithm": "SHA-512"}, {"algorithm": "none"}, {"algorithm": None},
    ],
    ids=repr,
)  # fmt: skip
async def test_what_was_tampered_with_is_refused(altcha: Altcha, change: dict[str, Any]) -> None:
    """Whichever part it is, of another value or another type."""
    right = solved(altcha)
    assert await takes(altcha, text(right))
    assert not await takes(altcha, text(right | change))


async def test_a_later_expiry_can_not_be_written_into_it(altcha: Altcha, clock: Clock) -> None:
    """Neither in the place of the right one nor before or behind it, where a parser may look first."""
    right = solved(altcha)
    nonce, _, query = right["salt"].partition("?")
    clock.now += LIFE_S + 1
    for salt in (
        f"{nonce}?expires=99999999999&",
        f"{nonce}?expires=99999999999&{query}",
        f"{nonce}?{query}expires=99999999999&",
        f"{nonce}?expires=99999999999?{query}",
        nonce,
        f"{nonce}&",
    ):
        assert not await takes(altcha, text(right | {"salt": salt}))


@pytest.mark.parametrize("change", [{"number": 501}, {"signature": "0" * 64}, {"salt": "x"}], ids=repr)
def test_nobody_else_is_asked_about_what_is_not_right(altcha: Altcha, change: dict[str, Any]) -> None:
    """It has no mark, so whoever sends a thousand of them costs the store nothing."""
    right = solved(altcha)
    assert altcha.mark(text(right)) == f"altcha:{right['signature']}"
    with pytest.raises(CaptchaRequired):
        altcha.mark(text(right | change))


async def test_it_has_a_mark_for_as_long_as_it_is_remembered(altcha: Altcha, clock: Clock) -> None:
    """A repeat may bring it a little later than it is good for; not when it has been forgotten."""
    answer = text(solved(altcha))
    clock.now = forgotten = await altcha.verify(answer, None)
    with pytest.raises(CaptchaRequired):
        altcha.mark(answer)
    clock.now = forgotten - 1
    altcha.mark(answer)
    with pytest.raises(CaptchaRequired):
        await altcha.verify(answer, None)


async def test_it_is_good_for_five_minutes(altcha: Altcha, clock: Clock) -> None:
    """And not for a second longer."""
    answer = text(solved(altcha))
    clock.now = NOW + LIFE_S - 1
    assert await takes(altcha, answer)
    clock.now = NOW + LIFE_S
    assert not await takes(altcha, answer)


async def test_another_key_is_not_ours(altcha: Altcha, clock: Clock) -> None:
    """What another server made is refused, also what is signed with the secret itself."""
    other = Altcha(b"another secret of 32 bytes or more", 500, clock)
    assert not await takes(altcha, text(solved(other)))
    same = Altcha(SECRET, 1000, clock)
    assert await takes(altcha, text(solved(same)))
    same._key = SECRET
    assert not await takes(altcha, text(solved(same)))


@pytest.mark.parametrize(
    "answer",
    ["x", "é", "=", "e30=", "bnVsbA==", "W10=", "MQ==", base64.b64encode(b"[" * 1500).decode(), "A" * 2049,
     base64.b64encode(b"\xff" * 20).decode(), base64.b64encode(b'{"algorithm":"\xed\xa0\x80"}').decode()],
)  # fmt: skip
async def test_what_is_no_answer_is_refused(altcha: Altcha, answer: str) -> None:
    """In words, whatever it is."""
    assert not await takes(altcha, answer)


async def test_all_spellings_of_an_answer_are_one(altcha: Altcha) -> None:
    """White space, order, escapes and a salt that lacks its end: still right, and still the same mark."""
    right = solved(altcha)
    spellings = [
        text(right),
        text(right, indent=3),
        text(dict(reversed(right.items()))),
        text(right | {"took": 1}),
        text(right | {"salt": right["salt"].removesuffix("&")}),
    ]
    assert len(set(spellings)) == 5
    assert [await takes(altcha, spelling) for spelling in spellings] == [True] * 5
    assert len({altcha.mark(spelling) for spelling in spellings}) == 1
    assert altcha.mark(text(solved(altcha))) != altcha.mark(spellings[0])
