"""`scoreboard export`, `import` and `verify --export`, as people run them."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from scoreboard_server.store.opening import open_for_server

from ..conftest import SECRET, need_mongod, not_here
from ..mongod import Mongod
from ..rules.exports.given import an_export, with_right_end
from ..store.conftest import NOW_US
from ..store.exporting import fill
from .invoking import PATIENCE_S, SCOREBOARD, Running, environment, in_process, in_terminal, run, until
from .killing import killed_at_line, killed_at_write

ROOT = Path(__file__).parent.parent.parent
Raw = Database[dict[str, Any]]


class Stores:
    """Databases on the shared MongoDB, which commands reach by their environment."""

    def __init__(self, mongod: Mongod, folder: Path) -> None:
        self.mongod = mongod
        self.folder = folder
        self.made: list[str] = []

    def empty(self) -> dict[str, str]:
        """The environment of a new one."""
        self.made.append(f"t{uuid.uuid4().hex[:16]}")
        return {"SCOREBOARD_STORE": self.mongod.uri, "SCOREBOARD_STORE_DATABASE": self.made[-1]}

    def full(self) -> dict[str, str]:
        """The environment of one with everything in it."""
        environ = self.empty()

        async def filling() -> None:
            store = await open_for_server(self.mongod.uri, self.made[-1], self.folder, now_us=NOW_US)
            await fill(store)
            await store.close()

        asyncio.run(filling())
        return environ

    def run(self, environ: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """A command that is to succeed."""
        ended = run(*arguments, cwd=self.folder, environ=environ)
        assert ended.returncode == 0, ended.stderr
        return ended

    def content(self, environ: dict[str, str]) -> dict[str, list[Any]]:
        """All that a database holds, but what differs between two imports of the same."""
        with self.mongod.client() as client:
            raw: Raw = client[environ["SCOREBOARD_STORE_DATABASE"]]
            found: dict[str, list[Any]] = {}
            for name in sorted(raw.list_collection_names()):
                documents = [_comparable(d) for d in raw[name].find() if d.get("what") != "import"]
                found[name] = sorted(documents, key=repr)
                assert raw["audit"].count_documents({"what": "import"}) == 1
            return found


def _comparable(document: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in document.items()
        if name != "_id" or isinstance(value, str | dict | int)
    }


@pytest.fixture
def stores(replica_set: Mongod, tmp_path: Path, short_transactions: None) -> Iterator[Stores]:
    """Some databases, gone at the end."""
    stores = Stores(replica_set, tmp_path)
    yield stores
    with replica_set.client() as client:
        for name in stores.made:
            client.drop_database(name)


def body(path: Path) -> list[bytes]:
    """An export without its first and last line, and without what an import adds to the trail."""
    return [raw for raw in path.read_bytes().splitlines()[1:-1] if b'"what":"import"' not in raw]


# --- on a live system -----------------------------------------------------------------------------


def _get(server: Running, path: str, bearer: str | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    request = urllib.request.Request(server.url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        told: dict[str, Any] = json.load(answer)
    return {name: value for name, value in told.items() if name not in ("epoch", "version")}


def _play(folder: Path, server: Running, user: str, *actions: str) -> None:
    token = run("token", "issue", user, "--username", user.title(), cwd=folder).stdout.strip()
    for action in actions:
        assert server.act(token, action)[0] == 200


def _shown(folder: Path, server: Running) -> dict[str, Any]:
    """All that clients are told of boards, and each user of the own entries."""
    shown = {path: _get(server, path) for path in ("/api/leaderboard?limit=1000", "/api/seasons")}
    for season in shown["/api/seasons"]["seasons"]:
        for edition in ("corrected", "announced") if season["state"] == "sealed" else ("",):
            path = f"/api/leaderboard?limit=1000&season={season['name']}"
            path += f"&edition={edition}" if edition else ""
            shown[path] = _get(server, path)
    for row in shown["/api/leaderboard?limit=1000"]["leaderboard"]:
        token = run("token", "issue", row["userId"], cwd=folder).stdout.strip()
        path = f"/api/users/{row['userId']}/actions"
        shown[path] = _get(server, path, token)
    return shown


@pytest.mark.database
def test_a_round_trip_between_two_running_servers(tmp_path: Path) -> None:
    """The other server shows the same boards bit for bit, without a restart, and goes on from there."""
    need_mongod()
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    with (
        Running("serve", "--port", "0", "--json", cwd=here) as ours,
        Running("serve", "--port", "0", "--json", cwd=there) as theirs,
    ):
        ours.ready()
        theirs.ready()
        _play(here, ours, "ann", "a1", "a2", "a3")
        _play(here, ours, "ben", "b1", "b2")
        _play(here, ours, "cem", "c1")
        for command in (
            ["ban", "cem", "--reason", "a script"],
            ["season", "reset", "--yes", "--ends", "2099-01-01"],
            ["adjust", "ann", "-25", "--reason", "late", "--season", "season-1"],
        ):
            assert run(*command, cwd=here).returncode == 0
        _play(here, ours, "ben", "b3", "b4")
        _play(here, ours, "dan", "d1")
        assert run("adjust", "dan", "5", "--reason", "a prize", cwd=here).returncode == 0
        until(lambda: "Dan" in run("leaderboard", "--json", cwd=here).stdout)  # saved by now
        nameless = run("token", "issue", "eve", cwd=here).stdout.strip()
        assert ours.act(nameless, "e1")[0] == 200  # pending, while the export is made
        exported = json.loads(run("export", tmp_path / "x", "--json", cwd=here).stdout)
        assert exported["entries"] == 12
        told = json.loads(run("import", tmp_path / "x", "--json", cwd=there).stdout)
        assert told["digests"] == exported["digests"] and not told["wasThere"]
        want = _shown(here, ours)
        until(lambda: len(_get(theirs, "/api/leaderboard")["leaderboard"]) == 3)
        assert _shown(there, theirs) == want
        assert _get(theirs, "/api/users/ben") == _get(ours, "/api/users/ben")
        cem = run("token", "issue", "cem", cwd=there).stdout.strip()
        assert theirs.act(cem, "c9")[0] == 403
        _play(there, theirs, "eve", "e1", "e2")
        until(lambda: theirs.board("?users=eve")["leaderboard"][0]["score"] == 20)
        assert run("verify", cwd=there).returncode == 0
        acts = json.loads(run("audit", "--json", cwd=there).stdout)
        assert acts[0]["what"] == "import" and acts[0]["details"]["sha256"] == exported["sha256"]
        assert acts[1:] == json.loads(run("audit", "--json", cwd=here).stdout)


@pytest.mark.database
def test_an_import_is_refused_where_there_are_entries(stores: Stores) -> None:
    """In clear words, with exit code 1; twice the same is no failure."""
    full, empty = stores.full(), stores.empty()
    stores.run(full, "export", "x")
    refused = run("import", "x", cwd=stores.folder, environ=full)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "entries already" in refused.stderr
    assert "imported." in stores.run(empty, "import", "x").stdout
    assert "were there already." in stores.run(empty, "import", "x").stdout


@pytest.mark.database
def test_to_stdout_and_in_a_terminal(stores: Stores) -> None:
    """Data on stdout, words on stderr, a bar for whoever looks, nothing wider than 80 columns."""
    full, empty = stores.full(), stores.empty()
    piped = run("export", "-", cwd=stores.folder, environ=full)
    (stores.folder / "piped").write_text(piped.stdout)
    assert "SHA-256" in piped.stderr
    seen = []
    for arguments, environ in (
        (["export", "x"], full),
        (["verify", "--export", "x"], full),
        (["import", "x"], empty),
        (["verify"], empty),
    ):
        shown = in_terminal(*arguments, cwd=stores.folder, environ={"NO_COLOR": "1"} | environ)
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
        assert max(len(part) for line in plain.split("\n") for part in line.split("\r")) <= 80, plain
        seen.append(plain)
    assert [
        word in shown for word, shown in zip(("Exporting", "Checking", "Importing"), seen, strict=False)
    ] == [True] * 3
    assert "2 sealed seasons: archives, digests and corrections agree." in seen[3]
    assert body(stores.folder / "piped") == body(stores.folder / "x")
    assert stat.S_IMODE((stores.folder / "x").stat().st_mode) == 0o600
    assert not (stores.folder / "x.part").exists()


@pytest.mark.database
def test_no_secret_is_in_it(tmp_path: Path) -> None:
    """Neither the one that signs tokens nor what opens the database."""
    need_mongod()
    run("token", "issue", "ann", cwd=tmp_path)
    assert run("export", "x", cwd=tmp_path).returncode == 0
    told = (tmp_path / "x").read_bytes()
    secrets = [
        p
        for p in (tmp_path / ".scoreboard").rglob("*")
        if p.is_file() and re.search("secret|key|pass", p.name)
    ]
    assert secrets
    for each in secrets:
        for word in each.read_bytes().split():
            assert len(word) < 16 or word not in told


# --- the part -------------------------------------------------------------------------------------


@pytest.mark.database
def test_a_killed_export_goes_on(stores: Stores) -> None:
    """In the middle of any line, and just before it would be whole: the same bytes in the end."""
    full = stores.full()
    stores.run(full, "export", "x")
    lines = len((stores.folder / "x").read_bytes().splitlines())
    for at in (1, 2, 9, lines // 2, lines - 3, lines, lines + 1):
        path = stores.folder / f"x{at}"
        assert killed_at_line(at, "export", path.name, cwd=stores.folder, environ=full)
        part = stores.folder / f"x{at}.part"
        assert not path.exists() and part.exists() and stat.S_IMODE(part.stat().st_mode) == 0o600
        ended = stores.run(full, "export", path.name)
        assert ("Going on" in ended.stderr) == (at > 1)
        assert body(path) == body(stores.folder / "x") and not part.exists()
        assert run("verify", "--export", path.name, cwd=stores.folder).returncode == 0
    assert not killed_at_line(lines + 2, "export", "y", cwd=stores.folder, environ=full)


@pytest.mark.database
def test_a_part_that_can_not_be_gone_on_with_is_begun_anew(stores: Stores) -> None:
    """It says so. A file that is no part of an export is left alone."""
    full, other = stores.full(), stores.empty()
    assert killed_at_line(3, "export", "x", cwd=stores.folder, environ=other)
    ended = stores.run(full, "export", "x")
    assert "Begun anew: it is of another store." in ended.stderr
    part = stores.folder / "x.part"
    part.write_text("my diary\n")
    refused = run("export", "x", cwd=stores.folder, environ=full)
    assert refused.returncode == 1 and "no part of an export" in refused.stderr
    assert part.read_text() == "my diary\n"


@pytest.mark.database
def test_two_exports_do_not_write_one_file(stores: Stores) -> None:
    """The later one is told."""
    import fcntl

    full = stores.full()
    with (stores.folder / "x.part").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = run("export", "x", cwd=stores.folder, environ=full)
    assert refused.returncode == 1 and "another export" in refused.stderr


@pytest.mark.database
@pytest.mark.parametrize("path", ["no/such/folder/x", "."])
def test_where_nothing_can_be_written_is_told(stores: Stores, path: str) -> None:
    """As a line, with exit code 1."""
    refused = run("export", path, cwd=stores.folder, environ=stores.empty())
    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.database
def test_what_is_no_file_is_not_replaced(stores: Stores) -> None:
    """A pipe or a device stays; where a link leads to is written, and the link stays one."""
    full, pipe = stores.full(), stores.folder / "pipe"
    os.mkfifo(pipe)
    refused = run("export", "pipe", cwd=stores.folder, environ=full)
    assert (refused.returncode, refused.stdout) == (1, "") and "`-` is stdout" in refused.stderr
    assert pipe.is_fifo()
    (stores.folder / "latest").symlink_to("there.ndjson")
    assert run("export", "latest", cwd=stores.folder, environ=full).returncode == 0
    assert (stores.folder / "latest").is_symlink() and (stores.folder / "there.ndjson").is_file()


# --- killed imports -------------------------------------------------------------------------------


@pytest.mark.database
@pytest.mark.timeout(300)
def test_an_import_killed_at_any_write_is_finished_by_the_next(stores: Stores) -> None:
    """Whatever the write was, the store is that of an undisturbed import, to the last document.

    At every third write, or at each of them: SCOREBOARD_ALL_STEPS=1.
    """
    stride = 1 if os.environ.get("SCOREBOARD_ALL_STEPS") == "1" else 3
    full, undisturbed = stores.full(), stores.empty()
    stores.run(full, "export", "x")
    stores.run(undisturbed, "import", "x")
    want = stores.content(undisturbed)
    for at in itertools.count(1, stride):
        environ = stores.empty()
        stores.run(environ, "season", "list")  # it makes the collections
        if not killed_at_write(at, "import", "x", cwd=stores.folder, environ=environ):
            break
        shown = stores.run(environ, "leaderboard", "--json")
        assert json.loads(shown.stdout)["leaderboard"] == []
        ended = stores.run(environ, "import", "x")
        assert "imported." in ended.stdout, at
        got = stores.content(environ)
        assert got == want, f"killed at write {at}"
    assert at > 15


@pytest.mark.database
def test_a_partial_import_is_neither_judged_nor_acted_on(stores: Stores) -> None:
    """What would tell, judge, mend or change what is not all there says what to do; then all is well."""
    full, environ = stores.full(), stores.empty() | {"SCOREBOARD_JWT_SECRET": SECRET}
    stores.run(full, "export", "x")
    stores.run(environ, "season", "list")
    assert killed_at_write(12, "import", "x", cwd=stores.folder, environ=environ)
    for command in (
        ["verify"],
        ["verify", "--repair"],
        ["export", "y"],
        ["audit"],
        ["ban", "ann", "--reason", "x"],
        ["unban", "ann"],
        ["adjust", "ann", "5", "--reason", "x"],
        ["season", "reset", "--yes"],
        ["season", "ends", "never"],
        ["serve", "--port", "0"],
    ):
        ended = run(*command, cwd=stores.folder, environ=environ)
        assert (ended.returncode, ended.stdout) == (1, ""), command
        assert "import into this store is not finished" in ended.stderr, command
    doctor = json.loads(run("doctor", "--json", cwd=stores.folder, environ=environ).stdout)
    (ledger,) = (each for each in doctor["findings"] if each["name"] == "ledger")
    assert "an import is not finished" in ledger["found"]
    assert json.loads(stores.run(environ, "leaderboard", "--json").stdout)["leaderboard"] == []
    stores.run(environ, "import", "x")
    stores.run(environ, "verify")


# --- without any store ----------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sound export."""
    path = tmp_path / "scores.ndjson"
    path.write_bytes(b"".join(an_export()))
    return path


