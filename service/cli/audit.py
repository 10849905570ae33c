"""`audit` and `replay`: what anybody can check without a key."""

from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from meyasubako.service.cli import options
from meyasubako.service.cli.audit_view import draw, facts
from meyasubako.service.cli.audit_wishes import Wishes, opened
from meyasubako.service.cli.failures import FINDINGS, failure
from meyasubako.service.cli.output import emit, steps
from meyasubako.service.clocks import system_clock
from meyasubako.service.inspection import AuditResult, rebuild_views
from meyasubako.service.inspection import audit as audit_source
from meyasubako.service.inspection.errors import ExportError
from meyasubako.service.inspection.pack import pack
from meyasubako.service.inspection.report import render

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(
    epilog=options.example(
        "meyasubako audit var/box",
        'meyasubako audit ./export --fingerprint "1234 …" --pin last-month.checkpoint --html report.html',
        "meyasubako audit http://127.0.0.1:8013 --key rita.key --mirror copy --since rita.state",
    )
)
@click.argument("source")
@click.option("--key", "keyfile", type=_FILE, metavar="KEYFILE", help="For an address: your auditor's key.")
@options.passphrase_file
@options.proxy
@options.fingerprint
@click.option(
    "--pin",
    "pins",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="A checkpoint that you kept from earlier: the log must extend it. May be repeated.",
)
@click.option(
    "--since",
    "state",
    type=_NEW_FILE,
    metavar="FILE",
    help="Read only what is new since the audit that wrote FILE, and write it there. Keep FILE to yourself.",
)
@click.option(
    "--mirror",
    "copy",
    type=_FOLDER,
    metavar="DIR",
    help="For an address: keep the copy of the log in DIR, and fetch only what is new next time.",
)
@click.option(
    "--memory",
    type=_FOLDER,
    metavar="DIR",
    help="Where the newest good checkpoint of each log is remembered, instead of your configuration.",
)
@click.option("--forget", is_flag=True, help="Neither recall nor remember a checkpoint.")
@click.option(
    "--accept-unwitnessed", is_flag=True, help="Accept a checkpoint below the quorum of its witnesses."
)
@click.option("--deadlines", is_flag=True, help="Exit with 1 if a deadline was missed, too.")
@click.option("--html", type=_NEW_FILE, metavar="FILE", help="Write a report to read or print.")
@click.option(
    "--pack", type=_FOLDER, metavar="DIR", help="Write an evidence pack into the new directory DIR."
)
@options.as_json
@click.pass_context
def audit(context: click.Context, /, source: str, *, as_json: bool, **given: Any) -> None:
    """Audit the mechanism, export or mirror in the directory SOURCE, or the log at the address SOURCE.

    Needs no key but for an address, and changes nothing. Checks every entry, tile, checkpoint, cosignature,
    signature and rule, and that every payload is there. Exits with 1 if it finds anything, and names the
    first entry that is wrong and why; a missed deadline is told and is no finding. What an audit cannot
    see is said in docs/auditors.md.
    """
    wishes, today = Wishes(**given), system_clock().date()
    wishes.refuse_what_cannot_be_written()
    with steps(quiet=as_json) as progress, opened(source, wishes, progress) as directory:
        result = audit_source(directory, wishes.demands(), progress=progress)
        trouble = _write(result, directory, wishes, today)
    # Whatever became of the report: what was found is told, and decides how this ends.
    emit(facts(result, today), as_json=as_json, show=lambda out: draw(out, result, today))
    if not result.good or (wishes.deadlines and result.missed):
        if trouble is not None:
            failure(trouble).show()
        context.exit(FINDINGS)
    if trouble is not None:
        raise trouble


def _write(result: AuditResult, directory: Path, wishes: Wishes, today: date) -> Exception | None:
    """Write the report and the pack that are wished; gives what was in the way."""
    try:
        if wishes.html is not None:
            wishes.html.write_text(render(result, today), encoding="utf-8")
        if wishes.pack is not None:
            pack(result, directory, wishes.pack, facts(result, today), today)
    except (OSError, ExportError) as error:
        return error
    return None


@click.command(epilog=options.example("meyasubako replay var/box"))
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@options.as_json
@click.pass_context
def replay(context: click.Context, directory: Path, *, as_json: bool) -> None:
    """Rebuild every view of the mechanism in DIRECTORY from its log, and compare.

    Views are the lists that people are shown. They can be dropped at any time; where they differed from the
    log, this exits with 1 and has put them right.
    """
    with steps(quiet=as_json) as progress:
        replayed = rebuild_views(directory, progress=progress)
    facts = {
        "equal": replayed.equal,
        "position": replayed.position,
        "rows": replayed.rows,
        "differing": list(replayed.differing),
    }

    def show(out: Console) -> None:
        counts = ", ".join(f"{count} {name}" for name, count in replayed.rows.items())
        out.print(f"[dim]built from {replayed.position} entries: {counts}[/]")
        if replayed.equal:
            out.print("[bold green]✓[/] The views are what the log gives.")
        else:
            out.print(
                f"[bold red]✗[/] These views differed and were put right: {', '.join(replayed.differing)}"
            )

    emit(facts, as_json=as_json, show=show)
    if not replayed.equal:
        context.exit(FINDINGS)
