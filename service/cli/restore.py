"""`restore`: out of a backup, or forward from a mirror, without forking the log."""

from pathlib import Path

import click
from rich.console import Console

from meyasubako.service.cli import options, seal_keys
from meyasubako.service.cli.output import emit, print_facts, steps, table
from meyasubako.service.restoring import Lost, Restored, restore_backup
from meyasubako.service.restoring import restore as restore_mechanism

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    epilog=options.example(
        "meyasubako restore var/box --backup box-monday.age --keys keys.age -i backup.key --mirror ./mirror",
        "meyasubako restore var/box --mirror ./mirror",
    )
)
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--mirror",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="MIRROR",
    help="An auditor's mirror, or an export, of this very log: checkpoint and tile/….",
)
@click.option("--backup", type=_FILE, metavar="FILE", help="The data, as `backup -o` wrote them.")
@click.option("--keys", type=_FILE, metavar="FILE", help="The keys, as `backup --keys-to` wrote them.")
@click.option(
    "-i", "--identity", "identities", multiple=True, metavar="KEYFILE", help="The key that opens both."
)
@click.option(
    "--checkpoint",
    type=_FILE,
    metavar="FILE",
    help="The newest checkpoint that anybody has: a backup that ends before it is refused without a mirror.",
)
@options.passphrase_file
@options.as_json
def restore(
    directory: Path,
    *,
    mirror: Path | None,
    backup: Path | None,
    keys: Path | None,
    identities: tuple[str, ...],
    checkpoint: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Restore the mechanism in DIRECTORY from a backup, and bring it forward to what was published since.

    With --backup, DIRECTORY is made anew; without, it is one that was put back by hand. The entries that a
    backup lacks come from a mirror; each is verified, and so is the mirror's checkpoint. What the log says
    was erased is destroyed again. Payloads are in no mirror: what is missing is recorded as lost, for ever,
    and listed. Never serve a backup before this: it would fork the log. See docs/restoring.md.
    """
    if backup is None:
        if mirror is None or keys or identities or checkpoint:
            raise click.UsageError(
                "give --backup, --keys and -i, or --mirror for a directory put back by hand"
            )
        with steps(quiet=as_json) as progress:
            restored = restore_mechanism(directory, mirror, progress=progress)
    else:
        if keys is None or not identities:
            raise click.UsageError("a backup is restored with its --keys, and -i KEYFILE, which opens both")
        opened = seal_keys.identities(seal_keys.Inputs(passphrase_file), identities)
        with steps(quiet=as_json) as progress:
            restored = restore_backup(
                directory, backup, keys, opened, mirror=mirror, checkpoint=checkpoint, progress=progress
            )
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
