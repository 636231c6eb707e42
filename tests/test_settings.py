"""Settings: where each value comes from, what is refused and in which words, and what is never shown."""

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreboard_server.setting_tables import ActionTypeSettings
from scoreboard_server.settings import (
    Settings,
    SettingsError,
    describe,
    format_duration,
    load_settings,
    parse_duration,
)

EXAMPLE = Path(__file__).parent.parent / "config" / "scoreboard.toml"
SECRET = "correct horse battery staple, and more"
OTHER_SECRET = "an entirely different one of 32 bytes or more"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a configuration file and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "board.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refusal(
    flags: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    config: Path | None = None,
) -> str:
    """The words with which these settings are refused."""
    with pytest.raises(SettingsError) as caught:
        load_settings(flags, environ=environ or {}, config=config)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None, (
        "a traceback may quote a secret"
    )
    return str(caught.value)


def test_built_in_catalogue() -> None:
    """Without any source the three action types are those of the documentation."""
    assert load_settings(environ={}).actions == {
        "task.completed": ActionTypeSettings(10, "none", 30, 1000, 0.0, 600.0),
        "quiz.completed": ActionTypeSettings(50, "ticket", 0, 0, 3.0, 600.0),
        "match.won": ActionTypeSettings(100, "trusted", 0, 0, 0.0, 600.0),
    }


def test_example_file_has_the_defaults() -> None:
    """Loading config/scoreboard.toml gives exactly the built-in defaults."""
    assert load_settings({}, environ={}, config=EXAMPLE) == load_settings({}, environ={})


