"""What a person at the terminal sees: a line a part while it starts, and at the end where to go."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table


class Display:
    """Lines on standard error, so that standard output stays free for the one line of JSON."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        state = TextColumn("{task.fields[state]}")
        columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description:<20}"), state)
        hidden = not self.console.is_terminal
        self._progress = Progress(*columns, TimeElapsedColumn(), console=self.console, disable=hidden)
        self._lines: dict[str, TaskID] = {}
        self._states: dict[str, str] = {}
        self._begun = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def state(self, part: str, state: str, *, done: bool = False) -> None:
        """Say what a part is doing now."""
        if part not in self._lines:
            self._lines[part] = self._progress.add_task(part, total=1, state=state)
        self._progress.update(self._lines[part], state=state, completed=int(done))
        is_news = self._states.get(part) != state
        self._states[part] = state
        if is_news and not self.console.is_terminal:
            self.console.print(
                f"{time.monotonic() - self._begun:6.1f} s  {part}: {state}", markup=False, soft_wrap=True
            )

    def say(self, sentence: str, style: str = "") -> None:
        self.console.print(sentence, style=style, markup=False, soft_wrap=True)

    def welcome(self, addresses: Mapping[str, Any], folder: str) -> None:
        """The panel with the page's address first."""
        table = Table.grid(padding=(0, 2))
        table.add_row("[bold]Open[/bold]", f"[bold]{addresses['page']}[/bold]")
        table.add_row("and type", "/takumi backup now   in #takumi-alerts")
        table.add_row("API", f"{addresses['api']}health")
        table.add_row("chain", f"{addresses['chain_rpc']} ({addresses['chain_engine']})")
        table.add_row("logs", f"{folder}/logs")
        table.add_row("stop", "Ctrl-C; the next start goes on where this one ended")
        self.console.print(Panel(table, title="Takumi, a local demo (the chat is a stand-in, not Slack)", expand=False))
