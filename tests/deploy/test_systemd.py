"""The systemd unit, held against systemd's own analysis and the server that it starts."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scoreboard_server import app
from scoreboard_server.settings import load_settings

from ..cli.invoking import SCOREBOARD, in_process
from ..conftest import need_mongod, not_here

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = DEPLOY / "scoreboard.service"
_PR_SET_MDWE, _REFUSE_EXEC_GAIN = 65, 1


def set_to(key: str) -> list[str]:
    """What a key of the unit is set to, as often as it is."""
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """systemd-analyze; skips (in CI: fails) where there is none."""
    program = shutil.which("systemd-analyze")
    if program is None:
        not_here("tests of the systemd unit (systemd-analyze is not installed)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("installed_as", ["scoreboard.service", "scoreboard@8081.service"])
def test_systemd_understands_every_line(tmp_path: Path, installed_as: str) -> None:
    """As the unit of one server and as the template of several; a word that it doesn't know is a warning."""
    text = UNIT.read_text().replace("/opt/scoreboard/bin/scoreboard", "/bin/true")
    (tmp_path / re.sub("@.*[.]", "@.", installed_as)).write_text(text)
    verified = analyze("verify", tmp_path / installed_as)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_it_is_shut_in_as_far_as_is_told() -> None:
    """How much a unit could still do, systemd counts from 0 to 10; the documentation has the figure."""
    judged = analyze("security", "--offline=yes", "--threshold=15", UNIT)
    assert judged.returncode == 0, judged.stdout
    [exposure] = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", judged.stdout)
    assert f"{exposure} of 10" in (DEPLOY.parent / "docs" / "deploy.md").read_text()


def test_what_it_starts_is_there() -> None:
    """The command with its options, and every variable that it sets."""
    [command] = set_to("ExecStart")
    program, *arguments = command.split()
    assert Path(program).name == "scoreboard"
    known = in_process(*arguments, "--help")
    assert (known.returncode, known.stdout[:24]) == (0, "Usage: scoreboard serve "), known
    variables = dict(pair.split("=", 1) for pair in set_to("Environment"))
    assert set(variables) == {"SCOREBOARD_DATA_DIR", "SCOREBOARD_JWT_SECRET_FILE"}
    settings = load_settings({}, environ=variables)
    assert str(settings.store.data_dir) == set_to("WorkingDirectory")[0]
    assert str(settings.auth.secret_file) == "%d/" + set_to("LoadCredential")[0].split(":")[0]


def test_it_lets_the_server_drain() -> None:
    """Longer than a server takes to stop; and its MongoDB is not told to stop beside it."""
    assert float(set_to("TimeoutStopSec")[0]) > app._STOP_PATIENCE_S
    assert set_to("KillMode") == ["mixed"]


def test_a_private_mongodb_works_in_it(tmp_path: Path) -> None:
    """Where no memory may be both written and executed, a command starts one, and makes a season in it."""
    need_mongod()
    assert set_to("MemoryDenyWriteExecute") == ["yes"]
    if ctypes.CDLL(None).prctl(_PR_SET_MDWE + 1, 0, 0, 0, 0) < 0:  # asks what is in force
        pytest.skip("this kernel has no PR_SET_MDWE")
    shut_in = f"import ctypes, os; ctypes.CDLL(None).prctl({_PR_SET_MDWE}, {_REFUSE_EXEC_GAIN}, 0, 0, 0)"
    command = [
        sys.executable,
        "-c",
        f"{shut_in}; os.execv({SCOREBOARD[0]!r}, {[*SCOREBOARD, 'season', 'list']!r})",
    ]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert listed.returncode == 0, listed.stderr
    assert "season-1" in listed.stdout
