"""`scoreboard token`: what it issues works, and what it shows is no secret."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from scoreboard_server.flow.keys import secret_key

from ..jwks import ALL, Jwk, ed_jwk, public, rsa_jwk, write_jwks
from ..mongod import Mongod
from ..outside.publisher import keys, publishing
from .conftest import Board
from .invoking import Running, in_process, run, until

SECRET = "a secret for tokens of these tests, over 32 bytes"
ENVIRON = {"SCOREBOARD_JWT_SECRET": SECRET}
NOT_LOOKED_UP = "This server takes it, unless it was revoked or its user is banned."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that keeps nothing and knows the secret."""
    folder = tmp_path_factory.mktemp("server")
    arguments = ["serve", "--port", "0", "--store", "memory", "--json"]
    with Running(*arguments, cwd=folder, environ=ENVIRON) as running:
        yield running


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _issued(folder: Path, *arguments: str) -> str:
    ended = run("token", "issue", *arguments, cwd=folder, environ=ENVIRON)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.removesuffix("\n")


def test_it_prints_the_token_alone(tmp_path: Path) -> None:
    """Standard output is the token and a line's end, so that $(…) gives what a header takes."""
    token = _issued(tmp_path, "ann")
    claims = jwt.decode(token, SECRET, ["HS256"], audience="scoreboard", issuer="scoreboard")
    assert claims["sub"] == "ann"
    assert claims["scope"] == "score:write"
    assert claims["exp"] - claims["iat"] == 3600
    assert "name" not in claims
    assert "picture" not in claims


def test_options_become_claims(tmp_path: Path) -> None:
    """Name, picture, lifetime and scopes are in the token, each scope once."""
    scopes = [f"--scope={scope}" for scope in ("score:write", "board:read", "score:write")]
    picture = "https://example.org/a.png?x=1"
    more = ["--username", "Ann [b] 👩‍👧", "--avatar-url", picture, "--ttl", "2h"]
    token = _issued(tmp_path, "ann@x.org", *more, *scopes)
    claims = jwt.decode(token, SECRET, ["HS256"], audience="scoreboard")
    assert (claims["name"], claims["picture"]) == ("Ann [b] 👩‍👧", picture)
    assert claims["scope"] == "score:write board:read"
    assert claims["exp"] - claims["iat"] == 7200


def test_letters_are_composed(tmp_path: Path) -> None:
    """A name typed with separate accents is taken, in the form in which it will be shown."""
    token = _issued(tmp_path, "ann", "--username", "Zoe\u0308")
    assert jwt.decode(token, options={"verify_signature": False})["name"] == "Zo\u00eb"


def test_a_running_server_takes_it(server: Running, tmp_path: Path) -> None:
    """An issued token scores through the public API, and its name is the one that the board shows."""
    token = _issued(tmp_path, "ann", "--username", "Ann")
    status, answer = server.act(token, "a1")
    assert (status, answer["success"], answer["newScore"]) == (200, True, 10)
    assert server.board()["leaderboard"][0]["username"] == "Ann"


def test_a_scope_limits_it(server: Running, tmp_path: Path) -> None:
    """A token that may only read can't score."""
    status, answer = server.act(_issued(tmp_path, "ann", "--scope", "board:read"), "a2")
    assert (status, answer["success"]) == (403, False)


def test_the_kept_secret_is_the_server_s(tmp_path: Path) -> None:
    """Without a secret in the settings, command and server share the one kept in the data directory."""
    with Running("serve", "--port", "0", "--store", "memory", "--json", cwd=tmp_path) as own:
        own.ready()
        token = run("token", "issue", "ann", "--store", "memory", cwd=tmp_path).stdout.strip()
        assert own.act(token, "a1")[0] == 200
    assert (tmp_path / ".scoreboard" / "jwt.secret").stat().st_mode & 0o777 == 0o600


def test_a_new_secret_is_told_once(tmp_path: Path) -> None:
    """In a folder without one, issuing says that it made it; the second time there is nothing to say."""
    first = run("token", "issue", "ann", cwd=tmp_path)
    assert "no signing secret in .scoreboard yet; made a new one" in first.stderr
    assert run("token", "issue", "ann", cwd=tmp_path).stderr == ""


def test_inspect_makes_no_secret(tmp_path: Path) -> None:
    """Looking at a token in the wrong folder says that it is one, and leaves nothing there."""
    ended = run("token", "inspect", _issued(tmp_path, "ann"), "--json", cwd=tmp_path)
    assert ended.returncode == 1
    assert "no signing secret in .scoreboard" in json.loads(ended.stdout)["reason"]
    assert not (tmp_path / ".scoreboard").exists()