def test_example_file_has_every_key() -> None:
    """Each key of each table stands in config/scoreboard.toml, the unset ones commented out."""
    parts = re.split(r"^\[(.+)\]\n", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    shown = {
        f"{table}.{key}"
        for table, body in zip(parts[1::2], parts[2::2], strict=True)
        for key in re.findall(r"^(?:# )?(\w+) = ", body, flags=re.MULTILINE)
    }
    keys = {key for key, _, _ in describe(load_settings(environ={}))}
    first = {key for key in keys if key.startswith('actions."task.completed"')}
    others = {key for key in keys if key.startswith("actions.")} - first
    assert keys - others <= shown <= keys


def test_every_field_is_described() -> None:
    """No field of any settings class is missing from `describe`, and none has two rows."""
    settings = load_settings(environ={})
    tables = {
        name: getattr(settings, name)
        for name in ("server", "store", "auth", "limits", "live", "captcha", "log")
    }
    tables |= {f'actions."{name}"': action for name, action in settings.actions.items()}
    expected = [f"{name}.{each.name}" for name, table in tables.items() for each in dataclasses.fields(table)]
    assert [key for key, _, _ in describe(settings)] == expected
    assert {each.name for each in dataclasses.fields(Settings)} == {
        *(key.partition(".")[0] for key in expected),
        "origins",
    }


def test_precedence(write: Write) -> None:
    """A flag beats the environment, which beats the file, which beats the default, each with its origin."""
    path = write("[server]\nhost = '0.0.0.0'\nport = 1\n[store]\nuri = 'memory'\n[live]\ntop = 5\n")
    environ = {"SCOREBOARD_SERVER_PORT": "2", "SCOREBOARD_STORE": "embedded"}
    settings = load_settings({"server.port": 3}, environ=environ, config=path)
    found = {key: (value, origin) for key, value, origin in describe(settings)}
    assert found["server.port"] == (3, "--port")
    assert found["store.uri"] == ("embedded", "SCOREBOARD_STORE")
    assert found["server.host"] == ("0.0.0.0", str(path))
    assert found["live.top"] == (5, str(path))
    assert found["live.interval_ms"] == (100, "default")


def test_flags_that_were_not_given(write: Write) -> None:
    """A flag of None leaves the value to the other sources."""
    path = write("[server]\nport = 1\n")
    settings = load_settings({"server.port": None, "store.uri": None}, environ={}, config=path)
    assert (settings.server.port, settings.store.uri) == (1, "embedded")


@pytest.mark.parametrize(
    ("key", "value", "flag"),
    [
        ("server.host", "::1", "--host"),
        ("server.port", 0, "--port"),
        ("store.uri", "memory", "--store"),
        ("store.data_dir", Path("elsewhere"), "--data-dir"),
    ],
)
def test_flag_names(key: str, value: object, flag: str) -> None:
    """Each value of a flag arrives as it was given and its origin is the flag as one types it."""
    settings = load_settings({key: value}, environ={})
    table, name = key.split(".")
    assert getattr(getattr(settings, table), name) == value
    assert settings.origins[key] == flag


def test_config_variable(write: Write, tmp_path: Path) -> None:
    """SCOREBOARD_CONFIG names the file, unless --config names another; empty, it names none."""
    environ = {"SCOREBOARD_CONFIG": str(write("[live]\ntop = 7\n"))}
    other = tmp_path / "other.toml"
    other.write_text("[live]\ntop = 8\n", encoding="utf-8")
    assert load_settings(environ=environ).live.top == 7
    assert load_settings(environ=environ, config=other).live.top == 8
    assert load_settings(environ={"SCOREBOARD_CONFIG": ""}).live.top == 10


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("SCOREBOARD_SERVER_HOST", "::", "server.host", "::"),
        ("SCOREBOARD_SERVER_PORT", "9000", "server.port", 9000),
        (
            "SCOREBOARD_SERVER_TRUSTED_ORIGINS",
            "https://a.example, http://b.example:8080",
            "server.trusted_origins",
            ["https://a.example", "http://b.example:8080"],
        ),
        (
            "SCOREBOARD_SERVER_TRUSTED_PROXIES",
            "10.0.0.0/8,::1,",
            "server.trusted_proxies",
            ["10.0.0.0/8", "::1"],
        ),
        ("SCOREBOARD_STORE", "memory", "store.uri", "memory"),
        ("SCOREBOARD_DATA_DIR", "/srv/board", "store.data_dir", "/srv/board"),
        ("SCOREBOARD_STORE_DATABASE", "board_2", "store.database", "board_2"),
        ("SCOREBOARD_JWT_SECRET", SECRET, "auth.secret", "(set)"),
        ("SCOREBOARD_JWT_SECRET_FILE", "/run/secret", "auth.secret_file", "/run/secret"),
        ("SCOREBOARD_AUTH_ISSUER", "games", "auth.issuer", "games"),
        ("SCOREBOARD_AUTH_ALGORITHMS", "HS256", "auth.algorithms", ["HS256"]),
        ("SCOREBOARD_AUTH_MAX_TTL", "36h", "auth.max_ttl", "36h"),
        ("SCOREBOARD_LIMITS_PER_IP_PER_MINUTE", "0", "limits.per_ip_per_minute", 0),
        ("SCOREBOARD_LIVE_INTERVAL_MS", "250", "live.interval_ms", 250),
        ("SCOREBOARD_CAPTCHA_PROVIDER", "altcha", "captcha.provider", "altcha"),
        ("SCOREBOARD_CAPTCHA_SECRET", "0x1", "captcha.secret", "(set)"),
        ("SCOREBOARD_CAPTCHA_SECRET_FILE", "/run/captcha", "captcha.secret_file", "/run/captcha"),
        ("SCOREBOARD_CAPTCHA_HOSTNAMES", "A.example, b", "captcha.hostnames", ["a.example", "b"]),
        ("SCOREBOARD_LOG_LEVEL", "warning", "log.level", "warning"),
        ("SCOREBOARD_LOG_FORMAT", "text", "log.format", "text"),
        ("SCOREBOARD_LOG_ACCESS_SAMPLE", "0", "log.access_sample", 0),
    ],
)
def test_environment_names(name: str, text: str, key: str, value: object) -> None:
    """Each variable sets its key, read from text to the key's own type, and is named as the origin."""
    assert (key, value, name) in describe(load_settings(environ={name: text}))


def test_environment_that_is_not_ours() -> None:
    """Empty variables, other programs' variables and Kubernetes' service links change nothing."""
    environ = {
        "SCOREBOARD_SERVER_PORT": "",
        "SCOREBOARD_NONSENSE": "",
        "SCOREBOARDS": "1",
        "PATH": "/bin",
        "SCOREBOARD_SERVICE_HOST": "10.0.0.1",
        "SCOREBOARD_SERVICE_PORT_HTTP": "8080",
        "SCOREBOARD_PORT": "tcp://10.0.0.1:8080",
        "SCOREBOARD_PORT_8080_TCP_ADDR": "10.0.0.1",
    }
    assert describe(load_settings(environ=environ)) == describe(load_settings(environ={}))


