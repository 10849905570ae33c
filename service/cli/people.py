"""`people`: who is on the roster, who is missing, and what waits for a second person."""

from copy import copy
from typing import Any

import click
from rich.console import Console

from meyasubako.domain import staffing
from meyasubako.domain.people import NOT_YET, Mechanism, Person
from meyasubako.service.cli import options
from meyasubako.service.cli.acts import confirm, draw_proposals
from meyasubako.service.cli.connecting import one_person
from meyasubako.service.cli.enroll import enroll
from meyasubako.service.cli.failures import Commands
from meyasubako.service.cli.output import emit, plain, table
from meyasubako.service.cli.people_options import as_somebody, asked, person_argument
from meyasubako.service.cli.suspend import suspend


@click.group(cls=Commands)
def people() -> None:
    """Who is on the roster, with which roles and duties.

    PERSON is a name, or the beginning of a key id. What gives somebody power is proposed by one person and
    confirmed by another: two stewards, or a steward and an outsider.
    """


@people.command("list", epilog=options.example("meyasubako people list --at URL --as dan.key"))
@as_somebody
def list_(**given: Any) -> None:
    """List everybody on the roster, and what is missing for a full set-up."""
    who = asked(given)
    mechanism, names = who.stewardship.known()
    everybody = sorted(mechanism.people.values(), key=lambda person: (person.state, names[person.key_id]))
    lacking = list(staffing.missing(mechanism))

    def show(out: Console) -> None:
        made = table("name", "key", "roles", "state", "usable")
        for person in everybody:
            roles = ", ".join(sorted(person.roles))
            made.add_row(
                plain(names[person.key_id]),
                person.key_id[:8],
                roles,
                person.state,
                _usable(mechanism, person),
            )
        out.print(made)
        for sentence in lacking:
            out.print(f"[dim]missing[/]  {plain(sentence)}")

    rows = [_facts(mechanism, person, names[person.key_id]) for person in everybody]
    emit({"people": rows, "missing": lacking}, as_json=who.as_json, show=show)


@people.command(epilog=options.example('meyasubako people show "Omar Haddad" --at URL --as dan.key'))
@person_argument
@as_somebody
def show(person: str, **given: Any) -> None:
    """Show one person: roles, state, keys, and where they are appointed."""
    who = asked(given)
    mechanism, names = who.stewardship.known()
    found = mechanism.people[one_person(names, person)]
    emit(_facts(mechanism, found, names[found.key_id]), as_json=who.as_json)


@people.command(epilog=options.example('meyasubako people reach "Omar Haddad" --at URL --as dan.key'))
@person_argument
@as_somebody
def reach(person: str, **given: Any) -> None:
    """Show what somebody could read: cases, rooms and days, without any text (stewards and auditors).

    Whoever was given a key could open what was written under it, whether they looked or not. What was fetched
    is what the service handed out; of copies nobody knows.
    """
    who = asked(given)
    _, names = who.stewardship.known()
    key_id = one_person(names, person)
    reached = reach_rows(who.stewardship.reach(key_id))

    def show(out: Console) -> None:
        draw_reach(out, reached)

    emit({"person": names[key_id], "cases": reached}, as_json=who.as_json, show=show)


@people.command(epilog=options.example("meyasubako people proposals --at URL --as eva.key"))
@as_somebody
def proposals(**given: Any) -> None:
    """Show what waits for a second person."""
    who = asked(given)
    draw_proposals(who.stewardship, as_json=who.as_json)


@people.command(epilog=options.example("meyasubako people withdraw 3f9a --at URL --as dan.key"))
@click.argument("leaf")
@as_somebody
def withdraw(leaf: str, **given: Any) -> None:
    """Take back your own proposal that begins with LEAF. What nobody confirms lapses in 30 days."""
    who = asked(given)
    event = who.stewardship.withdraw(leaf)
    emit({"act": event.text("act"), "state": "withdrawn", "leaf": event.leaf}, as_json=who.as_json)


def _usable(mechanism: Mechanism, person: Person) -> str:
    if person.state != "active":
        return ""
    last = mechanism.last_marker
    if person.usable_from == NOT_YET or last is None or person.usable_from > last.slot:
        return "waits"
    day = next((marker.day for marker in mechanism.markers if marker.slot == person.usable_from), None)
    return f"since {day}" if day else "yes"


def _facts(mechanism: Mechanism, person: Person, name: str) -> dict[str, object]:
    appointed = [
        f"{what}:{channel.channel}"
        for channel in mechanism.channels.values()
        for what, there in (
            ("fallback", channel.fallback == person.key_id),
            ("custodians", channel.custodians is not None and person.key_id in channel.custodians.people),
            ("recovery", channel.recovery is not None and person.key_id in channel.recovery.people),
        )
        if there
    ]
    return {
        "name": name,
        "key_id": person.key_id,
        "roles": sorted(person.roles),
        "appointed": appointed,
        "state": person.state,
        "usable": _usable(mechanism, person),
        "enrolled": person.since.isoformat(),
        "replaces": person.replaces,
    }


def reach_rows(cases: Any) -> list[dict[str, Any]]:
    """What somebody could read, as facts."""
    return [
        {
            "case": each.case,
            "state": each.state,
            "fetched": each.fetched,
            "alone": each.alone,
            "rooms": [
                {
                    "room": room.room,
                    "epochs": list(room.epochs),
                    "since": room.since,
                    "until": room.until,
                    "reads_now": room.reads_now,
                }
                for room in each.rooms
            ],
        }
        for each in cases
    ]


def draw_reach(out: Console, rows: list[dict[str, Any]]) -> None:
    """What somebody could read, as a table."""
    if not rows:
        out.print("No key of a case was ever given to this person.")
        return
    made = table("case", "state", "room", "from", "until", "fetched")
    for row in rows:
        for room in row["rooms"]:
            until = room["until"] or ("reads now" if room["reads_now"] else "no longer")
            fetched = str(row["fetched"]) if room is row["rooms"][0] else ""
            made.add_row(row["case"][:8], row["state"], room["room"], room["since"], until, fetched)
    out.print(made)


def _here(command: click.Command) -> click.Command:
    """A command that stands at the top too, with an example of how it is called here."""
    here = copy(command)
    here.epilog = (command.epilog or "").replace("  meyasubako ", "  meyasubako people ")
    return here


for _command in (enroll, suspend, confirm):
    people.add_command(_here(_command))
