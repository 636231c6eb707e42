"""The live board as a terminal shows it: as many rows as fit, each in one line."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from scoreboard_server.live.frames import Row

from .board_watcher import Lost
from .console import printable
from .rank_moves import RankMoves
from .watched_board import Board

_HEADINGS, _AROUND = 2, 2  # lines of the table's head; title and status
_NARROW = 50  # columns, under which the user id makes room for the name
_STYLES = {
    ("▲", "bright"): "bold green", ("▲", "plain"): "green", ("▲", "dim"): "dim green",
    ("▼", "bright"): "bold red", ("▼", "plain"): "red", ("▼", "dim"): "dim red",
}  # fmt: skip


@dataclass(slots=True)
class BoardView:
    """Renders itself for the size that the terminal has now. now and all times: seconds, monotonic."""

    source: str
    limit: int
    board: Board | None = None
    lost: Lost | None = None
    now: float = 0.0
    changed_at: float = 0.0
    lost_at: float = 0.0
    heard_at: float = 0.0
    has_ended: bool = False
    moves: RankMoves = field(default_factory=RankMoves)

    def see(self, event: Board | Lost, now: float) -> None:
        """The next thing that the watcher tells."""
        self.now = now
        if isinstance(event, Lost):
            self.lost, self.lost_at, self.heard_at = event, now, now - event.heard_ago
            return
        self.changed_at = now
        self.moves.see(event, now)
        self.board, self.lost = event, None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Called by Rich."""
        height = options.height or console.height
        yield _line(self._title(), "bold")
        yield self._table(options.max_width, height)
        if not self.has_ended or self.lost:
            yield _line(self._status(), "yellow" if self.lost else "dim")

    def _title(self) -> str:
        total = self.board.total if self.board else 0
        return f"{printable(self.source)}: {total:,} user{'' if total == 1 else 's'}"

    def _status(self) -> str:
        if self.board is None:
            return "○ connecting…"
        if self.lost is not None:
            age = max(0.0, self.now - self.heard_at)
            left = max(0.0, self.lost_at + self.lost.retry_in - self.now)
            what = "not connected" if self.has_ended else f"reconnecting in {left:.1f} s"
            return f"○ as of {age:.0f} s ago, {what}: {printable(self.lost.why)}"
        age = max(0.0, self.now - self.changed_at)
        return f"● live, version {self.board.version:,}, {age:.0f} s ago. Ctrl-C ends."

    def _table(self, width: int, height: int) -> Table:
        has_head = height > _HEADINGS + _AROUND
        is_wide = width >= _NARROW
        fit = max(1, height - _AROUND - (_HEADINGS if has_head else 0))
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=has_head)
        table.add_column("#", justify="right", no_wrap=True)
        table.add_column("", width=1, no_wrap=True)
        table.add_column("score", justify="right", no_wrap=True)
        # Names come last: see the table of `scoreboard leaderboard`.
        for heading in ("user", "name") if is_wide else ("name",):
            table.add_column(heading, no_wrap=True, overflow="ellipsis")
        for row in (self.board.rows if self.board else ())[: min(fit, self.limit)]:
            table.add_row(*self._cells(row, is_wide), style="bold yellow" if row.rank == 1 else "")
        return table

    def _cells(self, row: Row, is_wide: bool) -> list[Text]:
        arrow = self.moves.arrow(row.user_id, self.now)
        shown = Text(arrow[0], _STYLES[arrow]) if arrow else Text(" ")
        names = (row.user_id, row.username) if is_wide else (row.username,)
        return [
            Text(f"{row.rank}"),
            shown,
            Text(f"{row.score:,}"),
            *(Text(printable(name)) for name in names),
        ]


def _line(text: str, style: str) -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")