def test_a_port_that_kubernetes_did_not_set_is_not_ignored() -> None:
    """An admin who writes SCOREBOARD_PORT=9000 is told that there is no such variable."""
    told = refusal(environ={"SCOREBOARD_PORT": "9000"})
    assert "Unknown environment variable: SCOREBOARD_PORT." in told
    assert "nearest known one is SCOREBOARD_SERVER_PORT." in told


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SCOREBOARD_SERVER_PROT", "SCOREBOARD_SERVER_PORT"),
        ("SCOREBOARD_JWT_SECRETS", "SCOREBOARD_JWT_SECRET"),
        ("SCOREBOARD_STORE_URI", "SCOREBOARD_STORE"),
        ("SCOREBOARD_CONFIGS", "SCOREBOARD_CONFIG"),
    ],
)
def test_unknown_variable(name: str, nearest: str) -> None:
    """An unknown variable is refused with the nearest known name and without its value."""
    words = refusal(environ={name: SECRET})
    assert name in words
    assert f"nearest known one is {nearest}." in words
    assert SECRET not in words


@pytest.mark.parametrize(
    ("text", "unknown", "nearest"),
    [
        ("[server]\nprot = 1", "server.prot", "server.port"),
        ("[sever]\nport = 1", "sever", "server"),
        ("port = 1", "port", "server.port"),
        ("[action.x]\npoints = 1", "action", "actions"),
        ("[actions.x]\npionts = 1", 'actions."x".pionts', 'actions."x".points'),
    ],
)
def test_unknown_key(write: Write, text: str, unknown: str, nearest: str) -> None:
    """An unknown key or table is refused with the file and the nearest known name."""
    path = write(text)
    words = refusal(config=path)
    assert f"in {path}: {unknown}." in words
    assert f"nearest known one is {nearest}." in words


def test_unknown_setting_of_a_flag() -> None:
    """A flag for a setting that doesn't exist is refused even when it wasn't given."""
    assert "nearest known one is server.port." in refusal({"server.prot": None})


def test_forgotten_quotes_of_an_action_name(write: Write) -> None:
    """[actions.task.completed] without quotes is refused with the hint to quote the name."""
    assert "needs quotes" in refusal(config=write("[actions.task.completed]\npoints = 1"))


