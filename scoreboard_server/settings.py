"""Settings: flags over `SCOREBOARD_*` environment over a TOML file over built-in defaults, all checked."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .setting_rules import (
    Rule,
    conceal,
    format_duration,
    parse_duration,
    redact,
)
from .setting_tables import ActionTypeSettings, AuthSettings, CaptchaSettings, Settings

__all__ = [
    "AuthSettings",
    "CaptchaSettings",
    "Settings",
    "SettingsError",
    "describe",
    "format_duration",
    "load_settings",
    "parse_duration",
]


class SettingsError(Exception):
    """A setting was refused. The text names key, origin, bad value (never a secret) and what is allowed."""


def _rules(table: Any) -> dict[str, Rule]:
    types: dict[str, Any] = {each.name: each.type for each in fields(table)}
    return {name: annotated.__metadata__[0] for name, annotated in types.items()}


_TABLES: dict[str, Any] = {
    each.name: each.type for each in fields(Settings) if each.name not in ("actions", "origins")
}
_KEYS = {f"{table}.{name}": rule for table, made in _TABLES.items() for name, rule in _rules(made).items()}
_ACTION_RULES = _rules(ActionTypeSettings)
_ACTION_NAME = re.compile(r"[A-Za-z0-9_.:~-]{1,64}")
_CATALOGUE = {
    "task.completed": ActionTypeSettings(10, per_minute=30, per_day=1_000),
    "quiz.completed": ActionTypeSettings(50, proof="ticket", min_seconds=3.0),
    "match.won": ActionTypeSettings(100, proof="trusted"),
}
_FLAGS = {
    "store.uri": "--store",
    "store.data_dir": "--data-dir",
    "server.host": "--host",
    "server.port": "--port",
}
_SHORT_VARIABLES = {
    "store.uri": "SCOREBOARD_STORE",
    "store.data_dir": "SCOREBOARD_DATA_DIR",
    "auth.secret": "SCOREBOARD_JWT_SECRET",
    "auth.secret_file": "SCOREBOARD_JWT_SECRET_FILE",
}
_VARIABLES = {_SHORT_VARIABLES.get(key, "SCOREBOARD_" + key.upper().replace(".", "_")): key for key in _KEYS}
# Kubernetes puts these into every container beside a service named "scoreboard"; no admin wrote them.
_SERVICE_LINK = re.compile(r"SCOREBOARD_(SERVICE_.*|PORT_.*)", re.DOTALL)
_RIVALS = (
    ("auth.secret", "auth.secret_file"),
    ("auth.jwks_file", "auth.jwks_url"),
    ("captcha.secret", "captcha.secret_file"),
)

_Layer = dict[str, tuple[Any, str]]  # dotted key -> the checked value and its origin


def _action_key(name: str, key: str = "") -> str:
    return f'actions."{name}"' + (key and f".{key}")  # quoted as in TOML: names have dots


def _unknown(what: str, name: str, known: Iterable[str], hint: str = "") -> SettingsError:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return SettingsError(f"Unknown {what}: {name}. The nearest known one is {nearest}.{hint}")


def _accept(key: str, rule: Rule, value: object, origin: str) -> tuple[Any, str]:
    shown = "not usable" if rule.show is conceal else redact(repr(value))[:80]
    try:
        kept = rule.check(value)
    except ValueError:  # not chained: the cause may quote a secret
        raise SettingsError(f"{key} (from {origin}) is {shown}; it must be {rule.allowed}.") from None
    return kept, origin


def _accept_text(key: str, value: object, origin: str) -> tuple[Any, str]:
    """As `_accept`; a text is read first, and left as it is for the check to refuse if that fails."""
    rule = _KEYS[key]
    with suppress(ValueError):
        value = rule.from_text(value) if isinstance(value, str) else value
    return _accept(key, rule, value, origin)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
        return tomllib.loads(text)
    except RecursionError:
        raise SettingsError(f"The configuration file {path} is nested too deeply.") from None
    except OSError as error:
        raise SettingsError(f"The configuration file {path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"The configuration file {path} is not UTF-8 at byte {error.start}.") from None
    except ValueError as error:
        end = f"at line {len(text.splitlines())}, the last one"
        why = str(error).replace("at end of document", end)
        raise SettingsError(f"The configuration file {path} is not valid TOML: {why}.") from None


def _table(name: str, value: object, origin: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise SettingsError(f"{name} (from {origin}) must be a table.")
    return value


def _tables(document: Mapping[str, object], origin: str) -> Iterator[tuple[str, Mapping[str, Rule], object]]:
    """(dotted key, rules, content) of each table that holds keys."""
    for name, content in document.items():
        if name in _TABLES:
            yield name, _rules(_TABLES[name]), content
        elif name == "actions":
            for action, keys in _table(name, content, origin).items():
                yield _action_key(action), _ACTION_RULES, keys
        else:
            raise _unknown(f"table or key in {origin}", name, [*_TABLES, "actions", *_KEYS])


def _from_file(document: Mapping[str, object], origin: str) -> _Layer:
    layer: _Layer = {}
    for prefix, rules, content in _tables(document, origin):
        for name, value in _table(prefix, content, origin).items():
            key = f"{prefix}.{name}"
            if name not in rules:
                hint = ' A name with a dot needs quotes: "task.completed".' if isinstance(value, dict) else ""
                raise _unknown(f"key in {origin}", key, [f"{prefix}.{known}" for known in rules], hint)
            layer[key] = _accept(key, rules[name], value, origin)
    return layer


def _is_service_link(name: str, text: str) -> bool:
    # SCOREBOARD_PORT=9000 is an admin who means SCOREBOARD_SERVER_PORT; =tcp://… is Kubernetes.
    return bool(_SERVICE_LINK.fullmatch(name)) or (name == "SCOREBOARD_PORT" and "://" in text)


def _from_environment(environ: Mapping[str, str]) -> _Layer:
    layer: _Layer = {}
    for name, text in environ.items():
        foreign = not name.startswith("SCOREBOARD_") or _is_service_link(name, text)
        if foreign or text == "" or name == "SCOREBOARD_CONFIG":
            continue
        if name not in _VARIABLES:
            # Who leaves out the table's name means the key: SCOREBOARD_PORT is SCOREBOARD_SERVER_PORT.
            meant = [known for known in _VARIABLES if known.endswith(name.removeprefix("SCOREBOARD"))]
            raise _unknown("environment variable", name, meant or [*_VARIABLES, "SCOREBOARD_CONFIG"])
        layer[_VARIABLES[name]] = _accept_text(_VARIABLES[name], text, name)
    return layer


def _from_flags(flags: Mapping[str, object]) -> _Layer:
    layer: _Layer = {}
    for key, value in flags.items():
        if key not in _KEYS:
            raise _unknown("setting", key, _KEYS)
        if value is not None:
            layer[key] = _accept_text(key, value, _FLAGS.get(key, f"--{key}"))
    return layer


def _merge(layers: Iterable[_Layer]) -> _Layer:
    """Later layers win, key by key; a key also displaces what an earlier layer gave as its rival."""
    merged: _Layer = {}
    for layer in layers:
        for one, other in _RIVALS:
            if one in layer and other in layer:
                origins = " and ".join(dict.fromkeys(layer[key][1] for key in (one, other)))
                raise SettingsError(f"{one} and {other} are both set (from {origins}); keep one.")
            if one in layer or other in layer:
                merged.pop(one, None)
                merged.pop(other, None)
        merged |= layer
    return merged


def _values(prefix: str, names: Iterable[str], given: _Layer) -> dict[str, Any]:
    return {name: given[f"{prefix}.{name}"][0] for name in names if f"{prefix}.{name}" in given}


def _action_type(name: str, given: _Layer, origin: str) -> ActionTypeSettings:
    key = _action_key(name)
    if not _ACTION_NAME.fullmatch(name):
        raise SettingsError(f"{key} (from {origin}): a name must be 1 to 64 of A-Z a-z 0-9 _ . : ~ -.")
    if f"{key}.points" not in given:
        raise SettingsError(
            f"{key} (from {origin}) has no points; {_ACTION_RULES['points'].allowed} is needed."
        )
    made = ActionTypeSettings(**_values(key, _ACTION_RULES, given))
    if made.proof == "ticket" and made.min_seconds >= made.ticket_ttl:
        raise SettingsError(
            f"{key}.min_seconds (from {origin}) must be less than ticket_ttl, or no ticket works."
        )
    return made


def _check_captcha(captcha: CaptchaSettings, origin: str) -> None:
    lacking = captcha.lacks()
    if lacking is not None:
        raise SettingsError(
            f"captcha.{lacking} is not set, and captcha.provider (from {origin}) is {captcha.provider}, "
            f"which needs it."
        )


def _check_auth(auth: AuthSettings, given: _Layer) -> None:
    """Whether there can be a key for each accepted algorithm, and an algorithm for the keys."""
    origin = given["auth.algorithms"][1] if "auth.algorithms" in given else "default"
    others = [name for name in auth.algorithms if name != "HS256"]
    if others and auth.jwks_file is None and auth.jwks_url is None:
        raise SettingsError(
            f"auth.algorithms (from {origin}) has {', '.join(others)}, for which keys are needed: "
            "name auth.jwks_file or auth.jwks_url."
        )
    if auth.jwks_url is not None and not others:
        raise SettingsError(
            f"auth.jwks_url is set, but auth.algorithms (from {origin}) has only HS256, whose keys are never "
            "published. Name the algorithms of the keys there, such as RS256."
        )


def load_settings(
    flags: Mapping[str, object] | None = None, *, environ: Mapping[str, str], config: Path | None = None
) -> Settings:
    """All settings: `flags` over `environ` over the file (`config`, else SCOREBOARD_CONFIG) over defaults.

    `flags`: values by dotted key ("server.port"), as text or typed; None stands for a flag that wasn't given.
    Every value is checked, also one that another source overrides. Raises SettingsError.
    """
    variable = environ.get("SCOREBOARD_CONFIG")
    path = config or (Path(variable) if variable else None)
    document = _read(path) if path else {}
    given = _merge((_from_file(document, str(path)), _from_environment(environ), _from_flags(flags or {})))
    tables = {name: made(**_values(name, _rules(made), given)) for name, made in _TABLES.items()}
    _check_auth(tables["auth"], given)
    actions = _CATALOGUE
    if "actions" in document:
        actions = {name: _action_type(name, given, str(path)) for name in document["actions"]}
    keys = [*_KEYS, *(_action_key(name, key) for name in actions for key in _ACTION_RULES)]
    origins = {key: given[key][1] if key in given else "default" for key in keys}
    _check_captcha(tables["captcha"], origins["captcha.provider"])
    return Settings(**tables, actions=MappingProxyType(actions), origins=MappingProxyType(origins))


def describe(settings: Settings) -> list[tuple[str, object, str]]:
    """(dotted key, JSON-able value, origin) of every setting, tables in their order, nothing secret shown.

    Durations ("30d") and paths are text; a secret is "(set)" or None, a password in a URI "***".
    """
    tables: dict[str, Any] = {name: getattr(settings, name) for name in _TABLES}
    tables |= {_action_key(name): action for name, action in settings.actions.items()}
    rows: list[tuple[str, object, str]] = []
    for prefix, table in tables.items():
        for name, rule in _rules(table).items():
            key, value = f"{prefix}.{name}", getattr(table, name)
            rows.append((key, None if value is None else rule.show(value), settings.origins[key]))
    return rows