def test_json_says_what_was_issued(tmp_path: Path) -> None:
    """The shape of `--json`: token, user, scopes, and the very second at which the token ends."""
    shown = json.loads(_issued(tmp_path, "ann", "--json", "--ttl", "90.9s"))
    assert set(shown) == {"token", "userId", "scope", "expiresAt"}
    assert (shown["userId"], shown["scope"]) == ("ann", ["score:write"])
    claims = jwt.decode(shown["token"], SECRET, ["HS256"], audience="scoreboard")
    assert datetime.fromisoformat(shown["expiresAt"]).timestamp() == claims["exp"]


@pytest.mark.parametrize(
    ("arguments", "option", "words"),
    [
        (["a b"], "USER", "1-64 characters"),
        (["x" * 65], "USER", "1-64 characters"),
        (["\udcff"], "USER", "1-64 characters"),
        ([""], "USER", "1-64 characters"),
        (["ann", "--username", ""], "--username", "1-32 characters"),
        (["ann", "--username", "x" * 33], "--username", "1-32 characters"),
        (["ann", "--username", "a\u202eb"], "--username", "no control or direction marks"),
        (["ann", "--username", "a\x1b[31m"], "--username", "no control"),
        (["ann", "--username", "a  b"], "--username", "spaces only one by one"),
        (["ann", "--username", "\udcff"], "--username", "1-32 characters"),
        (["ann", "--avatar-url", "http://x.org/a"], "--avatar-url", "https://"),
        (["ann", "--avatar-url", "https://u:p@x.org/"], "--avatar-url", "https://"),
        (["ann", "--avatar-url", "https://x.org/" + "a" * 2048], "--avatar-url", "2048"),
        (["ann", "--ttl", "soon"], "--ttl", "not a duration"),
        (["ann", "--ttl", "-5"], "--ttl", "not a duration"),
        (["ann", "--ttl", "0"], "--ttl", "not a duration"),
        (["ann", "--ttl", "0.5s"], "--ttl", "less than a second"),
        (["ann", "--scope", "everything"], "--scope", "score:write"),
        ([], "USER", "Missing"),
    ],
)
def test_bad_options_are_usage_errors(elsewhere: Path, arguments: list[str], option: str, words: str) -> None:
    """What can't become a good token is a usage error that names the option and what is allowed."""
    ended = in_process("token", "issue", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert option in ended.stderr
    assert words in ended.stderr
    assert "\x1b" not in ended.stderr
    assert list(elsewhere.iterdir()) == []


def test_a_longer_life_than_the_server_believes_is_1(tmp_path: Path) -> None:
    """A lifetime over auth.max_ttl is refused with 1, and up to it issued and taken."""
    (tmp_path / "s.toml").write_text('[auth]\nmax_ttl = "10m"\n')
    ended = run("token", "issue", "ann", "--ttl", "601s", "--config", "s.toml", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "auth.max_ttl (10m)" in ended.stderr
    token = run("token", "issue", "ann", "--ttl", "10m", "--config", "s.toml", cwd=tmp_path).stdout.strip()
    assert run("token", "inspect", token, "--config", "s.toml", cwd=tmp_path).returncode == 0


def test_inspect_shows_claims_and_no_key(tmp_path: Path) -> None:
    """Inspecting shows header and claims with readable times, and neither signature nor secret."""
    token = _issued(tmp_path, "ann", "--username", "[red]x[/red]")
    ended = run("token", "inspect", token, cwd=tmp_path, environ=ENVIRON)
    assert (ended.returncode, ended.stderr.splitlines()[0]) == (0, NOT_LOOKED_UP)
    rows = dict(line.split(maxsplit=1) for line in ended.stdout.splitlines()[3:])
    assert rows["sub"] == "ann"
    assert rows["name"] == "[red]x[/red]"
    assert rows["exp"].endswith("Z)")
    assert token.rsplit(".", 1)[1] not in ended.stdout
    assert SECRET not in ended.stdout


def test_inspect_reads_standard_input(tmp_path: Path) -> None:
    """`-` reads the token from a pipe, with or without the end of line; the JSON has a fixed shape."""
    token = _issued(tmp_path, "ann")
    for stdin in (token, f"{token}\n"):
        ended = run("token", "inspect", "-", "--json", cwd=tmp_path, environ=ENVIRON, stdin=stdin.encode())
        shown = json.loads(ended.stdout)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert set(shown) == {"valid", "reason", "revocationsChecked", "header", "claims"}
        assert (shown["valid"], shown["reason"], shown["claims"]["sub"]) == (True, None, "ann")
        kid = secret_key(SECRET.encode()).kid
        assert shown["header"] == {"alg": "HS256", "typ": "JWT", "kid": kid}


def _signed(secret: str = SECRET, **claims: object) -> str:
    now = int(time.time())
    good = {"iss": "scoreboard", "aud": "scoreboard", "sub": "ann", "jti": "1", "iat": now, "exp": now + 60}
    kept = {name: value for name, value in {**good, **claims}.items() if value is not None}
    return jwt.encode(kept, secret, "HS256")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (_signed(exp=int(time.time()) - 5), "expired"),
        (_signed("another secret, which is also over 32 bytes"), "signature"),
        (_signed(aud="other"), "audience"),
        (_signed(iss="other"), "issuer"),
        (_signed(jti=None), "jti"),
        (_signed(exp=10**400), "longer than this server allows"),
        (_signed(exp="soon"), "exp"),
        (jwt.encode({"sub": "ann"}, "", "none"), "algorithm"),
        (_signed(name="x" * 9000), "too long"),
    ],
    ids=["expired", "signature", "audience", "issuer", "no-jti", "huge", "no-time", "none", "long"],
)
@pytest.mark.usefixtures("elsewhere")
def test_a_refused_token_is_1_and_shown(server: Running, token: str, reason: str) -> None:
    """What the server would refuse is shown all the same, with the reason, and is exit code 1."""
    ended = in_process("token", "inspect", token, environ=ENVIRON)
    assert ended.returncode == 1
    assert ended.stderr.startswith("This server refuses it: ")
    assert reason in ended.stderr
    assert "ann" in ended.stdout
    shown = json.loads(in_process("token", "inspect", token, "--json", environ=ENVIRON).stdout)
    assert shown["valid"] is False
    assert reason in shown["reason"]
    assert server.act(token, "a1")[0] in (400, 401)  # over-long headers don't reach the handler