BAD = [
    ("server", "host", "''", "a host name"),
    ("server", "host", "'two words'", "a host name"),
    ("server", "port", "-1", "from 0 to 65535"),
    ("server", "port", "65536", "from 0 to 65535"),
    ("server", "port", "true", "an integer"),
    ("server", "port", "'8080'", "an integer"),
    ("server", "port", "80.0", "an integer"),
    ("server", "trusted_origins", "'https://a.example'", "a list"),
    ("server", "trusted_origins", "['https://a.example/']", "without a path"),
    ("server", "trusted_origins", "['a.example']", "scheme://"),
    ("server", "trusted_origins", "['https://a.example:65536']", "scheme://"),
    ("server", "trusted_origins", "['*']", "scheme://"),
    ("server", "trusted_origins", "[1]", "scheme://"),
    ("server", "trusted_proxies", "['10.0.0.0/33']", "IP addresses or networks"),
    ("server", "trusted_proxies", "['10.0.0.1/8']", "IP addresses or networks"),
    ("server", "trusted_proxies", "['proxy.example']", "IP addresses or networks"),
    ("server", "trusted_proxies", "[1]", "IP addresses or networks"),
    ("store", "uri", "'redis://localhost'", "mongodb://"),
    ("store", "uri", "'mongodb://'", "mongodb://"),
    ("store", "uri", "'Embedded'", "mongodb://"),
    ("store", "data_dir", "''", "a path"),
    ("store", "data_dir", '"a\\u0000b"', "a path"),
    ("store", "data_dir", "1", "a path"),
    ("store", "database", "''", "1 to 63"),
    ("store", "database", "'a.b'", "1 to 63"),
    ("store", "database", f"'{'a' * 64}'", "1 to 63"),
    ("store", "database", "'admin'", "not admin"),
    ("auth", "issuer", "''", "isn't empty"),
    ("auth", "audience", "1", "isn't empty"),
    ("auth", "algorithms", "['none']", "one or more of HS256, RS256, ES256, EdDSA"),
    ("auth", "algorithms", "[]", "one or more of"),
    ("auth", "algorithms", "['HS256', 'HS384']", "one or more of"),
    ("auth", "algorithms", "'HS256'", "a list of JWT algorithms"),
    ("auth", "algorithms", "[['HS256']]", "one or more of"),
    ("auth", "jwks_file", "''", "a path"),
    ("auth", "jwks_url", "'http://keys.example/jwks'", "https://"),
    ("auth", "jwks_url", "'http://127.0.0.1.example/jwks'", "https://"),
    ("auth", "jwks_url", "'file:///etc/keys'", "https://"),
    ("auth", "jwks_url", "'https://ann:pw@keys.example/'", "without a user"),
    ("auth", "jwks_url", "'https://keys.example:99999/'", "https://"),
    ("auth", "jwks_url", "'https:///jwks'", "https://"),
    ("auth", "jwks_url", "'https://[::1/jwks'", "https://"),
    ("auth", "jwks_url", "'https://keys.example/a b'", "https://"),
    ("auth", "jwks_url", "1", "https://"),
    ("auth", "max_ttl", "0", "over 0 seconds"),
    ("auth", "max_ttl", "inf", "over 0 seconds"),
    ("auth", "max_ttl", "nan", "over 0 seconds"),
    ("auth", "max_ttl", "true", "over 0 seconds"),
    ("auth", "max_ttl", "'1 week'", "over 0 seconds"),
    ("auth", "max_ttl", "'36501d'", "over 0 seconds"),
    ("limits", "burst", "-1", "from 0 to 1000000000"),
    ("limits", "sockets", "false", "from 0 to 1000000000"),
    ("limits", "updates_per_minute", "1" + "0" * 400, "from 0 to 1000000000"),
    ("live", "top", "0", "from 1 to 1000"),
    ("live", "top", "1001", "from 1 to 1000"),
    ("live", "interval_ms", "9", "from 10 to 10000"),
    ("live", "interval_ms", "10001", "from 10 to 10000"),
    ("captcha", "provider", "'captcha'", "one of none, altcha"),
    ("captcha", "difficulty", "0", "from 1 to 10000000"),
    ("captcha", "secret", "'two words'", "printable ASCII"),
    ("captcha", "hostnames", "['https://a.example']", "host names"),
    ("captcha", "hostnames", "'a.example'", "a list"),
    ("captcha", "verify_url", "'http://a.example/siteverify'", "https://"),
    ("captcha", "verify_url", "'http://127.0.0.1.a.example/'", "https://"),
    ("captcha", "verify_url", "'https://ann:pass@a.example/'", "https://"),
    ("log", "level", "'INFO'", "one of debug, info, warning, error"),
    ("log", "level", "20", "one of debug"),
    ("log", "format", "'xml'", "one of auto, json, text"),
    ("log", "access_sample", "-1", "from 0 to 1000000000"),
    ("log", "access_sample", "true", "from 0 to 1000000000"),
    ('actions."x"', "captcha", "'sometimes'", "one of never, suspicious, always"),
    ('actions."x"', "points", "0", "except 0"),
    ('actions."x"', "points", "1000001", "from -1000000 to 1000000"),
    ('actions."x"', "points", "-1000001", "from -1000000 to 1000000"),
    ('actions."x"', "points", "1.5", "an integer"),
    ('actions."x"', "proof", "'oath'", "one of none, ticket, trusted"),
    ('actions."x"', "per_day", "-1", "from 0 to 1000000000"),
    ('actions."x"', "per_minute", "1_000_000_001", "from 0 to 1000000000"),
    ('actions."x"', "min_seconds", "-0.5", "from 0 to 86400"),
    ('actions."x"', "min_seconds", "86401", "from 0 to 86400"),
    ('actions."x"', "min_seconds", "nan", "from 0 to 86400"),
    ('actions."x"', "min_seconds", "'3s'", "a number of seconds"),
    ('actions."x"', "ticket_ttl", "'0s'", "over 0 seconds"),
]


@pytest.mark.parametrize(("table", "key", "value", "allowed"), BAD)
def test_bad_value_in_a_file(write: Write, table: str, key: str, value: str, allowed: str) -> None:
    """A value of the wrong type or out of bounds is refused with key, file and what is allowed."""
    path = write(f"[{table}]\n{key} = {value}\n")
    words = refusal(config=path)
    assert words.startswith(f"{table}.{key} (from {path}) is ")
    assert allowed in words.partition("must be ")[2]


