"""How each command is called by the tests that look at all of them: a new command is a line here."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from . import shapes
from .tree import Path, leaf_of


@dataclass(frozen=True)
class Case:
    """One way to call a command on the board of the fixture `stage`, whose words stand in {braces}.

    shape: of what it prints with --json. code: how it ends. lasts: it goes on until it is told to stop, once
    it has shown this. is_verbatim: its lines are for programs and as long as they are.
    """

    line: str
    shape: Any
    code: int = 0
    lasts: str | None = None
    is_verbatim: bool = False

    def __str__(self) -> str:
        return self.line

    @property
    def path(self) -> Path:
        """The command that it calls."""
        return leaf_of(self.line.split())

    def words(self, stage: dict[str, str]) -> list[str]:
        """What is typed behind `scoreboard`."""
        return [word.format_map(stage) for word in shlex.split(self.line)]


CASES = [
    Case("serve --port 0 --store memory", shapes.Ready, lasts="The board is live at"),
    Case("demo --port 0 --store memory --players 2", shapes.Ready, lasts="The board is live at"),
    Case("token issue ann --username Ann", shapes.Issued),
    Case("token inspect {token}", shapes.Inspected),
    Case("token inspect {foreign_token}", shapes.Inspected, code=1),
    Case("token revoke 4f0c", shapes.Revoked),
    Case("token revoke --user gone", shapes.Revoked),
    Case("leaderboard top -n 20", shapes.Board),
    Case("leaderboard top -n 3 --season season-1", shapes.PastBoard),
    Case("leaderboard top --watch", shapes.Version, lasts="demo:1"),
    Case("leaderboard around demo:1 -n 5", shapes.Board),
    Case("leaderboard user demo:1", shapes.Row),
    Case("explain demo:1 -n 2", shapes.Explained),
    Case("explain demo:1 -n 2 --season season-1", shapes.Explained),
    Case("verify", shapes.Verified),
    Case("doctor", shapes.CheckUp),
    Case("season list", list[shapes.Season]),
    Case("season show", shapes.SeasonShown),
    Case("season show season-1", shapes.SeasonShown),
    Case("season reset --dry-run", shapes.ResetRehearsed),
    Case("season reset --yes --data-dir spare", shapes.SeasonClosed),
    Case('season schedule "0 0 1 1 *" --zone Europe/Berlin', shapes.ScheduleSet),
    Case("season ends 7d", shapes.EndSet),  # behind the schedule, whose next time may be just now
    Case("ban cheat --reason 'played by a script' --until 30d", shapes.Banned),
    Case("ban demo:2 --reason 'played by a script' --from 2h --dry-run", shapes.BanRehearsed),
    Case("unban cheat --reason 'was none'", shapes.Unbanned),
    Case("bans", list[shapes.Ban]),
    Case("adjust demo:2 -5 --reason 'counted by a broken client'", shapes.Adjusted),
    Case("audit", list[shapes.Act]),
    Case("export scores.ndjson", shapes.Exported),
    Case("import {export} --data-dir copy", shapes.Imported),
    Case("verify --export {export}", shapes.ExportChecked),
    Case("bench --server {url} --yes --seconds 1 --rate 5 --watchers 1 --submitters 1", shapes.Measured),
    Case("config show", dict[str, shapes.Setting]),
    Case("config show --origin", dict[str, shapes.WithOrigin]),
    Case("completion bash", shapes.Script, is_verbatim=True),
]
