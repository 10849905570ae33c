"""`log`: close a slot now, and take the published log away."""

from pathlib import Path

import click

from meyasubako.crypto.checkpoint import Checkpoint
from meyasubako.crypto.note import Note
from meyasubako.service.cli import options
from meyasubako.service.cli.asking import unlock
from meyasubako.service.cli.connecting import handler_client
from meyasubako.service.cli.failures import Commands
from meyasubako.service.cli.log_keys import policy, rotate
from meyasubako.service.cli.log_proofs import verify_promise, verify_proof
from meyasubako.service.cli.mirror import mirror
from meyasubako.service.cli.output import emit, steps
from meyasubako.service.inspection import export as export_log


@click.group(cls=Commands)
def log() -> None:
    """Publish and export the log."""


@log.command(epilog=options.example("meyasubako log publish --at URL --as dan.key"))
@options.server("the handlers' API")
@options.keyfile
@options.passphrase_file
@options.proxy
@options.as_json
def publish(
    *, url: str, keyfile: Path, passphrase_file: Path | None, proxy: str | None, as_json: bool
) -> None:
    """Close the slot now and publish a checkpoint (stewards), instead of at the slot's end."""
    note = handler_client(url, unlock(keyfile, passphrase_file), proxy).publish()
    tree = Checkpoint.parse(Note.parse(note.encode()).text)
    emit({"origin": tree.origin, "size": tree.size, "root": tree.root.hex()}, as_json=as_json)


@log.command(epilog=options.example("meyasubako log export var/box ./export"))
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@options.as_json
def export(directory: Path, out: Path, *, as_json: bool) -> None:
    """Write the published log of the mechanism in DIRECTORY to the new directory OUT.

    OUT is a plain directory that stock transparency-log tools read: checkpoint, tile/…, log.vkey; and
    payloads.txt with the digest, size and place of every payload. It holds no payload.
    """
    with steps(quiet=as_json) as progress:
        written = export_log(directory, out, progress=progress)
    facts = {
        "out": str(out),
        "size": written.size,
        "files": written.files,
        "bytes": written.bytes,
        "payloads": written.payloads,
    }
    emit(facts, as_json=as_json)


log.add_command(mirror)
log.add_command(rotate)
log.add_command(policy)
log.add_command(verify_proof)
log.add_command(verify_promise)