EDGES = [
    ("server", "port", "0"),
    ("server", "port", "65535"),
    ("store", "database", f"'{'a' * 63}'"),
    ("store", "database", "'administration'"),
    ("store", "uri", "'mongodb+srv://cluster.example/?retryWrites=true'"),
    ("auth", "max_ttl", "'36500d'"),
    ("auth", "max_ttl", "0.5"),
    ("live", "top", "1"),
    ("live", "top", "1000"),
    ("live", "interval_ms", "10"),
    ("live", "interval_ms", "10000"),
]


@pytest.mark.parametrize(
    "url",
    ["https://keys.example/jwks?v=1", "http://127.0.0.1:8/jwks", "http://[::1]/j", "http://localhost/jwks"],
)
def test_addresses_of_keys(write: Write, url: str) -> None:
    """TLS to anywhere, and plain HTTP to this machine, are taken as they are."""
    path = write(f"[auth]\nalgorithms = ['RS256']\njwks_url = '{url}'\n")
    assert load_settings(environ={}, config=path).auth.jwks_url == url


def test_a_secret_in_the_address_of_keys_is_not_shown(write: Write) -> None:
    """A query that looks like a secret is hidden in the description, and the repr has no address at all."""
    url = "https://keys.example/jwks?token=hunter2"
    settings = load_settings(
        environ={}, config=write(f"[auth]\nalgorithms = ['RS256']\njwks_url = '{url}'\n")
    )
    assert "hunter2" not in repr(settings) + repr(describe(settings))


def test_algorithms_are_a_subset(write: Write) -> None:
    """All four are taken, in the order given and each once."""
    lines = "algorithms = ['EdDSA', 'ES256', 'RS256', 'HS256', 'EdDSA']\njwks_file = 'keys.json'\n"
    auth = load_settings(environ={}, config=write(f"[auth]\n{lines}")).auth
    assert auth.algorithms == ("EdDSA", "ES256", "RS256", "HS256")
    assert auth.jwks_file == Path("keys.json")


def test_algorithms_need_keys(write: Write) -> None:
    """Whoever accepts RS256 has to say whose; a published key is never one for HS256."""
    path = write("[auth]\nalgorithms = ['HS256', 'RS256', 'EdDSA']\n")
    words = refusal(config=path)
    assert f"auth.algorithms (from {path}) has RS256, EdDSA, for which keys are needed" in words
    assert "auth.jwks_file or auth.jwks_url" in words
    words = refusal(config=write("[auth]\njwks_url = 'https://keys.example/'\n"))
    assert "auth.algorithms (from default) has only HS256" in words


def test_keys_come_from_one_place(write: Write) -> None:
    """A file and an address of keys exclude each other in one source; of two, the nearer source wins."""
    both = "[auth]\nalgorithms = ['RS256']\njwks_file = 'k'\njwks_url = 'https://keys.example/'\n"
    assert "auth.jwks_file and auth.jwks_url are both set (from " in refusal(config=write(both))
    path = write("[auth]\nalgorithms = ['RS256']\njwks_url = 'https://keys.example/'\n")
    auth = load_settings(environ={"SCOREBOARD_AUTH_JWKS_FILE": "k"}, config=path).auth
    assert (auth.jwks_file, auth.jwks_url) == (Path("k"), None)


@pytest.mark.parametrize(("table", "key", "value"), EDGES)
def test_edges_are_allowed(write: Write, table: str, key: str, value: str) -> None:
    """The outermost values still allowed are taken, with the file as their origin."""
    path = write(f"[{table}]\n{key} = {value}\n")
    assert load_settings(environ={}, config=path).origins[f"{table}.{key}"] == str(path)


def test_bad_value_names_its_origin_and_itself() -> None:
    """A bad variable or flag is quoted as it was written, beside its name."""
    assert "(from SCOREBOARD_SERVER_PORT) is 'http'; it must" in refusal(
        environ={"SCOREBOARD_SERVER_PORT": "http"}
    )
    assert "server.port (from --port) is 70000; it must" in refusal({"server.port": 70000})


