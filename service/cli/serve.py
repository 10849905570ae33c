"""`serve`: a mechanism's doors and clock."""

from pathlib import Path

import click

from meyasubako.service import supervisor
from meyasubako.service.cli import options


@click.command(epilog=options.example("meyasubako serve var/box"))
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--test-clock",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take the time from FILE; only for a mechanism that was founded with --test.",
)
@options.as_json
def serve(directory: Path, *, test_clock: Path | None, as_json: bool) -> None:
    """Serve the mechanism in DIRECTORY until it is stopped (Ctrl-C or SIGTERM).

    Prints the address of each door (the reporter's site, the handlers' API, the log's pages), then "ready"
    when all of them answer.
    """
    supervisor.serve(directory, test_clock=test_clock, as_json=as_json)
