"""`cases`: a handler's work. This file has what reads; `case_acts` has what writes."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from meyasubako.crypto.errors import CryptoError, WrongKeyError
from meyasubako.domain.sealing import SEALED_TYPE
from meyasubako.service.cli import case_board, options
from meyasubako.service.cli.case_options import Asked, at_mechanism, case_argument, connected
from meyasubako.service.cli.case_view import Saved, draw_text, event_facts, facts_of, text_facts
from meyasubako.service.cli.failures import Commands, InputError
from meyasubako.service.cli.output import emit, plain, print_facts, progress, table
from meyasubako.service.client.desk import OpenedCase
from meyasubako.service.client.files import safe_name, unsealed
from meyasubako.service.clocks import system_clock


@click.group(cls=Commands)
def cases() -> None:
    """Read and work on cases.

    CASE is a case's id, or as many of its first characters as single it out. Acts that seal to people verify
    the list of readers against the mechanism's log first: give its address with --log.
    """


@cases.command("list", epilog=options.example("meyasubako cases list --at URL --as keiko.key"))
@at_mechanism
def list_(**given: Any) -> None:
    """List the cases that you are assigned to, those in which a date was missed first."""
    asked = connected(given)
    files, today = asked.connection.desk.cases(), system_clock().date()

    def show(out: Console) -> None:
        if not files:
            out.print(
                "No case yet that you are assigned to. A new report may show only at the next full hour."
            )
            return
        case_board.draw(out, files, asked.connection, today)

    rows = [
        case_board.board_facts(file, asked.connection, today) for file in case_board.ordered(files, today)
    ]
    emit({"cases": rows}, as_json=asked.as_json, show=show)


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
    facts = case_board.board_facts(file, asked.connection, system_clock().date())

    def draw(out: Console) -> None:
        print_facts(out, facts)
        out.print()
        made = table("day", "event", "room", "by")
        for row in rows:
            made.add_row(row["day"], row["kind"], row["room"], plain(row["by"]))
        out.print(made)

    emit({**facts, "events": rows}, as_json=asked.as_json, show=draw)


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
@click.option(
    "--unseal",
    is_flag=True,
    help="Of files that the reporter had sealed with a tool of their own, save what is inside as well.",
)
@at_mechanism
def open_(case: str, save_to: Path | None, *, unseal: bool, **given: Any) -> None:
    """Read a case: report, dialogue, team notes, and the rooms that came later.

    That you fetched them is written into the log, signed by you, before the bytes are given out.
    """
    if unseal and save_to is None:
        raise click.UsageError("--unseal goes with --save-to FOLDER")
    asked = connected(given)
    opened = asked.connection.desk.open(case)
    saved = _save(asked, opened, save_to, unseal=unseal) if save_to else {}
    texts = opened.texts

    def draw(out: Console) -> None:
        print_facts(out, facts_of(opened.file, asked.connection))
        for room in opened.disputed:
            out.print(
                f"[yellow]!  your key of the {room} room does not open it; you have said so in the log[/]"
            )
        for room, parts in texts.items():
            if parts:
                out.print(f"\n[bold]{room}[/]")
            for part in parts:
                draw_text(out, asked.connection, opened.file, part, saved)

    facts: dict[str, Any] = {
        "disputed": list(opened.disputed),
        **facts_of(opened.file, asked.connection),
        **{
            room: [text_facts(asked.connection, opened.file, part, saved) for part in parts]
            for room, parts in texts.items()
        },
    }
    emit(facts, as_json=asked.as_json, show=draw)


def _save(asked: Asked, opened: OpenedCase, folder: Path, *, unseal: bool) -> dict[str, Saved]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    saved: dict[str, Saved] = {}
    for part in (part for parts in opened.texts.values() for part in parts):
        for each in part.document.files if part.document else ():
            path = safe_name(each.name, folder)
            with progress(path.name, each.size, quiet=asked.as_json) as step:
                asked.connection.desk.save(opened.file.case.stream, each.digest, path, step)
            inside = ""
            if unseal and each.media_type == SEALED_TYPE:
                inside = _unsealed(asked, path)
            saved[each.digest] = Saved(str(path), inside)
    return saved


def _unsealed(asked: Asked, path: Path) -> str:
    """Where what is inside of a file that its sender had sealed is now; empty where this key is another."""
    try:
        return str(unsealed(path, asked.connection.pair.identity))
    except WrongKeyError:
        return ""
    except CryptoError as error:
        raise InputError(f"{path.name} was saved, but does not open: {error}") from error