def test_overridden_value_is_checked(write: Write) -> None:
    """A bad value in the file is refused even where a flag overrides it."""
    path = write("[server]\nport = 'x'\n")
    assert str(path) in refusal({"server.port": 1}, config=path)


def test_origins_compare_as_browsers_send_them(write: Write) -> None:
    """Upper case and a scheme's default port vanish, as in the Origin header; any other port stays."""
    path = write(
        "[server]\ntrusted_origins = ['HTTPS://Game.Example:443', 'http://[::1]:80', 'http://a.example:443', 'app://x']"
    )
    assert load_settings(environ={}, config=path).server.trusted_origins == (
        "https://game.example",
        "http://[::1]",
        "http://a.example:443",
        "app://x",
    )


def test_actions_replace_the_catalogue(write: Write) -> None:
    """A file's own actions are all there are, with unwritten keys at their defaults and so described."""
    settings = load_settings(environ={}, config=write("[actions.'a.b~c:d-e']\npoints = -5\n"))
    assert settings.actions == {"a.b~c:d-e": ActionTypeSettings(points=-5)}
    origins = {key: origin for key, _, origin in describe(settings) if key.startswith("actions.")}
    assert origins.pop('actions."a.b~c:d-e".points').endswith("board.toml")
    assert set(origins.values()) == {"default"}


def test_other_tables_merge(write: Write) -> None:
    """A file that writes one key of a table leaves that table's other keys and the catalogue alone."""
    settings, default = (
        load_settings(environ={}, config=write("[limits]\nburst = 1\n")),
        load_settings(environ={}),
    )
    assert settings.limits == dataclasses.replace(default.limits, burst=1)
    assert settings.actions == default.actions


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[actions.'a b']\npoints = 1", "must be 1 to 64 of"),
        ("[actions.'']\npoints = 1", "must be 1 to 64 of"),
        (f"[actions.{'a' * 65}]\npoints = 1", "must be 1 to 64 of"),
        ("[actions.x]\nproof = 'none'", "has no points"),
        ("[actions]\nx = 1", 'actions."x" (from'),
        ("actions = 1", "must be a table"),
        ("[[server]]\nport = 1", "must be a table"),
        (
            "[actions.x]\npoints = 1\nproof = 'ticket'\nmin_seconds = 60\nticket_ttl = '1m'",
            "less than ticket_ttl",
        ),
    ],
)
def test_bad_shapes(write: Write, text: str, words: str) -> None:
    """A bad action name, an action without points, a ticket that can't work and a non-table are refused."""
    path = write(text)
    refused = refusal(config=path)
    assert words in refused
    assert str(path) in refused


@pytest.mark.parametrize(
    ("text", "line"),
    [("[server]\nport = \n", "line 2"), ("[server]\n\nport 1\n", "line 3"), ('[live]\nx = """', "line 2")],
)
def test_toml_syntax(write: Write, text: str, line: str) -> None:
    """A syntax error names the file and the line, also when it shows only at the end of the file."""
    path = write(text)
    words = refusal(config=path)
    assert f"{path} is not valid TOML" in words
    assert line in words


def test_unreadable_files(tmp_path: Path) -> None:
    """A file that is missing, a directory or not UTF-8 is refused with its path and the reason."""
    latin = tmp_path / "latin.toml"
    latin.write_bytes("# café\n".encode("latin-1"))
    missing = tmp_path / "missing.toml"
    assert f"{missing} can't be read: No such file" in refusal(environ={"SCOREBOARD_CONFIG": str(missing)})
    assert f"{tmp_path} can't be read: " in refusal(config=tmp_path)
    assert f"{latin} is not UTF-8 at byte 5" in refusal(config=latin)


def test_byte_order_mark(tmp_path: Path) -> None:
    """A file that begins with a byte order mark is read like any other."""
    path = tmp_path / "mark.toml"
    path.write_text("[live]\ntop = 3\n", encoding="utf-8-sig")
    assert load_settings(environ={}, config=path).live.top == 3


def test_secret_length_is_in_bytes() -> None:
    """31 bytes are refused and 32 taken, counted in UTF-8."""
    assert "at least 32 bytes" in refusal(environ={"SCOREBOARD_JWT_SECRET": "s" * 31})
    assert load_settings(environ={"SCOREBOARD_JWT_SECRET": "é" * 16}).auth.secret == "é" * 16


