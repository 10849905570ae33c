"""`restore`: bring a mechanism that was restored from an older backup forward, without forking its log."""

from pathlib import Path

import click
from rich.console import Console

from meyasubako.service.cli import options
from meyasubako.service.cli.output import emit, print_facts, steps, table
from meyasubako.service.restoring import Lost, Restored
from meyasubako.service.restoring import restore as restore_mechanism


@click.command(epilog=options.example("meyasubako restore var/box --mirror ./mirror"))
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--mirror",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    metavar="MIRROR",
    help="An auditor's mirror, or an export, of this very log: checkpoint and tile/….",
)
@options.as_json
def restore(directory: Path, *, mirror: Path, as_json: bool) -> None:
    """Bring the mechanism in DIRECTORY forward, after it was put back from an older backup.

    The entries that it lacks come from a mirror; each is verified, and so is the mirror's checkpoint.
    Payloads are in no mirror: put back what there is of objects/ first; what is missing then is recorded as
    lost, for ever, and listed. Never serve the backup before this: it would fork the log. See
    docs/restoring.md.
    """
    with steps(quiet=as_json) as progress:
        restored = restore_mechanism(directory, mirror, progress=progress)
    facts = {
        "entries_before": restored.before,
        "entries_now": restored.size,
        "lost": [_facts(each) for each in restored.lost],
    }
    emit(facts, as_json=as_json, show=lambda out: _draw(out, restored))


def _facts(lost: Lost) -> dict[str, object]:
    return {
        "sha256": lost.payload.digest,
        "size": lost.payload.size,
        "index": lost.payload.leaf_index,
        "kind": lost.owner.kind,
        "use": lost.owner.use,
        "stream": lost.owner.stream,
    }


def _draw(out: Console, restored: Restored) -> None:
    print_facts(out, {"entries before": restored.before, "entries now": restored.size})
    if not restored.lost:
        out.print("\n[bold green]✓[/] Nothing is lost. It can be served again.")
        return
    out.print(
        f"\nThe log is whole, and can be served again. [bold]{len(restored.lost)} payloads are lost[/]:"
    )
    made = table("entry", "kind", "what", "bytes", "sha256")
    for each in restored.lost:
        payload = each.payload
        made.add_row(
            str(payload.leaf_index), each.owner.kind, each.owner.use, f"{payload.size:,}", payload.digest[:16]
        )
    out.print(made)
    out.print("Tell the people of these cases, and the reporters in their mailboxes, that this was lost.")
