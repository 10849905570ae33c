"""`people`: acts about one person, most of them by two."""

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from meyasubako.domain.people import Mechanism
from meyasubako.domain.reach import takes_over
from meyasubako.service.cli import options
from meyasubako.service.cli.failures import InputError
from meyasubako.service.cli.key import read_public
from meyasubako.service.cli.output import console, emit, plain
from meyasubako.service.cli.people import draw_reach, people, reach_rows
from meyasubako.service.cli.people_options import Asked, as_somebody, asked, person_argument
from meyasubako.service.errors import RefusedError

__all__ = ["people"]

_HANDS_OVER = "hands-over-first"


@people.command(epilog=options.example('meyasubako people restore "Omar Haddad" --at URL --as dan.key'))
@person_argument
@as_somebody
def restore(person: str, **given: Any) -> None:
    """Propose to lift a suspension. Whoever comes back waits like somebody new.

    Only where the key was never in other hands: otherwise let the person make a new one, and use `rotate`.
    """
    who = asked(given)
    key_id, name = who.person(person, state="suspended")
    who.do("person.restored", {"person": key_id}, person=name, key_id=key_id)


@people.command(
    "grant-role", epilog=options.example("meyasubako people grant-role Omar records --at URL --as dan.key")
)
@person_argument
@click.argument("role")
@as_somebody
def grant_role(person: str, role: str, **given: Any) -> None:
    """Propose another ROLE for somebody. With one that reads or holds shares, they wait like somebody new."""
    who = asked(given)
    key_id, name = who.person(person)
    who.do("role.granted", {"person": key_id, "role": role}, person=name, role=role)


@people.command(
    "withdraw-role",
    epilog=options.example("meyasubako people withdraw-role Omar intake:main --at URL --as dan.key"),
)
@person_argument
@click.argument("role")
@as_somebody
def withdraw_role(person: str, role: str, **given: Any) -> None:
    """Take a ROLE from somebody; it takes two people where nobody else has it."""
    who = asked(given)
    key_id, name = who.person(person)
    try:
        who.do("role.withdrawn", {"person": key_id, "role": role}, person=name, role=role)
    except RefusedError as refused:
        _tell_whom(who, refused, key_id)
        raise


@people.command(epilog=options.example("meyasubako people rotate Omar omar-2.key.pub --at URL --as dan.key"))
@person_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--suspended", is_flag=True, help="PERSON is suspended, as after a theft.")
@as_somebody
def rotate(person: str, file: Path, *, suspended: bool, **given: Any) -> None:
    """Propose the new key whose public line is in FILE in the place of PERSON's.

    Was the old key in other hands, suspend it first. Neither of the two who do this is PERSON. The new key
    waits like any; rooms are given to it by colleagues, and appointments (fallback, custodians, recovery)
    are made anew.
    """
    who = asked(given)
    key_id, name = who.person(person, state="suspended" if suspended else "active")
    fresh = read_public(file)
    event = who.stewardship.rotate(key_id, fresh)
    facts = {"person": name, "replaces": key_id, "fingerprint": fresh.fingerprint}
    who.told(event, facts, proposed=True)


@people.command(epilog=options.example('meyasubako people retire "Omar Haddad" --at URL --as dan.key'))
@person_argument
@click.option("--suspended", is_flag=True, help="PERSON is suspended.")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@as_somebody
def retire(person: str, *, suspended: bool, yes: bool, **given: Any) -> None:
    """Take somebody who leaves off the roster, for good, and say what they could have read.

    Refused while they alone read a room of an open case: then it is said which cases, and who could take them
    over with `cases grant`. It takes two people where nobody else has one of their roles.
    """
    who = asked(given)
    key_id, name = who.person(person, state="suspended" if suspended else "active")
    if not yes:
        if not sys.stdin.isatty():
            raise InputError("there is no terminal to ask in: use --yes")
        click.confirm(f"Retire {name!r} ({key_id}) for good?", abort=True, err=True)
    try:
        event, proposed = who.stewardship.do("person.retired", {"person": key_id})
    except RefusedError as refused:
        _tell_whom(who, refused, key_id)
        raise
    rows = reach_rows(who.stewardship.reach(key_id))

    def show(out: Console) -> None:
        out.print(
            f"{plain(name)} is {'proposed to be retired' if proposed else 'retired'} ({event.leaf[:12]})."
        )
        if proposed:
            out.print(
                f"A second person runs: meyasubako confirm {event.leaf[:12]} --at {plain(who.url)} --as …"
            )
        out.print("They could have read, and may have kept:")
        draw_reach(out, rows)

    state = "proposed" if proposed else "retired"
    facts = {"person": name, "key_id": key_id, "state": state, "leaf": event.leaf, "cases": rows}
    emit(facts, as_json=who.as_json, show=show)


def _tell_whom(who: Asked, refused: RefusedError, key_id: str) -> None:
    """Where somebody has to hand over first: which cases, and who could take them."""
    if refused.name != _HANDS_OVER:
        return
    mechanism, names = who.stewardship.known()
    alone = [each.case[:8] for each in who.stewardship.reach(key_id) if each.alone]
    console(sys.stderr).print(
        f"cases that nobody else reads whole: {', '.join(alone)}\n"
        f"who could take them over, by `cases grant`: {plain(_takers(mechanism, names, key_id))}"
    )


def _takers(mechanism: Mechanism, names: dict[str, str], key_id: str) -> str:
    found = takes_over(mechanism, mechanism.people[key_id])
    return ", ".join(sorted(names[each.key_id] for each in found)) or "nobody: enrol somebody first"