# --- keys of a file and of an address --------------------------------------------------------------


def _configured(folder: Path, *jwks: Jwk, algorithms: str = '["HS256", "RS256", "ES256", "EdDSA"]') -> Path:
    """A settings file with a file of keys beside it."""
    write_jwks(folder / "keys.json", *jwks)
    path = folder / "s.toml"
    path.write_text(f'[auth]\nalgorithms = {algorithms}\njwks_file = "{folder / "keys.json"}"\n')
    return path


@pytest.mark.parametrize("algorithm", ALL)
@pytest.mark.usefixtures("elsewhere")
def test_the_first_private_key_signs(tmp_path: Path, algorithm: str) -> None:
    """Not the first key, and not the secret; inspecting shows its id and algorithm and no key."""
    jwk = ALL[algorithm]("mine")
    config = str(_configured(tmp_path, public(rsa_jwk("theirs")), jwk, ed_jwk("later")))
    issued = in_process("token", "issue", "ann", "--config", config)
    assert (issued.returncode, issued.stderr) == (0, "")
    ended = in_process("token", "inspect", "-", "--json", "--config", config, stdin=issued.stdout.encode())
    shown = json.loads(ended.stdout)
    assert (ended.returncode, shown["valid"]) == (0, True)
    assert shown["header"] == {"alg": algorithm, "typ": "JWT", "kid": "mine"}
    table = in_process("token", "inspect", "-", "--config", config, stdin=issued.stdout.encode()).stdout
    assert "kid (header)" in table
    for value in jwk.values():
        assert len(str(value)) < 10 or str(value) not in ended.stdout + table
    assert not (tmp_path / ".scoreboard").exists()  # it took no secret, so it made none


@pytest.mark.usefixtures("elsewhere")
def test_without_a_private_key_the_secret_signs(tmp_path: Path) -> None:
    """Where HS256 is accepted; where it isn't, nothing can be issued."""
    config = str(_configured(tmp_path, public(rsa_jwk())))
    issued = in_process("token", "issue", "ann", "--config", config, environ=ENVIRON)
    assert jwt.get_unverified_header(issued.stdout.strip())["kid"] == secret_key(SECRET.encode()).kid
    config = str(_configured(tmp_path, public(rsa_jwk()), algorithms='["RS256"]'))
    ended = in_process("token", "issue", "ann", "--config", config, environ=ENVIRON)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "no key that signs tokens for auth.algorithms (RS256)" in ended.stderr


@pytest.mark.usefixtures("elsewhere")
def test_a_bad_file_of_keys_is_2(tmp_path: Path) -> None:
    """For issuing and inspecting alike: one line with file, key and reason."""
    config = str(_configured(tmp_path, rsa_jwk("weak", bits=1024)))
    for arguments in (["issue", "ann"], ["inspect", _signed()]):
        ended = in_process("token", *arguments, "--config", config, environ=ENVIRON)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert f"{tmp_path / 'keys.json'} is refused: the key 'weak' is shorter than 2048" in ended.stderr


