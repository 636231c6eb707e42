"""What a setting may be: the rule of one key, from its text or its TOML value to the value that is kept."""

import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .rules import jwk
from .rules.signing import is_strong

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}  # format_duration takes the first that divides
_LONGEST = 36_500 * 86_400.0  # a hundred years; anything longer overflows dates further on
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)\s*([smhd]?)")


def parse_duration(text: str) -> float:
    """Seconds in "90s", "10m", "1h", "30d" or "90"; ValueError unless over 0 and at most 36500 days."""
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _UNITS[match[2] or "s"] if match else 0.0
    if not 0 < seconds <= _LONGEST:
        raise ValueError(f"{text!r} is not a duration such as 90s, 10m, 1h or 30d (at most 36500d)")
    return seconds


def format_duration(seconds: float) -> str:
    """The text that `parse_duration` reads back as exactly these seconds: 600.0 -> "10m", 0.5 -> "0.5s"."""
    if not float(seconds).is_integer():
        return f"{seconds!r}s"
    unit = next(unit for unit, length in _UNITS.items() if seconds % length == 0)
    return f"{int(seconds) // _UNITS[unit]}{unit}"


def redact(text: str) -> str:
    """The text with passwords and secrets shown as `***`."""
    # Greedy up to the last "@": a password that forgot to escape its own "@" stays hidden as well.
    text = re.sub(r"^([^:]*://)?+([^:]*):.*@", r"\1\2:***@", text, flags=re.DOTALL)
    return re.sub(r"(?i)((?:password|secret|token)[=:])[^&,]*", r"\1***", text)


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


class Rule(NamedTuple):
    """What one key takes; stands in the annotation of its field."""

    allowed: str  # completes "must be …"
    check: Callable[[object], object]  # a value as TOML holds it -> the value to keep, or ValueError
    from_text: Callable[[str], object] = str  # text of a variable or flag -> a value as TOML holds it
    show: Callable[[Any], object] = _plain  # the kept value -> JSON-able, nothing secret


def integer(low: int, high: float = math.inf, besides: int | None = None) -> Rule:
    """An integer from `low` to `high`, except `besides`."""

    def check(value: object) -> int:
        # isinstance would let a bool pass
        if type(value) is not int or not low <= value <= high or value == besides:
            raise ValueError
        return value

    bounds = f"of at least {low}" if high == math.inf else f"from {low} to {high}"
    return Rule(f"an integer {bounds}" + ("" if besides is None else f" except {besides}"), check, int)


def text_of(allowed: str, pattern: str, show: Callable[[Any], object] = _plain) -> Rule:
    """A text that matches the pattern whole."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError
        return value

    return Rule(allowed, check, show=show)


def choice(*options: str) -> Rule:
    """One of these texts."""
    return text_of("one of " + ", ".join(options), "|".join(map(re.escape, options)))


def _list(allowed: str, item: Callable[[object], object]) -> Rule:
    def check(value: object) -> tuple[object, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError
        return tuple(map(item, value))

    def from_text(text: str) -> list[str]:
        return [part.strip() for part in text.split(",") if part.strip()]

    return Rule(f"a list of {allowed}", check, from_text)


def _set(allowed: str, item: Callable[[object], object]) -> Rule:
    """As `_list`, but of at least one, and each once."""
    rule = _list(allowed, item)

    def check(value: object) -> tuple[object, ...]:
        found = tuple(dict.fromkeys(rule.check(value)))  # type: ignore[call-overload]
        if not found:
            raise ValueError
        return found

    return rule._replace(check=check)


def _web_origin(value: object) -> str:
    """The origin as browsers send it (lower case, no default port), so that comparing texts is enough."""
    pattern = r"([a-z][a-z0-9+.-]*)://(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?"
    match = re.fullmatch(pattern, value.lower()) if isinstance(value, str) else None
    if not match or int(match[2] or 0) > 65_535:
        raise ValueError
    return match[0].removesuffix({"http": ":80", "https": ":443"}.get(match[1], ""))


def _network(value: object) -> str:
    if not isinstance(value, str):  # ip_network would take a number for an address
        raise ValueError
    ipaddress.ip_network(value)
    return value


def _path(value: object) -> Path:
    if not isinstance(value, str | Path) or str(value) == "" or "\0" in str(value):
        raise ValueError
    return Path(value)


def _key_address(value: object) -> str:
    """Where keys may be fetched from: nobody on the way may change them, so TLS, or this very machine."""
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        raise ValueError
    parts = urlsplit(value)
    if not parts.hostname or parts.port == 0 or parts.username is not None or parts.fragment:
        raise ValueError
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError
    return value


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_secret(value: object) -> str:
    """A secret of at least 32 bytes, else ValueError."""
    if not isinstance(value, str) or not is_strong(value.encode()):
        raise ValueError
    return value


def check_seconds(value: object) -> float:
    """A number of seconds from 0 to a hundred years, else ValueError."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _LONGEST:
        raise ValueError
    return float(value)


