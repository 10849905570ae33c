"""`demo`: one whole case, a line for each step."""

from pathlib import Path

import click

from meyasubako.crypto.keyfile import WORK_FACTOR
from meyasubako.service import demo as demonstration
from meyasubako.service.cli import options
from meyasubako.service.cli.failures import InputError


@click.command(
    epilog=options.example("meyasubako demo", "meyasubako demo --once", "meyasubako demo --dir var/demo")
)
@click.option("--once", is_flag=True, help="End after the case instead of staying up.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the mechanism in DIR and its people's key files in DIR-people.",
)
@options.as_json
@click.option("--work-factor", type=click.IntRange(10, 22), default=WORK_FACTOR, hidden=True)
def demo(directory: Path | None, *, once: bool, as_json: bool, work_factor: int) -> None:
    """Found a mechanism and run one whole case through its real doors, on this machine.

    Shows for each step who did what, and what the server could see of it. Then stays up, so that you can open
    the reporter's site in a browser, until Ctrl-C.
    """
    if directory is not None:
        for path in (directory, directory.with_name(f"{directory.name}-people")):
            if path.exists() and any(path.iterdir()):
                raise InputError(f"{path} is not empty: remove it, or choose another --dir")
    demonstration.run(directory, once=once, as_json=as_json, work_factor=work_factor)
