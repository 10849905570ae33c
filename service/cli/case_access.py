"""`cases`: who reads a case; conflicts, and stepping back from one."""

import sys
from typing import Any

import click

from meyasubako.service.cli import options
from meyasubako.service.cli.case_options import at_mechanism, case_argument, connected, done
from meyasubako.service.cli.cases import cases
from meyasubako.service.client import access, life

_ROOMS = ("dialogue", "report", "team", "mediation", "respondent")


@cases.command(
    epilog=options.example('meyasubako cases grant 3f9a "Omar Haddad" --at URL --as keiko.key --log URL')
)
@case_argument
@click.argument("person", metavar="PERSON")
@at_mechanism
def grant(case: str, person: str, **given: Any) -> None:
    """Give PERSON (a name, or the beginning of a key id) everything of the case that you read."""
    asked = connected(given)
    event = access.grant(asked.connection.desk, case, asked.connection.person(person))
    done(asked, event, "access given")


@cases.command(
    epilog=options.example('meyasubako cases invite 3f9a "Tara Lin" --at URL --as keiko.key --log URL')
)
@case_argument
@click.argument("person", metavar="PERSON")
@click.option(
    "--room",
    "rooms",
    type=click.Choice(_ROOMS),
    multiple=True,
    default=("dialogue",),
    show_default=True,
    help="May be given twice.",
)
@at_mechanism
def invite(case: str, person: str, rooms: tuple[str, ...], **given: Any) -> None:
    """Let a translator, a panel member or a party read along, from now on.

    What was said before stays closed to them, as far as it was said before somebody last lost access.
    """
    asked = connected(given)
    event = access.invite(asked.connection.desk, case, asked.connection.person(person), rooms)
    done(asked, event, "access given to what is there now, and from now on")


@cases.command(epilog=options.example('meyasubako cases revoke 3f9a "Omar Haddad" --at URL --as keiko.key'))
@case_argument
@click.argument("person", metavar="PERSON")
@at_mechanism
def revoke(case: str, person: str, **given: Any) -> None:
    """Take PERSON's access to the case away.

    It holds for what is written from now on: what somebody could open until now, they may have kept.
    """
    asked = connected(given)
    event = access.revoke(asked.connection.desk, case, asked.connection.person(person))
    done(asked, event, "access taken away, for what is written from now on")


@cases.command(epilog=options.example("meyasubako cases conflict 3f9a none --at URL --as keiko.key"))
@case_argument
@click.argument("answer", type=click.Choice(("none", "declared")))
@at_mechanism
def conflict(case: str, answer: str, **given: Any) -> None:
    """Say, signed, whether you have a conflict of interest in the case.

    Whoever declares one does nothing more in it but step back; it cannot be taken back.
    """
    asked = connected(given)
    kind = "conflict.cleared" if answer == "none" else "conflict.declared"
    event = life.do(asked.connection.desk, case, kind, {}).event
    said = "you have no conflict" if answer == "none" else "you have a conflict; now: cases recuse"
    done(asked, event, f"written down: {said}")


@cases.command(epilog=options.example("meyasubako cases recuse 3f9a --yes --at URL --as keiko.key"))
@case_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@at_mechanism
def recuse(case: str, *, yes: bool, **given: Any) -> None:
    """Step back from a case: your access to all of it ends, and nobody can give it back.

    You are shown no text for it. What you could open until now, your machine may still hold: delete it.
    Nobody can prove that you did.
    """
    asked = connected(given)
    desk = asked.connection.desk
    file = desk.case(case)
    mine = file.ledger.mechanism.people[desk.me].roles
    if access.left_behind(file, desk.me) == 0:
        click.echo("Nobody else works on it: give a colleague access first, if you can.", err=True)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("--yes is needed where nobody can be asked.")
        click.echo(
            f"case {file.case.stream[:8]}  channel {file.case.channel}  you: {', '.join(sorted(mine))}"
        )
        click.confirm("Step back from this case?", abort=True)
    event = access.recuse(desk, case)
    done(asked, event, "you have stepped back; delete what your machine still holds of it")