def test_an_export_is_verified_offline(file: Path) -> None:
    """Without the driver, without a data directory; with what each season comes to."""
    code = (
        "import sys; from scoreboard_cli.main import main\n"
        f"sys.argv = ['scoreboard', 'verify', '--export', {str(file)!r}, '--json']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "sys.exit(' '.join({'motor', 'pymongo', 'bson', 'tornado'} & set(sys.modules)) or 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=file.parent,
        env=environment(),
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    told = json.loads(ended.stdout)
    assert set(told) == {
        "lines",
        "entries",
        "users",
        "bans",
        "acts",
        "sha256",
        "seasons",
        "differences",
        "wrong",
        "addsUp",
    }
    assert (told["addsUp"], told["entries"], len(told["seasons"])) == (True, 12, 3)
    assert sorted(file.parent.iterdir()) == [file]


def test_what_is_wrong_is_told_and_where(file: Path) -> None:
    """Exit code 1, the line, the season and the user."""
    lines = an_export()
    place = next(n for n, raw in enumerate(lines) if b'"action":"b1"' in raw)
    lines[place] = lines[place].replace(b'"points":20', b'"points":21')
    file.write_bytes(b"".join(with_right_end(lines)))
    ended = in_process("verify", "--export", str(file))
    assert ended.returncode == 1
    assert "season-1   ben" in ended.stdout and "the digest is not that" in " ".join(ended.stdout.split())
    told = json.loads(in_process("verify", "--export", str(file), "--json").stdout)
    assert not told["addsUp"] and told["wrong"][0]["user"] == "ben"
    refused = in_process("import", str(file))
    assert refused.returncode == 1 and "does not agree with itself" in refused.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: raw[:-1], "line 51: "),
        (lambda raw: raw[:-500], "line "),
        (lambda raw: b"", "line 1: "),
        (lambda raw: b"\x00" * 3_000_000, "line 1: this is no export"),
        (lambda raw: raw.replace(b'"v":1', b'"v":7'), "line 1: an export of version 7"),
        (lambda raw: raw.replace(b'"kind":"hidden"', b'"kind":"hiding"'), "hiding"),
        (lambda raw: raw.replace(b'"points":30', b'"points":30000000000000000000'), "points"),
        (lambda raw: raw + raw, "behind the end"),
    ],
)
def test_what_can_not_be_read_is_2(file: Path, change: Any, words: str) -> None:
    """In a line that tells where; to import it says the same, and touches no store."""
    file.write_bytes(change(file.read_bytes()))
    words = words.replace("51", str(len(an_export())))
    for command in (["verify", "--export", str(file)], ["import", str(file)]):
        ended = in_process(*command)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "line " in ended.stderr and words in ended.stderr
        assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "--export", "nothing-there"],
        ["verify", "--export", "scores.ndjson", "--repair"],
        ["verify", "--export", "scores.ndjson", "--server", "http://x"],
        ["import", "nothing-there"],
        ["import"],
        ["export"],
    ],
)
def test_usage_errors_are_2(file: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any store is opened."""
    monkeypatch.chdir(file.parent)
    ended = in_process(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert sorted(file.parent.iterdir()) == [file]


def test_from_stdin(file: Path) -> None:
    """As after a download; an import reads its file twice, so it takes no pipe."""
    ended = run("verify", "--export", "-", cwd=file.parent, stdin=file.read_bytes())
    assert ended.returncode == 0, ended.stderr
    piped = subprocess.run(
        f"cat {file.name} | {' '.join(SCOREBOARD)} import -",
        shell=True,
        cwd=file.parent,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert piped.returncode == 2 and "read twice" in piped.stderr


@pytest.mark.parametrize("which", ["whole", "digest"])
def test_the_documented_commands_agree(file: Path, which: str) -> None:
    """The shell alone comes to the same hash."""
    if shutil.which("sha256sum") is None or shutil.which("bash") is None:
        not_here("the shell's check of an export (bash or sha256sum is not installed)")
    found = re.search(
        rf"<!-- {which}:.*?-->\n```sh\n(.*?)```", (ROOT / "docs/export.md").read_text(), re.DOTALL
    )
    assert found is not None
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", found[1]],
        cwd=file.parent,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(in_process("verify", "--export", str(file), "--json").stdout)
    season = next(each for each in told["seasons"] if each["name"] == "season-1")
    expected = told["sha256"] if which == "whole" else season["digest"]
    assert ended.stdout.startswith(f"{expected}  -")
    if which == "whole":
        assert f'"sha256":"{expected}"' in ended.stdout


def test_the_format_is_documented() -> None:
    """Each kind and each of its fields stands in the table."""
    from scoreboard_server.rules.exports import lines

    document = (ROOT / "docs/export.md").read_text()
    for line in lines.Line.__args__:
        told = line.__struct_config__
        assert f"`{told.tag}`" in document
        for field in line.__struct_encode_fields__:
            assert f"`{field}`" in document, (told.tag, field)
