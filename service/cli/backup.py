"""`backup`: a mechanism's data and its secrets, in a sealed file each, while it is served."""

from pathlib import Path

import click

from meyasubako.service.backup import back_up, back_up_keys
from meyasubako.service.cli import options, seal_keys
from meyasubako.service.cli.output import emit, steps
from meyasubako.service.cli.seal_roster import Wanted

_NEW = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command(
    epilog=options.example("meyasubako backup var/box -r backup.key.pub -o box-monday.age --keys-to keys.age")
)
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-r",
    "--recipient",
    "words",
    multiple=True,
    required=True,
    metavar="RECIPIENT",
    help="Who can restore it: age1pq1…, or a file with a public line (may be repeated).",
)
@click.option("-o", "--output", "out", type=_NEW, metavar="FILE", help="Write the data to this new file.")
@click.option(
    "--keys-to",
    "keys",
    type=_NEW,
    metavar="FILE",
    help="Write the erasure keys and the server's keys to FILE, over those of the time before.",
)
@options.as_json
def backup(
    directory: Path, *, words: tuple[str, ...], out: Path | None, keys: Path | None, as_json: bool
) -> None:
    """Back up the mechanism in DIRECTORY, while it is served or not.

    The data can be kept for as long as you like: what is erased later cannot be opened in them. The keys are
    for one file only, written over each time, in another place: whoever has both files and the recipient's
    key has the server's disk. See docs/operators.md.
    """
    if out is None and keys is None:
        raise click.UsageError("say where to: -o FILE, --keys-to FILE, or both")
    inputs = seal_keys.Inputs(None)
    files = [word for word in words if not word.startswith("age1")]
    named = [word for word in words if word.startswith("age1")]
    recipients = seal_keys.recipients(inputs, named, files, (), (), Wanted())
    facts: dict[str, object] = {}
    if out is not None:
        with steps(quiet=as_json) as progress:
            made = back_up(directory, out, recipients, progress=progress)
        facts |= {
            "data": str(out),
            "entries": made.entries,
            "published": made.published,
            "objects": made.objects,
        }
    if keys is not None:
        facts |= {"keys": str(keys), "erasure_keys": back_up_keys(directory, keys, recipients)}
    emit(facts, as_json=as_json)