@pytest.mark.parametrize("line", ["secret = 'hunter2-hunter2'", "secret = 8675309", "secret = ['hunter2']"])
def test_refused_secret_is_not_shown(write: Write, line: str) -> None:
    """A secret that is refused, of whatever type, isn't repeated in the message."""
    words = refusal(config=write(f"[auth]\n{line}\n"))
    assert words.startswith("auth.secret (from ")
    assert "hunter2" not in words
    assert "8675309" not in words


def test_secret_that_is_not_text() -> None:
    """A secret of bytes that aren't UTF-8 is refused and neither shown nor kept in the traceback."""
    assert "at least 32 bytes" in refusal(environ={"SCOREBOARD_JWT_SECRET": "s" * 40 + "\udcff"})


def test_secret_is_never_shown() -> None:
    """Neither the repr of the settings nor their description has the secret in it."""
    settings = load_settings(environ={"SCOREBOARD_JWT_SECRET": SECRET})
    assert settings.auth.secret == SECRET
    assert SECRET not in repr(settings)
    assert SECRET not in repr(describe(settings))


def test_two_secrets_at_one_level(write: Write) -> None:
    """A secret and a secret file from the same source are refused without showing the secret."""
    environ = {"SCOREBOARD_JWT_SECRET": SECRET, "SCOREBOARD_JWT_SECRET_FILE": "/run/secret"}
    path = write(f"[auth]\nsecret = '{SECRET}'\nsecret_file = '/run/secret'\n")
    from_environment, from_file = refusal(environ=environ), refusal(config=path)
    assert "SCOREBOARD_JWT_SECRET and SCOREBOARD_JWT_SECRET_FILE" in from_environment
    assert str(path) in from_file
    assert SECRET not in from_environment + from_file


def test_two_secrets_at_two_levels(write: Write) -> None:
    """Of a secret and a secret file the source with higher precedence wins and the other becomes None."""
    path = write(f"[auth]\nsecret = '{SECRET}'\n")
    auth = load_settings(environ={"SCOREBOARD_JWT_SECRET_FILE": "/run/secret"}, config=path).auth
    assert (auth.secret, auth.secret_file) == (None, Path("/run/secret"))
    path = write("[auth]\nsecret_file = '/run/secret'\n")
    settings = load_settings(environ={"SCOREBOARD_JWT_SECRET": OTHER_SECRET}, config=path)
    assert (settings.auth.secret, settings.auth.secret_file) == (OTHER_SECRET, None)
    assert settings.origins["auth.secret_file"] == "default"


@pytest.mark.parametrize("provider", ["turnstile", "hcaptcha", "recaptcha"])
@pytest.mark.parametrize("lacking", ["site_key", "secret", "hostnames"])
def test_a_captcha_service_needs_its_keys_and_sites(write: Write, provider: str, lacking: str) -> None:
    """Without one of them no answer could be checked, so the start is refused, naming it."""
    lines = {
        "site_key": "site_key = 'k'",
        "secret": "secret_file = 's'",
        "hostnames": "hostnames = ['a.example']",
    }
    kept = "\n".join(line for name, line in lines.items() if name != lacking)
    path = write(f"[captcha]\nprovider = '{provider}'\n{kept}\n")
    assert refusal(config=path).startswith(
        f"captcha.{lacking} is not set, and captcha.provider (from {path})"
    )
    path = write(f"[captcha]\nprovider = '{provider}'\n" + "\n".join(lines.values()))
    assert load_settings(environ={}, config=path).captcha.provider == provider


def test_the_secret_of_a_captcha_is_never_shown(write: Write) -> None:
    """Neither in a refusal nor in the repr nor in the description, and there is one of it."""
    path = write("[captcha]\nsecret = 'hunter2 and a space'\n")
    assert "hunter2" not in refusal(config=path)
    path = write("[captcha]\nsecret = 'hunter2'\n")
    settings = load_settings(environ={}, config=path)
    assert settings.captcha.secret == "hunter2"
    assert "hunter2" not in repr(settings) + repr(describe(settings))
    other = load_settings(environ={"SCOREBOARD_CAPTCHA_SECRET_FILE": "s"}, config=path).captcha
    assert (other.secret, other.secret_file) == (None, Path("s"))
    path = write("[captcha]\nsecret = 'hunter2'\nsecret_file = 's'\n")
    assert refusal(config=path).startswith("captcha.secret and captcha.secret_file are both set")


