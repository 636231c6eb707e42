"""Judging the settings: what they are made of, whom they trust, and what they leave unprotected."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from ..action_types import ActionType, Asked, Proof
from .finding import Finding, hint, ok, together, wrong

# Nobody owns a network that wide: to trust it is to trust the world.
_WIDEST = {4: 8, 6: 16}


def sources(file: str | None, origins: Collection[str]) -> Finding:
    """Where the settings come from. origins: of each key."""
    variables = {origin for origin in origins if origin.startswith("SCOREBOARD_")}
    flags = {origin for origin in origins if origin.startswith("--")}
    parts = [
        *([file] if file else []),
        *([_count(len(variables), "variable")] if variables else []),
        *([_count(len(flags), "flag")] if flags else []),
    ]
    return ok("settings", f"{', '.join(parts)}; else defaults" if parts else "defaults")


def refused(words: str) -> Finding:
    """Settings that can't be used."""
    return wrong("settings", words, "Set that right; `scoreboard config show --origin` shows what is set.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def network(host: str, proxies: Sequence[str], origins: Sequence[str]) -> Finding:
    """Who can get at the server, and whose word it takes."""
    remarks = [
        wrong(
            "network",
            f"takes everybody in {proxy} for its proxy",
            "Name only your own in server.trusted_proxies: who is in it can pass for any client.",
        )
        for proxy in proxies
        if (named := ip_network(proxy)).prefixlen < _WIDEST[named.version]
    ]
    remarks += [
        hint(
            "network",
            f"pages of {origin} come without TLS",
            "Serve that site by https: who is on the way can change its pages.",
        )
        for origin in origins
        if origin.startswith("http://") and not _is_loopback(urlsplit(origin).hostname or "")
    ]
    if not _is_loopback(host) and not proxies:
        remarks.append(
            hint(
                "network",
                f"listens on {host} without TLS",
                "Put a proxy with TLS before it, and name that in server.trusted_proxies.",
            )
        )
    return together("network", remarks, f"listens on {host}" + (" behind proxies" if proxies else ""))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def actions(types: Iterable[ActionType], *, has_captcha: bool) -> Finding:
    """Which types of action anybody with a token may claim as often as the rates allow, or unasked."""
    offered = list(types)
    unasked = [each.name for each in offered if each.captcha is Asked.ALWAYS and not has_captcha]
    if unasked:
        found = f"a captcha always, and none is asked for: {', '.join(unasked)}"
        return hint(
            "actions", found, "Name a captcha.provider; without one these count as if none were wanted."
        )
    bare = [each.name for each in offered if _is_bare(each, has_captcha)]
    if not bare:
        return ok("actions", f"{_count(len(offered), 'type')}, each with a proof or a cap")
    return hint(
        "actions",
        f"without proof or cap: {', '.join(bare)}",
        "Give each a per_minute and per_day, min_seconds, or another proof: "
        f'[actions."{bare[0]}"] per_day = 100',
    )


def _is_bare(each: ActionType, has_captcha: bool) -> bool:
    asks = has_captcha and each.captcha is Asked.ALWAYS
    return each.proof is Proof.NONE and each.points > 0 and not each.is_capped and not asks
