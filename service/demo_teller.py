"""How the demonstration is told: a numbered step, who did it, and what the server could see of it."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

_WIDEST: Final = 100
_COLOURS: Final = {"steward": "yellow", "reporter": "magenta", "handler": "cyan", "auditor": "green"}


class Teller:
    """Tells the story: on a terminal in columns, for scripts one JSON object a step."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._number = 0
        self._started = time.monotonic()
        self._out = Console(highlight=False)
        if self._out.width > _WIDEST:
            self._out = Console(highlight=False, width=_WIDEST)

    @property
    def seconds(self) -> float:
        """How long the story has taken so far."""
        return time.monotonic() - self._started

    def title(self, title: str, below: str) -> None:
        """The first lines."""
        if not self._as_json:
            self._out.print(f"\n[bold]{title}[/]")
            self._out.print(f"[dim]{below}[/]\n")

    def step(self, who: str, role: str, did: str, saw: str, quote: str = "", **facts: object) -> None:
        """One step: who (as what), what they did, what the server saw; `quote` is what they wrote."""
        self._number += 1
        if self._as_json:
            self.fact(
                {"step": self._number, "who": who, "role": role, "did": did, "server_saw": saw, **facts}
            )
            return
        colour = _COLOURS[role]
        rows = Table.grid(padding=(0, 2, 0, 0))
        rows.add_column(width=2, justify="right", style="dim")
        rows.add_column(width=12)
        rows.add_column(overflow="fold")
        rows.add_row(str(self._number), Text(who, style=f"bold {colour}"), Text(did))
        for line in quote.splitlines():
            rows.add_row("", "", Text(f"│ {line}", style=f"{colour} italic"))
        rows.add_row("", Text("server saw", style="dim"), Text(saw, style="dim"))
        self._out.print(rows)
        self._out.print()

    def end(self, directory: Path) -> None:
        """The last step is done."""
        if self._as_json:
            self.fact({"done": True, "seconds": round(self.seconds, 1), "directory": str(directory)})
            return
        self._out.print(
            f"[bold green]✓[/] One whole case in {self.seconds:.0f} seconds. Nothing was found wrong.\n"
        )

    def fact(self, facts: dict[str, object]) -> None:
        """A line for scripts."""
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()

    def say(self, text: str = "") -> None:
        """A line for people, with `rich` markup."""
        if not self._as_json:
            self._out.print(text)

    def fact_or_page(self, facts: dict[str, object], page: str) -> None:
        """The same for scripts and for people."""
        if self._as_json:
            self.fact(facts)
        else:
            self._out.print(page, soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Something that takes a moment."""
        if self._as_json or not self._out.is_terminal:
            yield
            return
        with self._out.status(f"[dim]{text}[/]", spinner="dots"):
            yield

    @contextmanager
    def bar(self, text: str, total: int) -> Iterator[Callable[[int], None]]:
        """A progress bar over so many bytes; it stays when it is done."""
        shown = Progress(
            TextColumn(" " * 18 + "[dim]{task.description}[/]"),
            BarColumn(bar_width=22, complete_style="magenta", finished_style="magenta"),
            DownloadColumn(binary_units=False),
            TransferSpeedColumn(),
            console=self._out,
            disable=self._as_json,
        )
        with shown:
            task = shown.add_task(text, total=total)
            yield lambda done: shown.update(task, advance=done)
