"""`cases`: what is said, each text signed and sealed on this machine.

This file gathers the whole group: `cases` reads, `case_life` decides, `case_access` gives and takes access.
"""

from datetime import date
from pathlib import Path
from typing import Any

import click

from meyasubako.service.cli import case_access, case_life, options
from meyasubako.service.cli.case_options import (
    at_mechanism,
    case_argument,
    connected,
    done,
    next_day,
    next_option,
    text_given,
    text_option,
    to_option,
)
from meyasubako.service.cli.cases import cases
from meyasubako.service.cli.output import sealing_files
from meyasubako.service.client import access, life

__all__ = ["case_access", "case_life", "cases"]


@cases.command(
    epilog=options.example('meyasubako cases acknowledge 3f9a --at URL --as keiko.key --text "Thank you."')
)
@case_argument
@text_option
@next_option
@at_mechanism
def acknowledge(case: str, text: str | None, next_date: date | None, **given: Any) -> None:
    """Tell the reporter that the report has arrived, and by when they will hear more."""
    asked = connected(given)
    event = life.acknowledge(asked.connection.desk, case, text_given(text), next_day(next_date))
    done(asked, event, "acknowledged")


@cases.command(
    epilog=options.example('echo "Which night was it?" | meyasubako cases say 3f9a --at URL --as keiko.key')
)
@case_argument
@text_option
@options.attached
@at_mechanism
def say(case: str, text: str | None, attached: tuple[Path, ...], **given: Any) -> None:
    """Write to the reporter."""
    asked, words = connected(given), text_given(text)
    with sealing_files(attached) as (local, step):
        event = asked.connection.desk.say(case, words, local, step)
    done(asked, event, "sent to the reporter")


@cases.command(
    epilog=options.example('meyasubako cases note 3f9a --at URL --as keiko.key --text "Ask the auditor."')
)
@case_argument
@text_option
@options.attached
@at_mechanism
def note(case: str, text: str | None, attached: tuple[Path, ...], **given: Any) -> None:
    """Write to your colleagues on this case. The reporter never reads it."""
    asked, words = connected(given), text_given(text)
    with sealing_files(attached) as (local, step):
        event = asked.connection.desk.note(case, words, local, step)
    done(asked, event, "noted for the team")


@cases.command(
    epilog=options.example('meyasubako cases release 3f9a --to "Rex Ota" --at URL --as keiko.key --log URL')
)
@case_argument
@text_option
@options.attached
@to_option
@at_mechanism
def release(
    case: str, text: str | None, attached: tuple[Path, ...], to: tuple[str, ...], **given: Any
) -> None:
    """Tell the organisation something: words and files, sealed anew for whoever answers for it.

    It reads nothing else of the case. The reporter must have been told before: `cases notify`.
    """
    asked = connected(given)
    words, people = text_given(text), [asked.connection.person(each) for each in to]
    with sealing_files(attached) as (local, step):
        event = access.release(asked.connection.desk, case, words, local, step, to=people)
    done(asked, event, "released to the organisation")


@cases.command(
    epilog=options.example('meyasubako cases mediate 3f9a --text "Welcome." --at URL --as mia.key --log URL')
)
@case_argument
@text_option
@options.attached
@to_option
@click.option("--over", type=click.Choice(("agreed", "not-agreed")), help="Say that it is over, too.")
@next_option
@at_mechanism
def mediate(
    case: str,
    text: str | None,
    attached: tuple[Path, ...],
    to: tuple[str, ...],
    over: str | None,
    next_date: date | None,
    **given: Any,
) -> None:
    """Write in the mediation; a mediator's first words open it for the reporter, and for --to.

    Nobody who ever had the report reads it. Of its end stands in the clear only whether it was agreed on.
    """
    asked = connected(given)
    if over is not None:
        agreed = over == "agreed"
        desk, words = asked.connection.desk, text_given(text)
        event = access.end_mediation(desk, case, words, next_day(next_date), agreed=agreed)
        done(asked, event, f"the mediation is over: {over.replace('-', ' ')}")
        return
    words, people = text_given(text), [asked.connection.person(each) for each in to]
    with sealing_files(attached) as (local, step):
        event = access.mediate(asked.connection.desk, case, words, local, step, to=people)
    done(asked, event, "said in the mediation")
