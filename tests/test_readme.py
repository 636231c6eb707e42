"""The README's walk works as printed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import need_mongod, not_here

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[int]:
    """`scoreboard serve` in an empty folder; its port."""
    need_mongod()
    command = [sys.executable, "-m", "scoreboard_cli.main", "serve", "--json", "--port", "0"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["port"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0


def test_the_walk_works_as_printed(serving: int, tmp_path: Path) -> None:
    """Each line of it runs, and answers what the comments beside it promise."""
    if shutil.which("curl") is None:
        not_here("the README's walk (curl is not installed)")
    walk = re.search(r"<!-- walk.*?-->\n```sh\n(.*?)```", README, re.DOTALL)
    assert walk is not None
    script = walk[1].replace("127.0.0.1:8080", f"127.0.0.1:{serving}")
    script = script.replace(".venv/bin/scoreboard", f"{sys.executable} -m scoreboard_cli.main")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for promised in re.findall(r"^# (\{.*\}|Idempotent.*)$", walk[1], re.MULTILINE):
        assert promised in done.stdout
    assert '"userRank":{"rank":1,"score":10}' in done.stdout
    assert re.search(r"^ *1 .*\bAnn\b", done.stdout, re.MULTILINE)


def test_every_file_it_names_is_there() -> None:
    """No link of the README leads nowhere."""
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_its_commands_are_the_public_ones() -> None:
    """The two commands that everything relies on stand there to the letter."""
    demo = "python3 -m venv .venv && .venv/bin/pip install -e '.[embedded]' && .venv/bin/scoreboard demo"
    tests = "python3 -m venv .venv && .venv/bin/pip install -e '.[embedded,test]' && .venv/bin/pytest"
    assert f"    {demo}\n" in README
    assert f"    {tests}\n" in README
