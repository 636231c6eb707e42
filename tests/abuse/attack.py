"""One attack: all kinds of inputs by who has no right, then by a user, then by a trusted server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..chaos.in_thread import in_thread
from ..conftest import token
from .findings import Findings
from .http_inputs import Who, abuser, game_server, nobody, send_cases
from .socket_inputs import send_frames
from .target import ABUSER, Flat, Target
from .wire_inputs import send_bytes


@dataclass(frozen=True)
class Plan:
    """How much. examples: of each kind for each HTTP operation; frames, requests: inputs as bytes."""

    examples: int
    frames: int
    requests: int
    seed: int


async def attack(target: Target, findings: Findings, plan: Plan) -> float:
    """Send everything and look at what it did; how much the process has grown, in MB."""
    warm_up = Plan(max(plan.examples // 10, 2), plan.frames // 10, plan.requests // 10, plan.seed + 1)
    await _send_without_rights(target, findings, warm_up)  # also whatever is loaded or cached at first use
    flat = Flat(target)
    before = target.board()
    await _send_without_rights(target, findings, plan)
    _expect(findings, target.board() == before, "the board was changed by somebody without rights")
    await _send_cases(target, findings, abuser, plan.examples // 2, plan.seed)
    await send_frames(
        target.port, findings, inputs=plan.frames // 2, seed=plan.seed + 1, bearer=token(ABUSER)
    )
    others = [row for row in before if row[0] != ABUSER]
    _expect(findings, target.board(without=ABUSER) == others, "a user has changed somebody else's score")
    await _send_cases(target, findings, game_server, plan.examples // 4, plan.seed)
    target.submit("ann", f"after-{plan.seed}")
    target.check_log(findings)
    return flat.check(findings)


async def _send_without_rights(target: Target, findings: Findings, plan: Plan) -> None:
    await _send_cases(target, findings, nobody, plan.examples, plan.seed)
    await send_bytes(target.port, findings, inputs=plan.requests, seed=plan.seed)
    await send_frames(target.port, findings, inputs=plan.frames, seed=plan.seed)


async def _send_cases(target: Target, findings: Findings, who: Who, examples: int, seed: int) -> None:
    send: Callable[[], None] = lambda: send_cases(  # noqa: E731 -- a name for its type
        target.address, findings, who, examples=max(examples, 1), seed=seed
    )
    await in_thread(send)


def _expect(findings: Findings, is_so: bool, otherwise: str) -> None:
    if not is_so:
        findings.violation(otherwise)
