"""`identity`: what custodians answer, and the statement that nothing of a reporter is held."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from meyasubako.domain import requests
from meyasubako.service.cli import options
from meyasubako.service.cli.case_options import at_mechanism, case_argument, done, text_given, text_option
from meyasubako.service.cli.identity import at_desk, identity, request_argument
from meyasubako.service.cli.output import emit
from meyasubako.service.client.statement import state

# The whole group: asking is defined in `identity`, answering is added here.
__all__ = ["days_option", "identity", "period"]

days_option = click.option(
    "--days",
    type=click.IntRange(1, requests.LONGEST.days),
    default=requests.USUAL.days,
    show_default=True,
    help="For how many days shares are out; whoever releases first decides.",
)


def period(days: int) -> timedelta:
    """For how long shares are out."""
    return timedelta(days=days)


@identity.command(epilog=options.example("meyasubako identity approve 3f9a --at URL --as cy.key --log URL"))
@request_argument
@at_mechanism
def approve(request: str, **given: Any) -> None:
    """Agree that whoever asked is shown the identity. When enough agree, each releases a share.

    That the key of whoever asked is on the roster is checked first; ask them by voice besides.
    """
    asked, desk = at_desk(given)
    done(asked, desk.approve(request), "agreed")


@identity.command(
    epilog=options.example('meyasubako identity refuse 3f9a --at URL --as cy.key --text "Ask them first."')
)
@request_argument
@text_option
@at_mechanism
def refuse(request: str, text: str | None, **given: Any) -> None:
    """Refuse, with the reason for whoever asked. One custodian is enough; it holds for 30 days.

    After a break-glass it takes back what was released.
    """
    asked, desk = at_desk(given)
    done(asked, desk.refuse(request, text_given(text)), "refused")


@identity.command(epilog=options.example("meyasubako identity release 3f9a --at URL --as cy.key --log URL"))
@request_argument
@days_option
@at_mechanism
def release(request: str, days: int, **given: Any) -> None:
    """Release your share to whoever asked, sealed to their key alone."""
    asked, desk = at_desk(given)
    done(asked, desk.release(request, period(days)), "released")


@identity.command(
    epilog=options.example("meyasubako identity statement 3f9a ./for-the-court --at URL --as ira.key")
)
@case_argument
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER")
@at_mechanism
def statement(case: str, folder: Path, **given: Any) -> None:
    """Write into FOLDER what is held of the reporter of CASE, signed by you, and what proves it.

    For a court that orders what does not exist: no identity was told, no address is kept. The event by which
    the case began says so, and the proof file shows that it stands in the published log.
    """
    asked, desk = at_desk(given)
    stated = state(desk, desk.file(case))
    folder.mkdir(mode=0o700)
    for name, data in stated.files.items():
        (folder / name).write_bytes(data)
    emit(
        {
            "folder": str(folder),
            "files": sorted(stated.files),
            "identity": "told" if stated.identity else "none",
            "proof": "final" if stated.final else "a promise, until the slot closes",
            "signed_by": desk.me,
        },
        as_json=asked.as_json,
    )
