"""`cases`: a handler's work. This file has what reads; `case_acts` has what writes."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from meyasubako.service.cli import options
from meyasubako.service.cli.case_options import Asked, at_mechanism, case_argument, connected
from meyasubako.service.cli.case_view import draw_text, event_facts, facts_of, staff, state, text_facts
from meyasubako.service.cli.failures import Commands
from meyasubako.service.cli.output import emit, plain, print_facts, progress, table
from meyasubako.service.client.desk import OpenedCase
from meyasubako.service.client.files import safe_name


@click.group(cls=Commands)
def cases() -> None:
    """Read and work on cases.

    CASE is a case's id, or as many of its first characters as single it out. Acts that seal to people verify
    the list of readers against the mechanism's log first: give its address with --log.
    """


@cases.command("list", epilog=options.example("meyasubako cases list --at URL --as keiko.key"))
@at_mechanism
def list_(**given: Any) -> None:
    """List the cases that you are assigned to."""
    asked = connected(given)
    files = asked.connection.desk.cases()

    def show(out: Console) -> None:
        if not files:
            out.print(
                "No case yet that you are assigned to. A new report may show only at the next full hour."
            )
            return
        made = table("case", "state", "since", "next date", "readers")
        for file in files:
            case = file.case
            names = ", ".join(asked.connection.name(reader) for reader in staff(file))
            due = case.next_date.isoformat() if case.next_date else "none"
            made.add_row(case.stream[:8], state(file), case.submitted_on.isoformat(), due, plain(names))
        out.print(made)

    emit({"cases": [facts_of(file, asked.connection) for file in files]}, as_json=asked.as_json, show=show)


@cases.command(epilog=options.example("meyasubako cases show 3f9a --at URL --as keiko.key"))
@case_argument
@at_mechanism
def show(case: str, **given: Any) -> None:
    """Show what the log says of a case: no text, nothing is fetched, nothing is written down."""
    asked = connected(given)
    file = asked.connection.desk.case(case)
    events = sorted(
        (event for stream in file.events.values() for event in stream), key=lambda event: event.at
    )
    rows = [event_facts(file, event, asked.connection) for event in events]

    def draw(out: Console) -> None:
        print_facts(out, facts_of(file, asked.connection))
        out.print()
        made = table("day", "event", "room", "by")
        for row in rows:
            made.add_row(row["day"], row["kind"], row["room"], plain(row["by"]))
        out.print(made)

    emit({**facts_of(file, asked.connection), "events": rows}, as_json=asked.as_json, show=draw)


@cases.command(
    "open", epilog=options.example("meyasubako cases open 3f9a --at URL --as keiko.key --save-to ./files")
)
@case_argument
@click.option(
    "--save-to",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Also open every file of the case into FOLDER. They are a stranger's: open them with care.",
)
@at_mechanism
def open_(case: str, save_to: Path | None, **given: Any) -> None:
    """Read a case: report, dialogue, team notes.

    That you fetched them is written into the log, signed by you, before the bytes are given out.
    """
    asked = connected(given)
    opened = asked.connection.desk.open(case)
    saved = _save(asked, opened, save_to) if save_to else {}
    texts = {"report": opened.report, "dialogue": opened.dialogue, "team": opened.team}

    def draw(out: Console) -> None:
        print_facts(out, facts_of(opened.file, asked.connection))
        for room, parts in texts.items():
            if parts:
                out.print(f"\n[bold]{room}[/]")
            for part in parts:
                draw_text(out, asked.connection, opened.file, part, saved)

    facts = {
        **facts_of(opened.file, asked.connection),
        **{
            room: [text_facts(asked.connection, opened.file, part, saved) for part in parts]
            for room, parts in texts.items()
        },
    }
    emit(facts, as_json=asked.as_json, show=draw)


def _save(asked: Asked, opened: OpenedCase, folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    saved: dict[str, str] = {}
    for part in (*opened.report, *opened.dialogue, *opened.team):
        for each in part.document.files if part.document else ():
            path = safe_name(each.name, folder)
            with progress(path.name, each.size, quiet=asked.as_json) as step:
                asked.connection.desk.save(opened.file.case.stream, each.digest, path, step)
            saved[each.digest] = str(path)
    return saved