@pytest.mark.usefixtures("elsewhere")
def test_inspect_looks_where_keys_are_published(tmp_path: Path) -> None:
    """As the server would; when nothing answers there, that is the reason, and not the token's fault."""
    config = str(_configured(tmp_path, rsa_jwk()))
    token = in_process("token", "issue", "ann", "--config", config).stdout.strip()
    with publishing(keys(rsa_jwk())) as publisher:
        environ = {"SCOREBOARD_AUTH_ALGORITHMS": "RS256", "SCOREBOARD_AUTH_JWKS_URL": publisher.url}
        ended = in_process("token", "inspect", token, environ=environ)
        assert (ended.returncode, ended.stderr.splitlines()[0]) == (0, NOT_LOOKED_UP)
        publisher.answer = keys(rsa_jwk("another"))
        assert "key is not known" in in_process("token", "inspect", token, environ=environ).stderr
    ended = in_process("token", "inspect", token, environ=environ)
    assert ended.returncode == 1
    assert "can't be fetched now" in ended.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "no server runs in .scoreboard."),
        (["--data-dir", "file"], "can't be used: Not a directory."),
        (["--store", "memory"], "the `memory` store can't be reached from here."),
        (["--store", "mongodb://ann:hunter2@127.0.0.1:9"], "the store can't be reached: "),
        (["--store", "mongodb://ann:hunter2@127.0.0.1:99999"], "The store's URI can't be used"),
    ],
    ids=["embedded", "file", "memory", "away", "malformed"],
)
def test_what_is_not_looked_up_is_told(tmp_path: Path, more: list[str], words: str) -> None:
    """Within seconds, and without a failure; where no store runs none is started or made."""
    (tmp_path / "file").touch()
    began = time.monotonic()
    ended = run("token", "inspect", _signed(), *more, cwd=tmp_path, environ=ENVIRON)
    assert time.monotonic() - began < 10
    verdict, why = ended.stderr.splitlines()
    assert (ended.returncode, verdict) == (0, NOT_LOOKED_UP)
    assert why.startswith("That was not looked at: ") and words in why
    assert "hunter2" not in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    shown = json.loads(
        run("token", "inspect", _signed(), "--json", *more, cwd=tmp_path, environ=ENVIRON).stdout
    )
    assert (shown["valid"], shown["revocationsChecked"]) == (True, False)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(
    "garbled",
    [
        *("garbled", "a.b.c", "", "..", "\udcff", "é.é.é", "{}", "x" * 70_000),
        f"{_base64(b'[' * 9000)}.e30.x",
        f"{_base64(b'{}')}.{_base64(bytes([255]))}.x",
    ],
    ids=["word", "dots", "empty", "empties", "byte", "accents", "json", "long", "nested", "binary"],
)
@pytest.mark.usefixtures("elsewhere")
def test_garbled_is_1_in_one_line(garbled: str) -> None:
    """What is no token at all ends with 1, one clear line, and no data; from a pipe as well."""
    ended = in_process("token", "inspect", garbled)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "Error: This is not a token.\n")
    piped = in_process("token", "inspect", "-", "--json", stdin=garbled.encode("utf-8", "surrogateescape"))
    assert (piped.returncode, piped.stdout, piped.stderr) == (1, "", ended.stderr)


def test_a_forger_s_claims_forge_no_line(tmp_path: Path) -> None:
    """A stranger's claims are shown without what a terminal acts on, and can't pass for the header."""
    token = _signed(
        "another secret, which is also over 32 bytes", alg="none\x1b[2J", x="a\nThis server takes it."
    )
    ended = run("token", "inspect", token, cwd=tmp_path)
    lines = ended.stdout.splitlines()
    assert "\x1b" not in ended.stdout
    assert [line.split()[-1] for line in lines if line.startswith("alg (header)")] == ["HS256"]
    assert not any(line.startswith("This server") for line in lines)
    assert "\x1b" not in run("token", "inspect", token, "--json", cwd=tmp_path).stdout


# --- revoke ---------------------------------------------------------------------------------------


def _status(board: Board, token: str) -> tuple[int, str | None]:
    # An action that nobody has, so that the board stays as it is.
    status, answer = board.server.act(token, "a1", "nobody.knows")
    return status, answer.get("code")


