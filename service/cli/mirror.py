"""`log mirror`: an auditor's own copy of a log, brought up to date."""

from pathlib import Path

import click

from meyasubako.service.cli import options
from meyasubako.service.cli.asking import unlock
from meyasubako.service.cli.output import emit, steps
from meyasubako.service.client.http import Http
from meyasubako.service.clocks import system_clock
from meyasubako.service.inspection.mirror import mirror as mirror_log


@click.command(epilog=options.example("meyasubako log mirror http://127.0.0.1:8013 ./mirror --key rita.key"))
@click.argument("url")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--key",
    "keyfile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    metavar="KEYFILE",
    help="Your key file; the mechanism enrolled you as an auditor.",
)
@options.passphrase_file
@options.proxy
@options.fingerprint
@options.as_json
def mirror(
    url: str,
    directory: Path,
    *,
    keyfile: Path,
    passphrase_file: Path | None,
    proxy: str | None,
    fingerprint: str | None,
    as_json: bool,
) -> None:
    """Keep a copy of the log at URL in DIRECTORY: fetches what is new, and verifies it before it is kept.

    DIRECTORY is in plain tlog-tiles layout, for `meyasubako audit` and for stock tools. What is held is never
    exchanged: a log that was set back or forked is refused, and said so (exit 1). An interrupted run goes on.
    """
    key = unlock(keyfile, passphrase_file).signing
    with steps(quiet=as_json) as progress, Http(url, proxy=proxy, key=key) as http:
        held = mirror_log(http, directory, system_clock().date(), fingerprint=fingerprint, progress=progress)
    shown = {
        "origin": held.origin,
        "fingerprint": held.fingerprint,
        "size": held.size,
        "new": held.size - held.before,
        "root": held.root,
        "seen_by": held.seen_by,
    }
    emit(shown, as_json=as_json)
