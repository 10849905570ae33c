"""`cases`: the acts that write, each signed and sealed on this machine."""

from datetime import date
from pathlib import Path
from typing import Any

import click

from meyasubako.domain import kinds
from meyasubako.service.cli import options
from meyasubako.service.cli.case_options import (
    at_mechanism,
    case_argument,
    connected,
    done,
    next_day,
    next_option,
    text_given,
    text_option,
)
from meyasubako.service.cli.cases import cases
from meyasubako.service.cli.output import progress
from meyasubako.service.client.files import LocalFile

# The whole group: what reads is defined in `cases`, what writes is added here.
__all__ = ["cases"]


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
    event = asked.connection.desk.acknowledge(case, text_given(text), next_day(next_date))
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
    asked = connected(given)
    local = [LocalFile.at(path) for path in attached]
    words = text_given(text)
    with progress("sealing and sending", sum(file.size for file in local), quiet=not local) as step:
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
    asked = connected(given)
    local = [LocalFile.at(path) for path in attached]
    words = text_given(text)
    with progress("sealing and sending", sum(file.size for file in local), quiet=not local) as step:
        event = asked.connection.desk.note(case, words, local, step)
    done(asked, event, "noted for the team")


@cases.command(
    epilog=options.example('meyasubako cases grant 3f9a "Omar Haddad" --at URL --as keiko.key --log URL')
)
@case_argument
@click.argument("person", metavar="PERSON")
@at_mechanism
def grant(case: str, person: str, **given: Any) -> None:
    """Give PERSON (a name, or the beginning of a key id) everything of the case that you read."""
    asked = connected(given)
    event = asked.connection.desk.grant(case, asked.connection.person(person))
    done(asked, event, "access given")


@cases.command(epilog=options.example('meyasubako cases revoke 3f9a "Omar Haddad" --at URL --as keiko.key'))
@case_argument
@click.argument("person", metavar="PERSON")
@at_mechanism
def revoke(case: str, person: str, **given: Any) -> None:
    """Take PERSON's access to the case away.

    It holds for what is written from now on: what somebody could open until now, they may have kept.
    """
    asked = connected(given)
    event = asked.connection.desk.revoke(case, asked.connection.person(person))
    done(asked, event, "access taken away, for what is written from now on")


@cases.command(epilog=options.example("meyasubako cases move 3f9a screening --at URL --as keiko.key"))
@case_argument
@click.argument("state", type=click.Choice(kinds.MOVED_TO))
@next_option
@at_mechanism
def move(case: str, state: str, next_date: date | None, **given: Any) -> None:
    """Move the case to another STATE.

    From acknowledged to screening; from there to waiting_for_reporter and back. The other states follow on
    procedures that this version does not have yet.
    """
    asked = connected(given)
    event = asked.connection.desk.move(case, state, next_day(next_date))
    done(asked, event, f"moved to {state.replace('_', ' ')}")


@cases.command(
    epilog=options.example(
        'meyasubako cases close 3f9a decided --at URL --as keiko.key --text "We found that …"'
    )
)
@case_argument
@click.argument("outcome", type=click.Choice(kinds.CLASSES))
@text_option
@at_mechanism
def close(case: str, outcome: str, text: str | None, **given: Any) -> None:
    """Close the case, and tell the reporter why.

    Only the class stands in the clear: settled (the parties agreed), decided (somebody looked at it), ended.
    `decided` needs a case that was moved to screening, `ended` any open one; `settled` follows on a dialogue
    or a mediation, which this version does not have yet.
    """
    asked = connected(given)
    event = asked.connection.desk.close(case, outcome, text_given(text))
    done(asked, event, f"closed as {outcome}")