def _least_time(value: object) -> float:
    """Today's and yesterday's actions are all that a server reads when it starts."""
    seconds = check_seconds(value)
    if seconds > _UNITS["d"]:
        raise ValueError
    return seconds


def _duration(value: object) -> float:
    seconds = parse_duration(value) if isinstance(value, str) else check_seconds(value)
    if seconds == 0:
        raise ValueError
    return seconds


def _host_name(value: object) -> str:
    """As captcha providers write it: lower case, no scheme, no port."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", value.lower()):
        raise ValueError
    return value.lower()


def conceal(_: object) -> str:
    """All that is ever shown of a secret."""
    return "(set)"


WORD = text_of("text that isn't empty", r".+")
# What is counted in an hour or a day; the rates compute with it, and not every integer is a float.
COUNT = integer(0, 1_000_000_000)
LEAST_TIME = Rule("a number of seconds from 0 to 86400, a day", _least_time)
FILE = Rule("a path", _path)
SPAN = Rule('over 0 seconds, as a number or as "90s", "10m", "1h", "30d"', _duration, show=format_duration)
_MONGODB = r"mongodb(\+srv)?://\S+"
URI = text_of("embedded, memory, mongodb://… or mongodb+srv://…", f"embedded|memory|{_MONGODB}", redact)
# The three databases that MongoDB keeps for itself take no transactions.
DATABASE = text_of(
    "1 to 63 of A-Z a-z 0-9 _ - and not admin, config or local",
    r"(?!(?:admin|config|local)\Z)[A-Za-z0-9_-]{1,63}",
)
SECRET = Rule("text of at least 32 bytes", check_secret, show=conceal)
# A captcha provider gives it out, so its length is not ours to demand.
GIVEN_SECRET = text_of("printable ASCII without spaces", r"[!-~]+", show=conceal)
ORIGINS = _list("scheme://host[:port] without a path", _web_origin)
PROXIES = _list("IP addresses or networks such as 10.0.0.0/8", _network)
ALGORITHMS = _set(
    f"JWT algorithms, one or more of {', '.join(jwk.ALGORITHMS)}", choice(*jwk.ALGORITHMS).check
)
KEY_ADDRESS = Rule("https://… without a user, or http:// to this machine", _key_address, show=redact)
LOG_LEVEL = choice("debug", "info", "warning", "error")
LOG_FORMAT = choice("auto", "json", "text")
PROVIDER = choice("none", "altcha", "turnstile", "hcaptcha", "recaptcha")
HOST_NAMES = _list("host names such as game.example.com", _host_name)
# The secret goes there, so over plain HTTP it may not leave this machine.
VERIFY_URL = text_of(
    "https://… (http:// only to 127.0.0.1, [::1] or localhost)",
    r"(?:https://[^\s/@]+|http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]{1,5})?)(?:/\S*)?",
)
