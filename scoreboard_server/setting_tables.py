"""The settings as the rest of the server reads them: frozen tables, each key with its rule and default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from .setting_rules import (
    ALGORITHMS,
    COUNT,
    DATABASE,
    FILE,
    GIVEN_SECRET,
    HOST_NAMES,
    KEY_ADDRESS,
    LEAST_TIME,
    LOG_FORMAT,
    LOG_LEVEL,
    ORIGINS,
    PROVIDER,
    PROXIES,
    SECRET,
    SPAN,
    URI,
    VERIFY_URL,
    WORD,
    choice,
    integer,
    text_of,
)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where to listen (port 0: any free one), and which web origins and proxies to trust."""

    host: Annotated[str, text_of("a host name or an IP address", r"\S+")] = "127.0.0.1"
    port: Annotated[int, integer(0, 65_535)] = 8080
    trusted_origins: Annotated[tuple[str, ...], ORIGINS] = ()
    trusted_proxies: Annotated[tuple[str, ...], PROXIES] = ()


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """`uri`: embedded, memory, mongodb://… or mongodb+srv://…; may hold a password, so the repr omits it."""

    uri: Annotated[str, URI] = field(default="embedded", repr=False)
    data_dir: Annotated[Path, FILE] = Path(".scoreboard")
    database: Annotated[str, DATABASE] = "scoreboard"


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How tokens are checked; `max_ttl` is in seconds.

    At most one of `secret` and `secret_file` is set, and at most one of `jwks_file` and `jwks_url`, whose
    query may hold a secret, so that the repr omits it.
    """

    secret: Annotated[str | None, SECRET] = field(default=None, repr=False)
    secret_file: Annotated[Path | None, FILE] = None
    issuer: Annotated[str, WORD] = "scoreboard"
    audience: Annotated[str, WORD] = "scoreboard"
    algorithms: Annotated[tuple[str, ...], ALGORITHMS] = ("HS256",)
    jwks_file: Annotated[Path | None, FILE] = None
    jwks_url: Annotated[str | None, KEY_ADDRESS] = field(default=None, repr=False)
    max_ttl: Annotated[float, SPAN] = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Rates of submissions and tickets, and counts of open sockets; 0 means no limit."""

    updates_per_minute: Annotated[int, COUNT] = 60
    burst: Annotated[int, COUNT] = 20
    per_ip_per_minute: Annotated[int, COUNT] = 600
    sockets: Annotated[int, COUNT] = 10_000
    sockets_per_user: Annotated[int, COUNT] = 8
    sockets_per_ip: Annotated[int, COUNT] = 64


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Rows of the live board, and the least time between two published states in milliseconds."""

    top: Annotated[int, integer(1, 1_000)] = 10
    interval_ms: Annotated[int, integer(10, 10_000)] = 100


@dataclass(frozen=True, slots=True)
class CaptchaSettings:
    """Who makes and checks captchas; at most one of `secret` and `secret_file` is set."""

    provider: Annotated[str, PROVIDER] = "none"
    difficulty: Annotated[int, integer(1, 10_000_000)] = 50_000
    site_key: Annotated[str | None, WORD] = None
    secret: Annotated[str | None, GIVEN_SECRET] = field(default=None, repr=False)
    secret_file: Annotated[Path | None, FILE] = None
    hostnames: Annotated[tuple[str, ...], HOST_NAMES] = ()
    verify_url: Annotated[str | None, VERIFY_URL] = None

    def lacks(self) -> str | None:
        """The key that the provider can't do without and that isn't set."""
        if self.provider in ("none", "altcha"):
            return None
        needed = {
            "site_key": self.site_key,
            "secret": self.secret or self.secret_file,
            "hostnames": self.hostnames,
        }
        return next((name for name, value in needed.items() if not value), None)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written to standard error; `access_sample`: so many access lines a second, beside failures."""

    level: Annotated[str, LOG_LEVEL] = "info"
    format: Annotated[str, LOG_FORMAT] = "auto"
    access_sample: Annotated[int, COUNT] = 10


@dataclass(frozen=True, slots=True)
class ActionTypeSettings:
    """Points, proof (none, ticket, trusted), caps per user (0: none), a ticket's times in seconds, and when a
    captcha is asked for (never, suspicious, always).
    """

    points: Annotated[int, integer(-1_000_000, 1_000_000, besides=0)]
    proof: Annotated[str, choice("none", "ticket", "trusted")] = "none"
    per_minute: Annotated[int, COUNT] = 0
    per_day: Annotated[int, COUNT] = 0
    min_seconds: Annotated[float, LEAST_TIME] = 0.0
    ticket_ttl: Annotated[float, SPAN] = 600.0
    captcha: Annotated[str, choice("never", "suspicious", "always")] = "suspicious"


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting. `origins`: dotted key -> "default", the file's path, the variable's name or the flag."""

    server: ServerSettings
    store: StoreSettings
    auth: AuthSettings
    limits: LimitSettings
    live: LiveSettings
    captcha: CaptchaSettings
    log: LogSettings
    actions: Mapping[str, ActionTypeSettings]
    origins: Mapping[str, str] = field(compare=False, repr=False)
