"""`audit` and `replay`: what anybody can check without a key."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.note import Note
from meyasubako.service.cli import options
from meyasubako.service.cli.failures import FINDINGS
from meyasubako.service.cli.output import emit, plain, print_facts, steps
from meyasubako.service.inspection import AuditResult, rebuild_views
from meyasubako.service.inspection import audit as audit_source


@click.command(
    epilog=options.example(
        "meyasubako audit var/box",
        'meyasubako audit ./export --fingerprint "1234 …" --seen last-month.checkpoint',
    )
)
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@options.fingerprint
@click.option(
    "--seen",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A checkpoint that you kept from earlier: the log must extend it. May be repeated.",
)
@options.as_json
@click.pass_context
def audit(
    context: click.Context, source: Path, *, fingerprint: str | None, seen: tuple[Path, ...], as_json: bool
) -> None:
    """Audit the mechanism's directory or exported log in SOURCE, without any key. Changes nothing.

    Checks every entry, tile, checkpoint, signature and rule, and that every payload is there. Exits with 1 if
    it finds anything, and names the first entry that is wrong and why. What an audit cannot see is said in
    docs/auditors.md.
    """
    kept = [Checkpoint.parse(Note.parse(path.read_bytes()).text) for path in seen]
    with steps(quiet=as_json) as progress:
        result = audit_source(
            source,
            fingerprint=fingerprint,
            seen=[(tree.size, tree.root) for tree in kept],
            progress=progress,
        )
    emit(_facts(result), as_json=as_json, show=lambda out: _draw(out, result))
    if not result.good:
        context.exit(FINDINGS)


def _facts(result: AuditResult) -> dict[str, Any]:
    return {
        "good": result.good,
        "origin": result.origin,
        "fingerprint": result.fingerprint,
        "published_size": result.size,
        "root": result.root,
        "entries": result.entries,
        "summary": result.summary,
        "findings": [
            {"rule": each.rule, "sentence": each.sentence, "index": each.index, "stream": each.stream}
            for each in result.findings
        ],
    }


def _draw(out: Console, result: AuditResult) -> None:
    facts = {
        name: value for name, value in _facts(result).items() if name not in {"good", "summary", "findings"}
    }
    print_facts(out, facts)
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in result.summary.items())
    out.print(f"[dim]{counts}[/]\n")
    if result.good:
        out.print(
            "[bold green]✓[/] Nothing was changed, removed, reordered or forged, and every rule was kept."
        )
        return
    for number, each in enumerate(result.findings):
        where = f"entry {each.index}" if each.index is not None else "the whole"
        mark = "[bold red]✗[/]" if number == 0 else "[red]·[/]"
        out.print(f"{mark} {where}: {plain(each.sentence)} [dim]({each.rule})[/]")
    count = len(result.findings)
    out.print(f"\n{count} finding{'s' if count > 1 else ''}. The first is the one to trust.")


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
