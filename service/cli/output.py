"""What commands print: facts for people, or the same facts as one JSON object for scripts.

- Facts go to standard output, errors and progress to standard error.
- Nothing is coloured or wrapped where the output is not a terminal.
- What a stranger wrote is shown without its control characters: a text must not steer the reader's terminal.
"""

import json
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from meyasubako.service.client.files import LocalFile

Facts = Mapping[str, object]


# Marks that turn the direction of a line around can make it say something else than it does.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str) -> str:
    """A text as a terminal may show it, escaped for `rich`: control characters become a visible mark."""
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}"
        if (unicodedata.category(char) == "Cc" and char not in "\n\t") or char in _TURNING
        else char
        for char in text
    )
    return escape(shown)


def console(stream: TextIO | None = None) -> Console:
    """A console on standard output (or another stream), without any highlighting that we did not ask for."""
    return Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)


def emit(facts: Facts, *, as_json: bool, show: Callable[[Console], None] | None = None) -> None:
    """Print facts: as one line of JSON, or as `show` draws them, or as a plain list of names and values."""
    if as_json:
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()
        return
    target = console()
    if show is None:
        print_facts(target, facts)
    else:
        show(target)


def print_facts(target: Console, facts: Facts) -> None:
    """Names and values, one a line, values aligned."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        label = name.replace("_", " ")
        for number, line in enumerate(_lines(value)):
            target.print(f"[dim]{label if number == 0 else '':<{width}}[/]  {plain(line)}")


def _lines(value: object) -> list[str]:
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, list | tuple):
        return [str(item) for item in value] or ["none"]
    return str(value).splitlines() or [""]


def table(*columns: str) -> Table:
    """An empty table in our one style."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


@contextmanager
def progress(label: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """A progress bar in bytes on standard error; what it yields takes how many more are done."""
    bar = Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=32),
        TaskProgressColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        console=Console(stderr=True, highlight=False),
        transient=True,
        disable=quiet or not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task(plain(label), total=total)
        yield lambda done: bar.update(task, advance=done)


@contextmanager
def sealing_files(
    attached: Sequence[Path], label: str = "sealing and sending"
) -> Iterator[tuple[list[LocalFile], Callable[[int], None]]]:
    """The files to send along, and a bar for sealing them; without files there is none."""
    local = [LocalFile.at(path) for path in attached]
    with progress(label, sum(file.size for file in local), quiet=not local) as step:
        yield local, step


@contextmanager
def steps(*, quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on standard error; what it yields takes a step's name, how much is done, of how much."""
    bar = Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=32),
        TaskProgressColumn(),
        console=Console(stderr=True, highlight=False),
        transient=True,
        disable=quiet or not sys.stderr.isatty(),
    )
    with bar:
        tasks: dict[str, TaskID] = {}

        def step(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(plain(name), total=total)
            bar.update(tasks[name], completed=done, total=total)

        yield step