def test_secret_file_is_not_read() -> None:
    """A secret file that doesn't exist is kept as a path; reading it is for who needs the secret."""
    settings = load_settings(environ={"SCOREBOARD_JWT_SECRET_FILE": "no/such/file"})
    assert settings.auth.secret_file == Path("no/such/file")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (
            "mongodb://ann:hunter2@db.example:27017/?replicaSet=r",
            "mongodb://ann:***@db.example:27017/?replicaSet=r",
        ),
        ("mongodb+srv://ann:hunt:er2@hunter2@db.example", "mongodb+srv://ann:***@db.example"),
        (
            "mongodb://db/?tlsCertificateKeyFilePassword=hunter2&w=1",
            "mongodb://db/?tlsCertificateKeyFilePassword=***&w=1",
        ),
        ("mongodb://ann@db.example,other.example:27017/", "mongodb://ann@db.example,other.example:27017/"),
    ],
)
def test_password_of_a_store_is_not_shown(uri: str, shown: str) -> None:
    """The store's address is described with its password replaced, and the repr hasn't got it at all."""
    settings = load_settings({"store.uri": uri}, environ={})
    assert settings.store.uri == uri
    assert ("store.uri", shown, "--store") in describe(settings)
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "uri",
    ["mongo://ann:hunter2@db", "mongodb:/ann:hunter2@db", "ann:hunter2@db", "mongodb://ann:hunter2@d b"],
)
def test_password_of_a_refused_store_is_not_shown(uri: str) -> None:
    """A store's address with a mistake in it is quoted without its password."""
    words = refusal(environ={"SCOREBOARD_STORE": uri})
    assert "***@d" in words
    assert "hunter2" not in words


def test_description_is_json() -> None:
    """Every described value survives JSON unchanged."""
    rows = describe(load_settings(environ={"SCOREBOARD_JWT_SECRET": SECRET, "SCOREBOARD_DATA_DIR": "/srv"}))
    values = [value for _, value, _ in rows]
    assert json.loads(json.dumps(values)) == values


def test_settings_are_frozen() -> None:
    """Neither a value nor the catalogue can be changed after loading."""
    settings = load_settings(environ={})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.server.port = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.actions["x"] = ActionTypeSettings(1)  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h", 3600), ("30d", 2592000), ("45", 45), ("0.5s", 0.5), (" 2 h ", 7200)],
)
def test_durations(text: str, seconds: float) -> None:
    """A duration is a number with a unit, seconds without one."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-1s", "1w", "1h30m", "m", "1.m", "inf", "nan", "36501d", "9" * 400, "٣s"]
)
def test_bad_durations(text: str) -> None:
    """Anything else, zero, and more than a hundred years raise ValueError."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(90.0, "90s"), (600, "10m"), (5400.0, "90m"), (86400.0, "1d"), (0.25, "0.25s")]
)
def test_format_duration(seconds: float, text: str) -> None:
    """A duration is written in the largest unit that leaves no remainder."""
    assert format_duration(seconds) == text


@given(
    st.integers(1, 36_500 * 86_400) | st.floats(0, 36_500 * 86_400, exclude_min=True),
)
def test_durations_round_trip(seconds: float) -> None:
    """Every possible duration, formatted and parsed, is exactly itself again."""
    assert parse_duration(format_duration(seconds)) == seconds


@given(
    st.dictionaries(
        st.sampled_from(["SCOREBOARD_SERVER_PORT", "SCOREBOARD_STORE", "SCOREBOARD_AUTH_MAX_TTL"]), st.text()
    )
)
def test_any_text_in_the_environment(environ: dict[str, str]) -> None:
    """Whatever text a variable holds, it is taken or refused in words; nothing else is raised."""
    try:
        settings = load_settings(environ=environ)
    except SettingsError as error:
        assert any(name in str(error) for name in environ)
    else:
        assert {name for name, text in environ.items() if text} == set(settings.origins.values()) - {
            "default"
        }


def test_import_is_light() -> None:
    """Importing the module brings in nothing beyond the standard library and this package."""
    code = (
        "import sys, scoreboard_server; before = set(sys.modules); import scoreboard_server.settings\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - sys.stdlib_module_names - {'scoreboard_server'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