@pytest.mark.database
def test_a_token_is_revoked_by_its_id(board: Board) -> None:
    """The running server refuses it soon, and no other one of the same user."""
    one, other = (run("token", "issue", "ann", cwd=board.folder).stdout.strip() for _ in range(2))
    jti = jwt.decode(one, options={"verify_signature": False})["jti"]
    assert _status(board, one)[0] == 422
    ended = run("token", "revoke", jti, "--reason", "stolen", "--json", cwd=board.folder)
    assert (ended.returncode, json.loads(ended.stdout)) == (0, {"tokenId": jti, "userId": None})
    until(lambda: _status(board, one) == (401, "token_revoked"), patience=5)
    assert _status(board, other)[0] == 422


@pytest.mark.database
def test_all_of_a_user_are_revoked(board: Board) -> None:
    """Those of before; a later one is good, and so are other users'."""
    ann, bob = (run("token", "issue", user, cwd=board.folder).stdout.strip() for user in ("ann", "bob"))
    ended = run("token", "revoke", "--user", "ann", cwd=board.folder)
    assert (ended.returncode, ended.stdout) == (0, "Revoked all tokens of ann.\n")
    until(lambda: _status(board, ann) == (401, "token_revoked"), patience=5)
    assert _status(board, bob)[0] == 422
    time.sleep(1.0)  # tokens tell when they were issued in whole seconds
    assert _status(board, run("token", "issue", "ann", cwd=board.folder).stdout.strip())[0] == 422


@pytest.mark.database
@pytest.mark.parametrize(
    ("decide", "undo", "reason"),
    [
        (["token", "revoke", "{jti}"], None, "The token was revoked."),
        (["token", "revoke", "--user", "{user}"], None, "The token was revoked."),
        (["ban", "{user}", "--reason", "x"], ["unban", "{user}"], "This user is banned."),
    ],
    ids=["token", "user", "ban"],
)
def test_inspect_knows_what_was_decided(
    board: Board, decide: list[str], undo: list[str] | None, reason: str
) -> None:
    """Beside a server it says what that says: taken before, refused with 1 afterwards, taken when undone."""

    def inspected(code: int) -> dict[str, Any]:
        ended = run("token", "inspect", token, "--json", cwd=board.folder)
        assert ended.returncode == code, ended.stderr
        told: dict[str, Any] = json.loads(ended.stdout)
        return told

    user = f"inspected-{decide[0]}-{len(decide)}"
    token = run("token", "issue", user, cwd=board.folder).stdout.strip()
    names = {"user": user, "jti": jwt.decode(token, options={"verify_signature": False})["jti"]}
    before = inspected(0)
    assert (before["valid"], before["reason"], before["revocationsChecked"]) == (True, None, True)
    assert run("token", "inspect", token, cwd=board.folder).stderr == "This server takes it.\n"
    assert run(*(word.format_map(names) for word in decide), cwd=board.folder).returncode == 0
    after = inspected(1)
    assert (after["valid"], after["reason"], after["revocationsChecked"]) == (False, reason, True)
    ended = run("token", "inspect", token, cwd=board.folder)
    assert (ended.returncode, ended.stderr) == (1, f"This server refuses it: {reason}\n")
    until(lambda: _status(board, token)[0] in (401, 403), patience=5)
    if undo is not None:
        assert run(*(word.format_map(names) for word in undo), cwd=board.folder).returncode == 0
        assert inspected(0)["valid"]


@pytest.mark.database
def test_a_mongodb_of_one_s_own_is_asked(replica_set: Mongod, database: str, tmp_path: Path) -> None:
    """One that no server has used yet can tell nothing, and stays as it is."""
    environ = ENVIRON | {"SCOREBOARD_STORE": replica_set.uri, "SCOREBOARD_STORE_DATABASE": database}
    token = _issued(tmp_path, "ann")
    ended = run("token", "inspect", token, cwd=tmp_path, environ=environ)
    assert (ended.returncode, ended.stderr.splitlines()[0]) == (0, NOT_LOOKED_UP)
    assert "no server has used this database yet" in ended.stderr
    with replica_set.client() as client:
        assert database not in client.list_database_names()
    assert run("token", "revoke", "--user", "ann", cwd=tmp_path, environ=environ).returncode == 0
    ended = run("token", "inspect", token, cwd=tmp_path, environ=environ)
    assert (ended.returncode, ended.stderr) == (1, "This server refuses it: The token was revoked.\n")


@pytest.mark.database
def test_a_forger_s_id_forges_no_line(board: Board) -> None:
    """It is whatever somebody has put into a token."""
    ended = run("token", "revoke", "\x1b[2J\nRevoked all", cwd=board.folder)
    assert (ended.returncode, ended.stdout.count("\n")) == (0, 1)
    assert "\x1b" not in ended.stdout
